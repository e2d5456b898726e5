import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { risingHalf } from '../../src/codec/aac/window.js';
import { FRAME } from '../../src/splice/piece.js';
import { MAX_RATE_CHANGE, planSplice } from '../../src/splice/plan.js';
import { rebuildLeft, rebuildRight } from '../../src/splice/rebuild.js';
import { allTechniques, type TechniqueName } from '../../src/splice/techniques.js';
import { encodeSource, piece, splice, type KnownSource, type Spliced } from './rig.js';
import { music } from './music.js';
import { hopErrors, worstExcess } from './seam-noise.js';
import { illegalWindowSteps } from '../peers/aac-windows.js';

const RATE = 48_000;
/** Excess error that is allowed at a seam; what is measured lies well below (docs/benchmarks.md). */
const WORST_EXCESS_DB = 6;
const MEDIAN_EXCESS_DB = 1;

function excessAt(spliced: Spliced, sources: readonly KnownSource[], seam: number): number {
  const uncut = sources.map(({ decoded }) => decoded);
  return worstExcess(spliced.decoded, sources[0]!.original, uncut, seam);
}

describe.each([
  ['libfdk_aac', 'libfdk_aac', 1],
  ['aac', 'libfdk_aac', 1],
  ['libfdk_aac', 'aac', 2],
  ['aac', 'aac', 1],
] as const)('a bridge from %s to %s, %d channels', (first, second, channels) => {
  const original = Array.from({ length: channels }, (_, i) => music(RATE * 9, i + 1));
  const bitrateBps = 96_000 * channels;
  const encode = (encoder: 'aac' | 'libfdk_aac'): KnownSource =>
    encodeSource(original, { encoder, bitrateBps, sampleRate: RATE });
  let a: KnownSource;
  let b: KnownSource;
  const results: { seam: number; spliced: Spliced }[] = [];
  beforeAll(async () => {
    a = encode(first);
    b = encode(second);
    for (let seam = RATE + 77; seam < 8 * RATE; seam += 33_333) {
      const pieces = [piece(a, 0, seam), piece(b, seam, 9 * RATE - seam)];
      results.push({ seam, spliced: await splice([a, b], { pieces, trims: true }) });
    }
  });

  test('adds no noise to speak of', () => {
    const worst = results.map(({ seam, spliced }) => excessAt(spliced, [a, b], seam)).sort((x, y) => x - y);
    expect(worst.at(-1)).toBeLessThan(WORST_EXCESS_DB);
    expect(worst[worst.length >> 1]).toBeLessThan(MEDIAN_EXCESS_DB);
  });

  test('leaves no window that may not follow the one before it', () => {
    for (const { spliced } of results) {
      expect(illegalWindowSteps(spliced.units)).toEqual([]);
      for (const { start, end } of spliced.splicer.bridges) {
        expect(['exact', 'rebuilt', 'none']).toContain(start);
        expect(['exact', 'rebuilt', 'none']).toContain(end);
      }
    }
  });

  test('is short, and passes everything else through byte for byte', () => {
    for (const { seam, spliced } of results) {
      expect(spliced.splicer.bridges).toHaveLength(1);
      expect(spliced.splicer.bridges[0]!.frames).toBeLessThanOrEqual(8);
      expect(spliced.splicer.plan.offsets).toEqual([0, 0]);
      let passed = 0;
      for (const unit of spliced.units) {
        const own = (unit.pts < seam ? a : b).units.find(({ pts }) => pts === unit.pts);
        if (own?.data.equals(unit.data) === true) passed++;
      }
      expect(passed).toBeGreaterThanOrEqual(spliced.units.length - 8);
    }
  });
});

test.each([1, 511, 512, 513, 1023])(
  'a grid that is off by %d samples is met within half a frame',
  async (off) => {
    const original = [music(RATE * 14, 3)];
    const options = { encoder: 'libfdk_aac', bitrateBps: 96_000, sampleRate: RATE } as const;
    const a = encodeSource(original, options);
    const b = encodeSource(original, { ...options, from: 4 * FRAME + off });
    const seam = 7 * RATE + 5;
    const spliced = await splice([a, b], {
      pieces: [piece(a, 0, seam), piece(b, seam, 7 * RATE - 5)],
      trims: true,
    });
    const offset = spliced.splicer.plan.offsets[1]!;
    expect(Math.abs(offset)).toBeLessThanOrEqual(FRAME / 2);
    expect(illegalWindowSteps(spliced.units)).toEqual([]);
    // After the seam the second source's own units play, exactly `offset` late.
    const late = hopErrors(spliced.decoded[0]!, b.decoded[0]!, {
      from: 10 * RATE,
      hops: 100,
      lag: offset,
    });
    expect(Math.max(...late)).toBeLessThan(1e-6);
    expect(spliced.splicer.plan.length).toBe(14 * RATE + offset);
  },
);

