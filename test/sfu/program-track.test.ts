import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ForwardPacket } from '../../src/sfu/packet-source.js';
import { ProgramTrack } from '../../src/sfu/program-track.js';
import { waitFor } from '../peers/wait-for.js';
import { Broadcaster } from './broadcaster.js';
import { h264Clip, opusUnit } from './clip.js';
import { Endpoint } from './endpoint.js';

/** A switch may put the first picture of the new source where its arrival is, not exactly on the old one's pace. */
const MAX_VIDEO_STEP_TICKS = 45_000;
const SWITCHES = 6;

const clip = h264Clip({ width: 320, height: 180, pictures: 30, gop: 10 });
const picture = (i: number) => ({ ...clip[i % clip.length]!, pts: i * 3_000, dts: i * 3_000 });

let endpoint: Endpoint;
let track: ProgramTrack;
let out: ForwardPacket[];

beforeEach(async () => {
  endpoint = await Endpoint.open();
  track = ProgramTrack.open();
  out = [];
  track.attach({ forward: (packet) => void out.push(packet), sourceClosed: () => undefined });
});
afterEach(async () => {
  track.close();
  await endpoint.close();
});

const of = (kind: 'audio' | 'video'): ForwardPacket[] => out.filter((packet) => packet.kind === kind);
const stepsOf = (
  list: readonly ForwardPacket[],
  field: 'sequenceNumber' | 'timestamp',
  range: number,
): number[] => list.slice(1).map((packet, i) => (packet[field] - list[i]![field] + range) % range);

/** A publisher and a mix that run at the same time, the mix with a timeline of its own. */
function play(publisher: Broadcaster): Disposable {
  const sounds = { relay: 0, mix: 0 };
  return Broadcaster.every33ms((i) => {
    for (; sounds.relay <= i * 1_600; sounds.relay += 960) publisher.audio(opusUnit(sounds.relay));
    publisher.video(picture(i));
    for (; sounds.mix <= i * 1_600; sounds.mix += 960) track.pushUnit(opusUnit(sounds.mix + 12_345_000));
    track.pushUnit({ ...picture(i + 3), pts: i * 3_000 + 9_000_000, dts: i * 3_000 + 9_000_000 });
  });
}

describe('ProgramTrack', () => {
  it('is one continuous stream over switches between a publication and units, each beginning with an IDR', async () => {
    await using publisher = await Broadcaster.open(`${endpoint.url}/whip`);
    const switched: { source: string; at: number }[] = [];
    track.on('switched', (source) => switched.push({ source, at: of('video').length }));
    using playing = play(publisher);
    for (let i = 1; i <= SWITCHES; i++) {
      if (i % 2 === 1) track.relay(endpoint.publications[0]!);
      else track.useUnits();
      await waitFor(`switch ${i}`, () => switched.length === i);
      const sent = of('video').length;
      await waitFor('pictures after it', () => of('video').length > sent + 15);
    }
    playing[Symbol.dispose]();
    const video = of('video');
    expect(switched.map(({ source }) => source)).toEqual([
      'relay',
      'units',
      'relay',
      'units',
      'relay',
      'units',
    ]);
    for (const { at } of switched.slice(1)) expect(video[at]!.startsKeyframe).toBe(true);
    expect(new Set(stepsOf(video, 'sequenceNumber', 0x10000))).toEqual(new Set([1]));
    const steps = stepsOf(video, 'timestamp', 2 ** 32);
    expect(Math.max(...steps)).toBeLessThan(MAX_VIDEO_STEP_TICKS);
    for (const { at } of switched.slice(1)) expect(steps[at - 1]).toBeGreaterThan(0);
    const audio = of('audio');
    expect(new Set(stepsOf(audio, 'sequenceNumber', 0x10000))).toEqual(new Set([1]));
    // Between switches every packet follows the one before it; no switch makes two of them overlap.
    const audioSteps = stepsOf(audio, 'timestamp', 2 ** 32);
    expect(Math.min(...audioSteps)).toBe(960);
    expect(audioSteps.filter((step) => step !== 960).length).toBeLessThan(SWITCHES);
  });

  it('goes on with the present source while the new one has no IDR, and asks for one', async () => {
    const asked: number[] = [];
    track.on('keyframe-needed', () => asked.push(out.length));
    track.useUnits();
    track.pushUnit(picture(0));
    expect(track.source).toBe('units');
    await using publisher = await Broadcaster.open(`${endpoint.url}/whip`);
    track.relay(endpoint.publications[0]!);
    publisher.video(picture(1));
    await waitFor('a PLI', () => publisher.plis.length > 0);
    track.pushUnit(picture(1));
    expect(track.source).toBe('units');
    publisher.video(picture(10));
    await waitFor('the relay', () => track.source === 'relay');
    expect(asked).toHaveLength(1);
  });

  it('keeps its viewers when the publication ends, and takes up the next one', async () => {
    const first = await Broadcaster.open(`${endpoint.url}/whip`);
    track.relay(endpoint.publications[0]!);
    first.video(picture(0));
    await waitFor('the first', () => of('video').length > 0);
    await first.close();
    await waitFor('nothing on air', () => track.source === 'none');
    expect(track.viewers).toBe(1);
    await using second = await Broadcaster.open(`${endpoint.url}/whip`);
    track.relay(endpoint.publications[1]!);
    const before = of('video').length;
    second.video(picture(0));
    await waitFor('the second', () => of('video').length > before);
    expect(new Set(stepsOf(of('video'), 'sequenceNumber', 0x10000))).toEqual(new Set([1]));
  });
});
