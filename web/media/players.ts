import type Hls from 'hls.js';
import type { RtcLink } from './rtc-link.js';
import { subscribe } from './subscriber.js';

export type Protocol = 'hls' | 'flv' | 'whep';

export const PROTOCOL_NAMES: Readonly<Record<Protocol, string>> = {
  hls: 'LL-HLS',
  flv: 'HTTP-FLV',
  whep: 'WebRTC',
};

/** In the order they are tried: what scales best first, what needs most of the network last. */
export const PROTOCOLS: readonly Protocol[] = ['hls', 'flv', 'whep'];

/** Where the program of a room is, by protocol. */
export function programAddress(protocol: Protocol, roomId: string): string {
  if (protocol === 'hls') return `/live/${roomId}/index.m3u8`;
  return protocol === 'flv' ? `/live/${roomId}.flv` : `/whep/${roomId}`;
}

export interface PlayerFigures {
  /** From the live edge (HLS, FLV) or from the server (WebRTC) to the screen. */
  readonly latencyMs: number | undefined;
  /** Received over the connection so far. */
  readonly bytes: number;
}

export interface Player {
  figures(): Promise<PlayerFigures>;
  close(): void;
}

export interface PlayerOptions {
  readonly video: HTMLVideoElement;
  readonly roomId: string;
  /** It cannot go on; another protocol may. */
  readonly onFailed: (reason: string) => void;
}

/** Plays the program by one protocol. The libraries are loaded when they are needed. */
export async function openPlayer(protocol: Protocol, options: PlayerOptions): Promise<Player> {
  if (protocol === 'hls') return openHls(options);
  return protocol === 'flv' ? openFlv(options) : openWhep(options);
}

/** Faster playback that makes a delay good again; pitch is kept, so that speech stays speech. */
const CATCH_UP_RATE = 1.2;
/** What waits to be shown of HTTP-FLV: enough for the jitter of one TCP connection, and where catching up begins. */
const FLV_TARGET_S = 0.6;
const FLV_CATCH_UP_S = 1;
/** Too much to catch up by playing faster, as after a pause or at the start of a long group of pictures: skipped. */
const FLV_SKIP_S = 2;
/** Media errors that hls.js is allowed to mend before it is given up. */
const HLS_RECOVERIES = 3;