describe('each technique', () => {
  const original = [music(RATE * 8, 5)];
  const options = { encoder: 'libfdk_aac', bitrateBps: 96_000, sampleRate: RATE } as const;
  const seam = 4 * RATE + 333;
  const excess = async (off: readonly TechniqueName[]): Promise<number> => {
    const a = encodeSource(original, options);
    const b = encodeSource(original, options);
    const techniques = { ...allTechniques };
    for (const name of off) techniques[name] = false;
    const pieces = [piece(a, 0, seam), piece(b, seam, 8 * RATE - seam)];
    return excessAt(await splice([a, b], { pieces, trims: true, techniques }), [a, b], seam);
  };

  test('priming is worth many decibels', async () => {
    const [with_, without] = [await excess([]), await excess(['priming'])];
    expect(without - with_).toBeGreaterThan(6);
  });

  test('duplicated trailing samples keep a sound that breaks off from making noise before its end', async () => {
    const tones = Float32Array.from({ length: 3 * RATE }, (_, n) =>
      [220, 330, 441, 587, 880].reduce(
        (sum, hertz) => sum + 0.1 * Math.sin((2 * Math.PI * hertz * n) / RATE),
        0,
      ),
    );
    const source = encodeSource([tones], options);
    const from = RATE;
    const median = async (duplicate: boolean): Promise<number> => {
      const found: number[] = [];
      // Ends at all places of a frame.
      for (let end = 2 * RATE + 10; end < 2 * RATE + FRAME; end += 93) {
        const { decoded } = await splice([source], {
          pieces: [piece(source, from, end - from, false)],
          trims: true,
          techniques: { ...allTechniques, duplicate },
        });
        const own = [source.decoded[0]!.subarray(from, end)];
        found.push(worstExcess(decoded, [tones.subarray(from, end)], [own], end - from - 4 * FRAME));
      }
      return found.sort((a, b) => a - b)[found.length >> 1]!;
    };
    expect((await median(false)) - (await median(true))).toBeGreaterThan(3);
  });

  test('rescaling keeps sound from being cut or padded', async () => {
    const a = encodeSource(original, options);
    const b = encodeSource(original, { ...options, from: 400 });
    const pieces = [piece(a, 0, seam), piece(b, seam, 8 * RATE - seam)];
    const plain = await splice([a, b], {
      pieces,
      trims: true,
      techniques: { ...allTechniques, rescale: false },
    });
    const gap = plain.splicer.plan.segments.find(({ trueStart }) => trueStart === undefined);
    expect(gap === undefined ? 0 : gap.end - gap.start).toBe(Math.max(0, plain.splicer.plan.offsets[1]!));
    const rescaled = await splice([a, b], { pieces, trims: true });
    expect(rescaled.splicer.plan.segments.every(({ trueStart }) => trueStart !== undefined)).toBe(true);
  });
});

describe('rebuilt sound', () => {
  const slopes = ['long', 'short'] as const;
  const shapes = [0, 1] as const;
  const halves = slopes.flatMap((slope) => shapes.map((shape) => risingHalf(slope, shape, FRAME)));
  const sound = music(FRAME, 9);

  test('cancels its alias although encoder and decoder use other windows on the left', () => {
    for (const used of halves) {
      for (const wanted of halves) {
        const fed = rebuildLeft(sound, used, wanted);
        for (let n = 0; n < FRAME; n++) {
          const m = FRAME - 1 - n;
          // What the block before left in the overlap, and what this one adds (TDAC).
          const before = wanted[m]! * (wanted[m]! * sound[n]! + wanted[n]! * sound[m]!);
          const added = wanted[n]! * (used[n]! * fed[n]! - used[m]! * fed[m]!);
          expect(before + added).toBeCloseTo(sound[n]!, 5);
        }
      }
    }
  });

  test('and on the right', () => {
    for (const used of halves) {
      for (const wanted of halves) {
        const fed = rebuildRight(sound, used, wanted);
        for (let n = 0; n < FRAME; n++) {
          const m = FRAME - 1 - n;
          const own = wanted[m]! * (used[m]! * fed[n]! + used[n]! * fed[m]!);
          const after = wanted[n]! * (wanted[n]! * sound[n]! - wanted[m]! * sound[m]!);
          expect(own + after).toBeCloseTo(sound[n]!, 5);
        }
      }
    }
  });

  test('is the sound itself where the windows are the same', () => {
    const [half] = halves;
    const fed = rebuildLeft(sound, half!, half!);
    fed.forEach((sample, n) => expect(sample).toBeCloseTo(sound[n]!, 6));
  });
});

test('offsets never add up, and no rate is heard, whatever the pieces', () => {
  const pieces = fc.array(
    fc.record({
      length: fc.integer({ min: 1, max: 2_000_000 }),
      gridOffset: fc.option(fc.integer({ min: -5_000, max: 5_000 }), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(pieces, (list) => {
      const plan = planSplice(list, { rescale: true });
      const total = list.reduce((sum, { length }) => sum + length, 0);
      expect(Math.abs(plan.length - total)).toBeLessThanOrEqual(FRAME / 2);
      for (const offset of plan.offsets) expect(Math.abs(offset)).toBeLessThanOrEqual(FRAME / 2);
      let at = 0;
      for (const segment of plan.segments) {
        expect(segment.start).toBe(at);
        at = segment.end;
        expect(Math.abs(segment.rate - 1)).toBeLessThanOrEqual(MAX_RATE_CHANGE * 1.01);
      }
      for (const { piece: index, start, offset } of plan.regions) {
        const border = list[index]!.gridOffset! + plan.starts[index]! + offset;
        expect((((border - plan.gridPhase) % FRAME) + FRAME) % FRAME).toBe(0);
        expect(start).toBeGreaterThanOrEqual(plan.starts[index]! + offset);
      }
    }),
  );
});
