/** Sound between two grids is played a little faster or slower until it is on the next one. */
import { expect, test } from 'vitest';
import { FRAME } from '../../src/splice/piece.js';
import { planSplice, type SplicePlan } from '../../src/splice/plan.js';
import { ProgramPcm } from '../../src/splice/program-pcm.js';
import { encodeSource, piece, splice, type KnownSource } from './rig.js';
import { hopErrors } from './seam-noise.js';

const RATE = 48_000;
const SAMPLES = 14 * RATE;
const SEAM = 7 * RATE + 5;
/** Hops that are judged together: eight frames, as around a seam. */
const HOPS = 32;
/** Over the source's own noise, anywhere in a stretch: 0.6 is measured, and 5 to 12 when fdk encodes it. */
const WORST_EXCESS_DB = 2;

function chord(): Float32Array {
  const partials = [220, 330, 441, 587, 880, 1320, 2640];
  return Float32Array.from({ length: SAMPLES }, (_, n) =>
    partials.reduce((sum, hertz, i) => sum + (0.2 / (i + 1)) * Math.sin((2 * Math.PI * hertz * n) / RATE), 0),
  );
}

function piecesOf(a: KnownSource, b: KnownSource): ReturnType<typeof piece>[] {
  return [piece(a, 0, SEAM), piece(b, SEAM, SAMPLES - SEAM)];
}

/** What a sound is by a plan, without being encoded again. */
async function warped(
  sound: readonly Float32Array[],
  like: KnownSource,
  plan: SplicePlan,
): Promise<Float32Array> {
  const source = { ...like, decoded: sound };
  const pcm = new ProgramPcm(piecesOf(source, source), plan, { channels: 1, duplicate: true });
  return (await pcm.read(0, plan.length))[0]!;
}

test.each(['libfdk_aac', 'aac'] as const)(
  'tones by %s stay as quiet as they are while they are stretched',
  async (encoder) => {
    const options = { encoder, bitrateBps: 96_000, sampleRate: RATE };
    const original = [chord()];
    const a = encodeSource(original, options);
    const b = encodeSource(original, { ...options, from: 4 * FRAME + 512 });
    const { splicer, decoded } = await splice([a, b], { pieces: piecesOf(a, b), trims: true });
    const stretch = splicer.plan.segments.find(({ rate }) => rate !== 1)!;
    const from = Math.floor(stretch.start);
    const hops = Math.floor((stretch.end - stretch.start) / 256);
    expect(hops).toBeGreaterThan(20 * HOPS);
    const wanted = await warped(original, a, splicer.plan);
    const noise = hopErrors(decoded[0]!, wanted, { from, hops });
    const own = hopErrors(await warped(a.decoded, a, splicer.plan), wanted, { from, hops });
    const loudest = (errors: readonly number[], at: number): number =>
      Math.max(...errors.slice(at, at + HOPS));
    for (let at = 0; at + HOPS <= hops; at += HOPS) {
      expect(10 * Math.log10(loudest(noise, at) / loudest(own, at))).toBeLessThan(WORST_EXCESS_DB);
    }
  },
);

test.each([
  ['all there is before a seam', 4, 0.002],
  ['a quarter of it', 25, 0.00172],
  ['as much as nobody hears', 120, 0.001],
] as const)('%s, %d s, is stretched by as little as that takes', (_, seconds, change) => {
  const plan = planSplice(
    [
      { length: seconds * RATE, gridOffset: 0 },
      { length: 20 * RATE, gridOffset: 512 - ((seconds * RATE) % FRAME) },
    ],
    { rescale: true },
  );
  expect(Math.abs(plan.offsets[1]!)).toBe(512);
  const rates = plan.segments.map(({ rate }) => Math.abs(rate - 1)).filter((rate) => rate > 0);
  expect(rates).toHaveLength(1);
  expect(rates[0]).toBeCloseTo(change, 5);
});
