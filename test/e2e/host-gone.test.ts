import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../peers/wait-for.js';
import { probe, type Probe } from '../peers/judge.js';
import { topLevelBoxes } from '../peers/mp4-boxes.js';
import {
  Aired,
  expectCleanDecoding,
  expectSynchrony,
  expectUnbrokenTimes,
  pictureMs,
  type Span,
} from './aired.js';
import { Show, smallPictures, streamKey } from './show.js';

const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
const hostBeepHz = 1_000;
/** Long enough for ffmpeg to start on a busy machine, short enough to wait for. */
const graceMs = 8_000;
/** How long the host is there, each time. */
const presentPictures = 75;
/** How long the slate is on air, when the host comes back. */
const slatePictures = 45;
/** Two and a half seconds of what ffmpeg sends: 1.5 Mb/s of video and 128 kb/s of audio. */
const rtmpBytes = 450_000;
/** A host who says nothing is given a second before the slate, and the slate's first picture its time. */
const noticeMs = 2_000;
/** Of an encoder that is killed, a P picture may be the last to come: the two B-frames before it die with the host. */
const maxStepMs = 3 * pictureMs;

describe('a host who vanishes without goodbye', () => {
  let show: Show;
  let first: Aired;
  let recorded: Probe;
  let recordedBoxes: string[];
  let endedAfterMs: number;
  let sources: string[];
  let again: { publishes: number; state: string };

  beforeAll(async () => {
    show = await Show.open({ settings: { ...smallPictures, graceMs } });
    const hostClip = await show.clip('host', { ...clip, beepHz: hostBeepHz });
    const rtmpClip = await show.rtmpClip('rtmp', { ...clip, seconds: 20, beepHz: hostBeepHz });
    // A guest in the wings, who is not on air in live mode: time is told by its pictures.
    const clock = (await show.guest(hostClip)).broadcaster;
    const network = await show.network();
    const host = await show.host(hostClip, `${network.httpUrl}/whip/${show.room.id}`);
    await show.onAir('relay');
    await show.reachCdn();
    const { file } = await show.room.startRecording();
    await show.letRun(host, presentPictures);

    // Gone without goodbye, back by WHIP from another address.
    network.impair({ loss: 1 }, { loss: 1 });
    await show.onAir('slate');
    await show.letRun(clock, slatePictures);
    const returned = await show.host(hostClip);
    await show.onAir('relay');
    await show.letRun(returned, presentPictures);

    // Gone with goodbye, back by RTMP.
    await returned.close();
    await show.onAir('slate');
    await show.letRun(clock, slatePictures);
    const pushing = show.rtmpHost(rtmpClip);
    await show.onAir('relay');
    await show.letProgramRun(rtmpBytes);

    // Gone for good: the far end's machine dies.
    pushing.signal('SIGKILL');
    await show.onAir('slate');
    const since = performance.now();
    await waitFor('the end of the program', () => show.room.view().state === 'idle', {
      timeoutMs: 2 * graceMs,
    });
    endedAfterMs = performance.now() - since;
    sources = show.events.flatMap((event) => (event.type === 'switched' ? [event.source] : []));
    first = await Aired.read(await show.cdn.recordingOf(streamKey));
    await waitFor('the recording to be finished', () => show.room.view().recording.state === 'off');
    const path = join(show.folder.file('state'), 'recordings', file ?? '');
    recordedBoxes = await topLevelBoxes(path);
    recorded = await probe(path);

    // And yet another session begins the program anew.
    const late = await show.host(hostClip);
    await show.onAir('relay');
    await waitFor('another publish', () => show.cdn.publishes.length === 2);
    await show.letRun(late, 30);
    again = { publishes: show.cdn.publishes.length, state: show.room.view().state };
  }, 150_000);
  afterAll(() => show.close());

  it('is stood in for by the slate, each time, on the same RTMP connection', () => {
    // A host is not gone at once when no picture comes: the mixer shows the last one for a moment.
    expect(sources.join(' ')).toMatch(/^relay( mix)? slate relay( mix)? slate relay( mix)? slate$/);
    expect(show.cdn.publishes).toHaveLength(2);
    expect(show.cdn.connections).toHaveLength(2);
  });

  it('leaves the program’s times continuous through slates and sessions', () => {
    expectUnbrokenTimes(first, maxStepMs);
  });

  it('leaves nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(first);
  });

  it('is heard and seen in sync after each return, whatever protocol it is by', () => {
    const skews = first.hostSkews(hostBeepHz);
    expectSynchrony(skews, { atLeast: 6 });
    const seen = spansOf(first);
    expect(seen).toHaveLength(3);
    for (const { startMs, endMs } of seen) {
      expect(
        skews.filter(({ flashMs }) => flashMs >= startMs && flashMs <= endMs).length,
      ).toBeGreaterThanOrEqual(2);
    }
  });

  it('is silent while away and nowhere else', (context) => {
    const seen = spansOf(first);
    show.skipWhenHeldUp(context);
    const holes = first.soundHoles(200);
    for (const hole of holes) {
      const within = seen.filter(
        ({ startMs, endMs }) => hole.startMs > startMs + 100 && hole.endMs < endMs - noticeMs,
      );
      expect(within, JSON.stringify({ hole, seen })).toEqual([]);
    }
    expect(holes.filter(({ startMs, endMs }) => endMs - startMs > 1_000).length).toBeGreaterThanOrEqual(3);
  });

  it('ends the program when the grace period is over: targets are left, the recording is finished', () => {
    expect(endedAfterMs).toBeGreaterThan(graceMs - noticeMs);
    expect(endedAfterMs).toBeLessThan(graceMs + noticeMs);
    expect(show.cdn.publishes[0]?.ended).toBe(true);
    expect(recordedBoxes).toContain('moov');
    expect(recordedBoxes).not.toContain('moof');
    const pictures = recorded.videoPackets.length;
    // Recording begins with the first IDR after it is asked for.
    expect(pictures).toBeGreaterThan(first.pictures.length - 60);
    expect(recorded.audioPackets.length).toBeGreaterThan(first.packets.audioPackets.length - 100);
  });

  it('begins the program anew with the next session', () => {
    expect(again).toEqual({ publishes: 2, state: 'live' });
  });
});

/** When the host's pictures move: between the slates. */
function spansOf(aired: Aired): Span[] {
  const spans: { startMs: number; endMs: number }[] = [];
  let before: number | undefined;
  for (const { ptsMs, number } of aired.numbers()) {
    const last = spans.at(-1);
    if (number !== undefined && number !== before) {
      if (last === undefined || ptsMs - last.endMs > 1_000) spans.push({ startMs: ptsMs, endMs: ptsMs });
      else last.endMs = ptsMs;
    }
    before = number;
  }
  return spans.filter(({ startMs, endMs }) => endMs - startMs > 500);
}