async function openHls({ video, roomId, onFailed }: PlayerOptions): Promise<Player> {
  const { default: Hls } = await import('hls.js');
  const url = new URL(programAddress('hls', roomId), location.href).href;
  if (!Hls.isSupported()) {
    if (video.canPlayType('application/vnd.apple.mpegurl') === '')
      throw new Error('this browser cannot play HLS');
    return openNativeHls(video, url, onFailed);
  }
  const hls = new Hls({
    lowLatencyMode: true,
    backBufferLength: 20,
    maxLiveSyncPlaybackRate: CATCH_UP_RATE,
    // After a stall a little more is kept; by default a whole second for each, which adds up.
    liveSyncOnStallIncrease: 0.4,
  });
  let bytes = 0;
  let recoveries = 0;
  hls.on(Hls.Events.FRAG_LOADED, (_name, { frag, part }) => {
    bytes += (part ?? frag).stats.loaded;
  });
  hls.on(Hls.Events.ERROR, (_name, { fatal, type, details }) => {
    if (!fatal) return;
    if (type === Hls.ErrorTypes.MEDIA_ERROR && recoveries++ < HLS_RECOVERIES) return hls.recoverMediaError();
    onFailed(details);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    figures: () => Promise.resolve({ latencyMs: hlsLatencyMs(hls), bytes }),
    close: () => hls.destroy(),
  };
}

/** Clocks that differ by more than this are not set by the same time: theirs is no measure. */
const CLOCKS_AGREE_MS = 2_000;

/**
 * From the picture's arrival at the server (its program date) to the screen, where both clocks agree; otherwise behind
 * the end of the playlist, which leaves out what the server's newest part takes to be finished.
 */
function hlsLatencyMs({ latency, playingDate }: Hls): number | undefined {
  if (latency <= 0) return undefined;
  const behindPlaylist = latency * 1000;
  const behindServer = playingDate === null ? Number.NaN : Date.now() - playingDate.getTime();
  return Math.abs(behindServer - behindPlaylist) < CLOCKS_AGREE_MS ? behindServer : behindPlaylist;
}

function openNativeHls(video: HTMLVideoElement, url: string, onFailed: (reason: string) => void): Player {
  const failed = (): void => onFailed(video.error?.message ?? 'media error');
  video.addEventListener('error', failed);
  video.src = url;
  return {
    figures: () => Promise.resolve({ latencyMs: behindEdge(video), bytes: 0 }),
    close: () => {
      video.removeEventListener('error', failed);
      video.removeAttribute('src');
      video.load();
    },
  };
}

async function openFlv({ video, roomId, onFailed }: PlayerOptions): Promise<Player> {
  const { default: mpegts } = await import('mpegts.js');
  if (!mpegts.isSupported()) throw new Error('this browser cannot play HTTP-FLV');
  mpegts.LoggingControl.enableAll = false;
  const url = new URL(programAddress('flv', roomId), location.href).href;
  const player = mpegts.createPlayer(
    { type: 'flv', isLive: true, url },
    {
      isLive: true,
      enableStashBuffer: false,
      liveSync: true,
      liveSyncTargetLatency: FLV_TARGET_S,
      liveSyncMaxLatency: FLV_CATCH_UP_S,
      liveSyncPlaybackRate: CATCH_UP_RATE,
      liveBufferLatencyChasing: true,
      liveBufferLatencyMaxLatency: FLV_SKIP_S,
      liveBufferLatencyMinRemain: FLV_TARGET_S,
      autoCleanupSourceBuffer: true,
    },
  );
  let bytes = 0;
  let lastAt = performance.now();
  player.on(mpegts.Events.STATISTICS_INFO, ({ speed }: { speed?: number }) => {
    const at = performance.now();
    // In kB/s since the last report.
    bytes += ((speed ?? 0) * 1024 * (at - lastAt)) / 1000;
    lastAt = at;
  });
  player.on(mpegts.Events.ERROR, (kind: string, detail: string) => onFailed(`${kind}: ${detail}`));
  player.on(mpegts.Events.LOADING_COMPLETE, () => onFailed('the stream ended'));
  player.attachMediaElement(video);
  player.load();
  return {
    figures: () => Promise.resolve({ latencyMs: behindEdge(video), bytes }),
    close: () => player.destroy(),
  };
}

function openWhep({ video, roomId, onFailed }: PlayerOptions): Player {
  let attempts = 0;
  const link: RtcLink = subscribe({
    url: programAddress('whep', roomId),
    token: undefined,
    onStream: (stream) => {
      if (video.srcObject !== stream) video.srcObject = stream;
    },
    onState: (state, error) => {
      if (state === 'up') attempts = 0;
      if (state === 'refused') onFailed(error?.message ?? 'refused');
      if (state === 'reconnecting' && ++attempts > 4) onFailed('no connection');
    },
  });
  return {
    figures: () => whepFigures(link.connection),
    close: () => {
      link.close();
      video.srcObject = null;
    },
  };
}

async function whepFigures(connection: RTCPeerConnection | undefined): Promise<PlayerFigures> {
  let bytes = 0;
  let latencyMs: number | undefined;
  let roundTripMs = 0;
  (await connection?.getStats())?.forEach((entry: Record<string, unknown>) => {
    if (entry['type'] === 'candidate-pair' && entry['nominated'] === true) {
      roundTripMs = Number(entry['currentRoundTripTime'] ?? 0) * 1000;
    }
    if (entry['type'] !== 'inbound-rtp') return;
    bytes += Number(entry['bytesReceived'] ?? 0);
    const emitted = Number(entry['jitterBufferEmittedCount'] ?? 0);
    if (entry['kind'] === 'video' && emitted > 0) {
      latencyMs = (Number(entry['jitterBufferDelay'] ?? 0) / emitted) * 1000;
    }
  });
  return { latencyMs: latencyMs === undefined ? undefined : latencyMs + roundTripMs / 2, bytes };
}

function behindEdge(video: HTMLVideoElement): number | undefined {
  const { buffered, currentTime } = video;
  if (buffered.length === 0) return undefined;
  // A player that waits for data may be past the end of it.
  return Math.max(0, buffered.end(buffered.length - 1) - currentTime) * 1000;
}
