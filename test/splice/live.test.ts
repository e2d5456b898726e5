import { describe, expect, test } from 'vitest';
import { parseAsc } from '../../src/codec/aac/asc.js';
import { channelWindows, parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { WindowShape, type WindowInfo } from '../../src/codec/aac/channel-stream.js';
import { withWindows } from '../../src/codec/aac/window.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import type { LiveSeam } from '../../src/splice/live-seam.js';
import type { LiveFrame } from '../../src/splice/live-sound.js';
import { LiveSplicer, type LiveUnit } from '../../src/splice/live-splicer.js';
import { FRAME } from '../../src/splice/piece.js';
import { illegalWindowSteps } from '../peers/aac-windows.js';
import { music } from './music.js';
import { encodeSource, type EncoderChoice } from './rig.js';

const SECONDS = 12;
/** Without any joint, two encodes of one sound differ by as much in their loudest hop (docs/benchmarks.md). */
const WORST_EXCESS_DB = 8;
const MEDIAN_EXCESS_DB = 1;
/** Frames of the source that a joint may cost on its side: those held back, and those until windows fit. */
const BRIDGED_AT_MOST = 16;

interface Source {
  readonly sampleRate: number;
  readonly channels: number;
  readonly units: readonly AacUnit[];
  /** Frame by frame, what each unit decodes to after the one before it. */
  readonly sound: readonly (readonly Float32Array[])[];
  readonly windows: readonly (readonly WindowInfo[])[];
}

function sourceOf(
  choice: EncoderChoice,
  { sampleRate, channels }: { readonly sampleRate: number; readonly channels: number },
): Source {
  const original = Array.from({ length: channels }, (_, i) =>
    music(SECONDS * sampleRate, 7 * i + 3, sampleRate),
  );
  const { units, config } = encodeSource(original, { ...choice, sampleRate });
  const decoder = AudioDecoder.open({ sampleRate, channels: channels as 1 | 2 });
  const sound = units.map((unit) => decoder.decode(unit)?.channels ?? []);
  decoder.close();
  return {
    sampleRate,
    channels,
    units,
    sound,
    windows: units.map((unit) => windowsOf(unit.data, config.asc)),
  };
}

function windowsOf(data: Buffer, asc: Buffer): WindowInfo[] {
  return channelWindows(parseRawDataBlock(data, parseAsc(asc)));
}

interface Run {
  readonly units: readonly LiveUnit[];
  readonly seams: readonly LiveSeam[];
  readonly leadFrames: number;
}

/**
 * @param plan of each frame: `live`, the source alone; `collab`, mixed with somebody else; `lost`, not there
 */
function run(source: Source, plan: (frame: number) => 'live' | 'collab' | 'lost'): Run {
  const { sampleRate, channels } = source;
  const guest = music(SECONDS * sampleRate, 99, sampleRate);
  const seams: LiveSeam[] = [];
  const splicer = new LiveSplicer({
    sampleRate,
    channels,
    open: () =>
      AacEncoder.open({ sampleRate, channels: channels as 1 | 2, bitrateBps: 64_000 + 64_000 * channels }),
    onSeam: (seam) => seams.push(seam),
  });
  const units: LiveUnit[] = [];
  for (let frame = 0; frame < source.units.length; frame++) {
    const what = plan(frame);
    const sound = source.sound[frame]!;
    const quiet = sound.map(() => new Float32Array(FRAME));
    const mixed =
      what === 'lost'
        ? quiet
        : what === 'live'
          ? sound
          : sound.map((samples) =>
              samples.map((sample, i) => 0.7 * sample + 0.3 * guest[frame * FRAME + i]!),
            );
    const isThere = frame > 0 && what !== 'lost' && plan(frame - 1) !== 'lost';
    const live: LiveFrame = {
      mixed,
      isAlone: what !== 'collab',
      source: isThere
        ? {
            data: source.units[frame]!.data,
            windows: source.windows[frame]!,
            windowsBefore: source.windows[frame - 1]!,
            sound,
          }
        : undefined,
    };
    units.push(...splicer.push(live));
  }
  splicer.close();
  return { units, seams, leadFrames: splicer.leadFrames };
}

function illegalSteps({ units }: Run): number[] {
  return illegalWindowSteps(units.map(({ unit }) => unit));
}

const formats = [
  [
    'fdk, stereo, 48 kHz',
    { encoder: 'libfdk_aac', bitrateBps: 128_000 },
    { sampleRate: 48_000, channels: 2 },
  ],
  ['libav, stereo, 48 kHz', { encoder: 'aac', bitrateBps: 160_000 }, { sampleRate: 48_000, channels: 2 }],
  ['fdk, mono, 44.1 kHz', { encoder: 'libfdk_aac', bitrateBps: 64_000 }, { sampleRate: 44_100, channels: 1 }],
  ['libav, stereo, 44.1 kHz', { encoder: 'aac', bitrateBps: 128_000 }, { sampleRate: 44_100, channels: 2 }],
] as const;

describe.each(formats)('a live source by %s', (_, choice, format) => {
  const source = sourceOf(choice, format);
  /** Thirty-one frames of each, so that joints fall on all kinds of frames; every fifth time a frame is lost. */
  const plan = (frame: number): 'live' | 'collab' | 'lost' => {
    if (frame % 155 === 140) return 'lost';
    return Math.floor(frame / 31) % 2 === 0 ? 'live' : 'collab';
  };
  const done = run(source, plan);

  test('comes out frame by frame, passed where it is alone, byte for byte', () => {
    const { units, leadFrames } = done;
    expect(units.map(({ unit }) => unit.pts)).toEqual(units.map((__, i) => (i - leadFrames) * FRAME));
    const passed = units.filter(({ isPassed }) => isPassed);
    for (const { unit } of passed) {
      expect(unit.data).toBe(source.units[unit.pts / FRAME]?.data);
      expect(plan(unit.pts / FRAME)).toBe('live');
    }
    const live = source.units.filter((__, frame) => plan(frame) === 'live').length;
    expect(passed.length).toBeGreaterThan(live / 2);
  });

  test('meets the encoder without a window that may not follow the one before it', () => {
    expect(illegalSteps(done)).toEqual([]);
    expect(done.seams.filter(({ joint }) => joint === 'mismatched')).toEqual([]);
  });

  test('meets it without noise to speak of, within few frames', () => {
    expect(done.seams.length).toBeGreaterThan(14);
    const noise = done.seams.map(({ excessDb }) => excessDb).sort((a, b) => a - b);
    expect(noise.at(-1)).toBeLessThan(WORST_EXCESS_DB);
    expect(noise[noise.length >> 1]).toBeLessThan(MEDIAN_EXCESS_DB);
    for (const { bridgedFrames } of done.seams) expect(bridgedFrames).toBeLessThanOrEqual(BRIDGED_AT_MOST);
  });
});

test('a source whose windows have another shape than the encoder’s is met by rebuilding the overlap', () => {
  const source = sourceOf(
    { encoder: 'libfdk_aac', bitrateBps: 128_000 },
    { sampleRate: 48_000, channels: 2 },
  );
  // No encoder here makes them: fdk and libav both use the Kaiser window on long blocks.
  const sine = source.units.map((unit, frame) => {
    const changes = source.windows[frame]!.map((window) => ({ ...window, shape: WindowShape.sine }));
    return { ...unit, data: withWindows(unit.data, changes) };
  });
  const windows = sine.map(({ data, config }) => windowsOf(data, config.asc));
  const plan = (frame: number): 'live' | 'collab' => (Math.floor(frame / 60) % 2 === 0 ? 'live' : 'collab');
  const done = run({ ...source, units: sine, windows }, plan);
  expect(illegalSteps(done)).toEqual([]);
  const kinds = new Set(done.seams.map(({ to, joint }) => `${joint} to ${to}`));
  expect([...kinds]).toEqual(expect.arrayContaining(['rebuilt to source', 'rebuilt to encoder']));
  expect(done.seams.filter(({ joint }) => joint === 'mismatched')).toEqual([]);
  const passed = done.units.filter(({ isPassed }) => isPassed).length;
  expect(passed).toBeGreaterThan(source.units.length / 4);
});
