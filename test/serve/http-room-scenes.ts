import type { ParticipantView, RoomView, TargetView } from '../../src/serve/room-api.js';

/** Views with something in every corner, for looking at pages. */
export function busyRoom(base: RoomView, now: number): RoomView {
  const at = (secondsAgo: number): string => new Date(now - secondsAgo * 1000).toISOString();
  const person = (id: string, name: string, more: Partial<ParticipantView>): ParticipantView => ({
    id,
    role: id === 'host' ? 'host' : 'guest',
    name,
    state: 'accepted',
    gainDb: 0,
    muted: false,
    onAir: true,
    publishing: true,
    protocol: 'whip',
    hasStreamKey: false,
    stats: { videoBitrateBps: 2_310_000, audioBitrateBps: 64_000, lossRatio: 0.002, roundTripMs: 38 },
    ...more,
  });
  const target = (id: string, name: string, more: Partial<TargetView>): TargetView => ({
    id,
    name,
    url: 'rtmp://live.example.com/app/••••',
    enabled: true,
    state: 'live',
    bytesOut: 812_000_000,
    bitrateBps: 2_630_000,
    reconnects: 0,
    droppedUnits: 0,
    lastError: null,
    lastErrorHint: null,
    ...more,
  });
  return {
    ...base,
    state: 'collab',
    mode: 'collab',
    source: 'mix',
    layout: 'side-by-side',
    participants: [
      person('host', 'Mara Lindqvist', {}),
      person('g1', 'Tomás Oyelaran', { gainDb: -4, muted: true }),
      person('g2', 'Priya Raman', { state: 'waiting', onAir: false }),
    ],
    targets: [
      target('t1', 'YouTube', {}),
      target('t2', 'Twitch', {
        state: 'reconnecting',
        reconnects: 3,
        bitrateBps: 0,
        lastError: 'rtmp://live.example.net/app: connection refused (ECONNREFUSED)',
        lastErrorHint: 'Is the server running, and is the port right?',
      }),
    ],
    recording: { state: 'recording', file: 'show.mp4', startedAt: at(754), bytes: 240e6, lastError: null },
    program: {
      startedAt: at(1860),
      lastSwitchMs: 214,
      bitrateBps: 2_630_000,
      viewers: { whep: 3, hls: 112, flv: 41 },
      timeline: [
        { at: at(1860), mode: 'live', source: 'relay', tookMs: 90 },
        { at: at(1300), mode: 'collab', source: 'mix', tookMs: 188 },
        { at: at(700), mode: 'live', source: 'relay', tookMs: 240 },
        { at: at(420), mode: 'live', source: 'slate', tookMs: 60 },
        { at: at(390), mode: 'live', source: 'relay', tookMs: 310 },
        { at: at(260), mode: 'collab', source: 'mix', tookMs: 214 },
      ],
    },
    process: { cpuPercent: 61, rssBytes: 182e6, restarts: 0 },
  };
}
