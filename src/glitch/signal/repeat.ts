import type { Line } from './residual.js';

/** In samples. */
const SHORTEST = 60;
const LONGEST = 4200;
/** Lags from here on are looked for in the low band first. */
const FAR = 160;
const COMPARED = 768;
/** Around the break a codec changes samples. */
const SKIRT = 2;
const COARSE_COMPARED = 96;
const COARSE_MATCH = 0.6;
const COARSE_BEST = 6;

/** What follows a place and has just been heard. */
export interface Repeat {
  /** How long ago, in samples, which is how much is heard twice. */
  readonly length: number;
  /** 1 for the same, 0 for nothing in common. */
  readonly match: number;
  /** Of what is before the place at the same distance: as high where the sound is periodic by itself. */
  readonly matchBefore: number;
  /** How much less differs after the place than before it, in dB. */
  readonly contrastDb: number;
}

/**
 * The distance at which what follows a place is most like what was before it.
 *
 * @param low the same sound, decimated by `factor`
 */
export function repeatAt(sound: Line, low: Line, { at, factor }: { at: number; factor: number }): Repeat {
  const from = Math.max(sound.first, at - LONGEST - COMPARED - 8);
  const samples = sound.samples(from, Math.min(sound.end, at + COMPARED));
  const here = at - from;
  let best: Repeat = { length: 0, match: -1, matchBefore: -1, contrastDb: 0 };
  const tryLag = (lag: number): void => {
    const count = Math.min(lag, samples.length - here) - SKIRT;
    if (here - lag < 0 || count <= SKIRT) return;
    const match = likeness(samples, { one: here + SKIRT, other: here + SKIRT - lag, count });
    if (match <= best.match) return;
    const earlier = Math.max(count, 256);
    const end = here - 2 * SKIRT - earlier;
    const matchBefore =
      end - lag < 0 ? match : likeness(samples, { one: end, other: end - lag, count: earlier });
    const contrastDb = 10 * Math.log10((1 - matchBefore + 1e-4) / (1 - match + 1e-4));
    best = { length: lag, match, matchBefore, contrastDb };
  };
  for (let lag = SHORTEST; lag < FAR; lag++) tryLag(lag);
  for (const coarse of coarseLags(low, Math.round(at / factor), factor))
    for (let lag = coarse - factor + 2; lag <= coarse + factor - 2; lag++) tryLag(lag);
  return best;
}

/** The best lags of the low band, in samples of the sound. */
function coarseLags(low: Line, at: number, factor: number): number[] {
  const longest = Math.round(LONGEST / factor) + 2;
  const from = Math.max(low.first, at - longest);
  const samples = low.samples(from, at + COARSE_COMPARED);
  const here = at - from + 1;
  const tops: { readonly lag: number; readonly match: number }[] = [];
  let [last, beforeLast] = [-1, -1];
  for (let lag = FAR / factor - 1; lag <= longest && lag < here; lag++) {
    const count = Math.min(lag, COARSE_COMPARED, samples.length - here) - SKIRT;
    const match = likeness(samples, { one: here, other: here - lag, count });
    if (last > COARSE_MATCH && last >= match && last >= beforeLast)
      tops.push({ lag: (lag - 1) * factor, match: last });
    [beforeLast, last] = [last, match];
  }
  tops.sort((a, b) => b.match - a.match);
  return tops.slice(0, COARSE_BEST).map(({ lag }) => lag);
}

/** 1 for the same samples, less for the same at another level; levels that stand still tell nothing. */
function likeness(
  samples: Float64Array,
  { one, other, count }: { readonly one: number; readonly other: number; readonly count: number },
): number {
  let [dot, energy, sumA, sumB] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const a = samples[one + i]!;
    const b = samples[other + i]!;
    dot += a * b;
    energy += a * a + b * b;
    sumA += a;
    sumB += b;
  }
  const moving = energy - (sumA * sumA + sumB * sumB) / count;
  return moving < 1e-6 ? 0 : (2 * (dot - (sumA * sumB) / count)) / moving;
}

/** Periods of voices and notes, in samples of the low band. */
const PERIODS = [12, 130] as const;
const ACROSS = 24;

/** How much the sound right around a place is like an earlier period of it, from 0 to 1: near 1 where it has no break. */
export function likeAPeriodBefore(low: Line, at: number): number {
  const from = Math.max(low.first, at - ACROSS - PERIODS[1]);
  const samples = low.samples(from, at + ACROSS);
  const one = at - ACROSS - from;
  let best = 0;
  for (let lag = PERIODS[0]; lag <= Math.min(PERIODS[1], one); lag++)
    best = Math.max(best, correlation(samples, { one, other: one - lag, count: 2 * ACROSS }));
  return best;
}

/** As {@link likeness}, at any level. */
function correlation(
  samples: Float64Array,
  { one, other, count }: { readonly one: number; readonly other: number; readonly count: number },
): number {
  let dot = 0;
  let [first, second] = [1e-9, 1e-9];
  for (let i = 0; i < count; i++) {
    const a = samples[one + i]!;
    const b = samples[other + i]!;
    dot += a * b;
    first += a * a;
    second += b * b;
  }
  return dot / Math.sqrt(first * second);
}
