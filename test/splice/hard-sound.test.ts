/** Sound at which joins of AAC are heard, and pieces too short for them. */
import { describe, expect, test } from 'vitest';
import { parseAsc } from '../../src/codec/aac/asc.js';
import { channelWindows, parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { rightSlope } from '../../src/codec/aac/window.js';
import { FRAME } from '../../src/splice/piece.js';
import { illegalWindowSteps } from '../peers/aac-windows.js';
import { music } from './music.js';
import { encodeSource, piece, splice, type KnownSource, type Spliced } from './rig.js';
import { worstExcess } from './seam-noise.js';

const RATE = 48_000;
const SECONDS = 3;
const SAMPLES = SECONDS * RATE;
const SEAM = 1.5 * RATE + 77;
/** The limit for one seam. */
const WORST_EXCESS_DB = 6;
const JOINED = ['exact', 'rebuilt', 'none'];

type Encoder = 'libfdk_aac' | 'aac';

function encode(original: readonly Float32Array[], encoder: Encoder): KnownSource {
  return encodeSource(original, { encoder, bitrateBps: 96_000 * original.length, sampleRate: RATE });
}

function made(sample: (n: number) => number): Float32Array {
  return Float32Array.from({ length: SAMPLES }, (_, n) => sample(n));
}

/** Uniform in −1…1, the same for the same n. */
function noise(n: number): number {
  const bits = Math.imul((n + 1) ^ ((n + 1) >>> 15), 0x2c1b3c6d);
  return (((bits ^ (bits >>> 12)) >>> 0) / 2 ** 32) * 2 - 1;
}

function expectLegal({ units, splicer }: Spliced): void {
  expect(illegalWindowSteps(units)).toEqual([]);
  for (const { start, end } of splicer.bridges) {
    expect(JOINED).toContain(start);
    expect(JOINED).toContain(end);
  }
}

const tone = made((n) => 0.5 * Math.sin((2 * Math.PI * 440 * n) / RATE));
const silence = new Float32Array(SAMPLES);

describe('a seam adds no noise to speak of', () => {
  test.each([
    [
      'inside an attack',
      [
        made(
          (n) => 0.02 * noise(n) + (n >= SEAM - 100 ? 0.6 * noise(n) * Math.exp((SEAM - 100 - n) / 900) : 0),
        ),
      ],
    ],
    ['on a sustained tone', [tone]],
    ['on applause', [made((n) => 0.5 * noise(n) * Math.abs(noise(n >> 9)) ** 3)]],
    [
      'at full scale',
      [made((n) => Math.max(-1, Math.min(1, 1.5 * Math.sin((2 * Math.PI * 330 * n) / RATE))))],
    ],
    ['in one channel only', [music(SAMPLES, 4), silence]],
  ] as const)('%s', async (_, original) => {
    for (const [first, second] of [
      ['libfdk_aac', 'aac'],
      ['aac', 'libfdk_aac'],
    ] as const) {
      const sources = [encode(original, first), encode(original, second)] as const;
      const pieces = [piece(sources[0], 0, SEAM), piece(sources[1], SEAM, SAMPLES - SEAM)];
      const spliced = await splice(sources, { pieces, trims: true });
      expectLegal(spliced);
      const uncut = sources.map(({ decoded }) => decoded);
      expect(worstExcess(spliced.decoded, original, uncut, SEAM)).toBeLessThan(WORST_EXCESS_DB);
    }
  });

  const host = music(SAMPLES, 1);
  const guest = music(SAMPLES, 2);
  test.each([
    ['a host alone, and the host with a guest, quieter', host, made((n) => 0.4 * (host[n]! + guest[n]!))],
    ['sound and digital silence', host, silence],
    ['digital silence and sound', silence, host],
  ] as const)('between %s', async (_, before, after) => {
    const ideal = [made((n) => (n < SEAM ? before : after)[n]!)];
    const sources = [encode([before], 'libfdk_aac'), encode([after], 'aac')] as const;
    const pieces = [piece(sources[0], 0, SEAM), piece(sources[1], SEAM, SAMPLES - SEAM)];
    const spliced = await splice(sources, { pieces, trims: true });
    expectLegal(spliced);
    // What an encoder makes of the same jump, joined as PCM.
    const uncut = [encode(ideal, 'libfdk_aac').decoded, encode(ideal, 'aac').decoded];
    expect(worstExcess(spliced.decoded, ideal, uncut, SEAM)).toBeLessThan(WORST_EXCESS_DB);
  });
});

test('tones that libav encodes with less noise than fdk could are bridged as quietly', async () => {
  const chord = made((n) =>
    [300, 900, 1_500].reduce((sum, f, i) => sum + 0.06 * Math.sin(i + (2 * Math.PI * f * n) / RATE), 0),
  );
  const a = encode([chord], 'aac');
  const pieces = [piece(a, 0, SEAM), piece(a, SEAM, SAMPLES - SEAM)];
  const spliced = await splice([a], { pieces, trims: true });
  expectLegal(spliced);
  expect(worstExcess(spliced.decoded, [chord], [a.decoded], SEAM)).toBeLessThan(WORST_EXCESS_DB);
  // Which is no matter of course.
  const byFdk = await splice([a], { pieces, trims: true, bridge: { encoder: 'libfdk_aac' } });
  expect(worstExcess(byFdk.decoded, [chord], [a.decoded], SEAM)).toBeGreaterThan(WORST_EXCESS_DB);
});

test('what is passed may end with a frame of short blocks, or one that leads to them', async () => {
  const original = [music(SAMPLES, 6)];
  const a = encode(original, 'aac');
  const b = encode(original, 'libfdk_aac');
  const info = parseAsc(a.config.asc);
  const short = a.units.filter(({ data, pts }) => {
    const [window] = channelWindows(parseRawDataBlock(data, info));
    return pts > RATE / 4 && pts < SAMPLES - RATE / 4 && rightSlope(window!.sequence) === 'short';
  });
  expect(short.length).toBeGreaterThan(0);
  for (const { pts } of short.slice(0, 6)) {
    const seam = pts + 2 * FRAME;
    const pieces = [piece(a, 0, seam), piece(b, seam, SAMPLES - seam)];
    expectLegal(await splice([a, b], { pieces, trims: true }));
  }
});

describe('pieces too short for a bridge of their own', () => {
  const original = [music(SAMPLES, 8)];
  const a = encode(original, 'libfdk_aac');
  const b = encode(original, 'aac');

  test.each([
    ['a middle one shorter than its bridges', [RATE, 1, RATE]],
    ['a middle one shorter than a frame', [RATE, 700, RATE]],
    ['a first one shorter than the pre-roll', [500, RATE]],
    ['a last one of a few samples', [RATE, 3]],
    ['a row of pieces whose bridges overlap', [RATE, 3000, 5000, 2000, 7000, RATE / 2]],
    ['nothing but short ones', [10, 2000, 900]],
  ] as const)('%s', async (_, lengths) => {
    let at = 0;
    const pieces = lengths.map((length, i) => {
      at += length;
      return piece(i % 2 === 0 ? a : b, at - length, length);
    });
    const spliced = await splice([a, b], { pieces, trims: true });
    expectLegal(spliced);
    // One grid, so every sample is where it was asked for.
    expect(spliced.splicer.plan.length).toBe(at);
    expect(spliced.units.at(-1)!.pts + FRAME).toBeGreaterThanOrEqual(at);
  });
});

test('1000 seams in a row, closer than their bridges, gain or lose at most half a frame', async () => {
  const original = [music(RATE, 9)];
  const [a, b] = [encode(original, 'libfdk_aac'), encode(original, 'aac')];
  const length = FRAME + 1;
  const pieces = Array.from({ length: 1001 }, (_, i) =>
    piece(i % 2 === 0 ? a : b, 8 * FRAME + ((i * 37) % (RATE / 2)), length),
  );
  const { splicer, units } = await splice([a, b], { pieces, trims: true });
  expect(Math.abs(splicer.plan.length - 1001 * length)).toBeLessThanOrEqual(FRAME / 2);
  for (const offset of splicer.plan.offsets) expect(Math.abs(offset)).toBeLessThanOrEqual(FRAME / 2);
  // They merge.
  expect(splicer.bridges.length).toBeLessThan(10);
  expect(illegalWindowSteps(units)).toEqual([]);
});
