import { burg } from './burg.js';

/** Of the predictor. */
const ORDER = 32;
/** Against singular equations, as a share of their mean. */
const RIDGE = 1e-9;
const TINY = 1e-10;
/**
 * Share of the overlap that is judged, from its begin. Past its middle it belongs to the other side more and more: what
 * begins there is no fault of this one's.
 */
const JUDGED = 0.5;
/** Share of the largest residual's power from which on the overlap is said to leave what was expected. */
const LEAVES = 0.05;

/** One side of an overlap, in the order of time for the left side, reversed for the right one. */
export interface OverlapSide {
  /** What comes before the overlap. */
  readonly context: Float64Array;
  /** The overlap, as decoded. */
  readonly overlap: Float64Array;
  /** Fading half of the window, as long as the overlap. */
  readonly fading: Float64Array;
  /** Rising half: the fading one reversed. */
  readonly rising: Float64Array;
  /** Sign of the alias: 1 in the right half of a block, −1 in a left half (reversed). */
  readonly sign: 1 | -1;
}

export interface SideFit {
  /** Residual of the decoded overlap over that of its context, both by the context's predictor, in dB. */
  readonly surpriseDb: number;
  /**
   * How much less residual there can be in what the encoder of this side's block may have heard, in dB. Up to 3 for any
   * sound that goes on; far more when the overlap holds the mirror images of sounds that do not belong together.
   */
  gainDb(): number;
  /** Where the overlap leaves what was expected, as a share of its length. */
  readonly leavesAt: number;
}

/**
 * How well one side explains an overlap of two blocks. A block fixes one combination of each mirrored pair of samples
 * of its half of the overlap: `fading(n)·x(n) + sign·rising(n)·x(N−1−n)`. The other combination comes from the other
 * block. If both were made of one sound, the decoded overlap is that sound, and the predictor of what comes before
 * explains it as well as it can be explained. If not, some other signal with the same first combinations goes far better
 * with what comes before.
 *
 * @param clean samples at the overlap's begin that belong to this side alone; they help to fit the predictor
 */
export function fitSide(side: OverlapSide, clean: number): SideFit {
  const { context, overlap } = side;
  const fitted = new Float64Array(context.length);
  fitted.set(context.subarray(clean));
  fitted.set(overlap.subarray(0, clean), context.length - clean);
  const filter = burg(fitted, ORDER);
  const own = residual(filter, context, overlap);
  const usual = residual(filter, fitted.subarray(0, ORDER), fitted.subarray(ORDER));
  const size = overlap.length;
  const usualEnergy = (energyOf(usual, usual.length) * size) / usual.length;
  return {
    surpriseDb: decibels(energyOf(own, size) / (usualEnergy + TINY)),
    leavesAt: leavesAt(own),
    gainDb: () => gain(side, filter, own),
  };
}

function leavesAt(residuals: Float64Array): number {
  const largest = residuals.reduce((most, value) => Math.max(most, value * value), 0);
  return residuals.findIndex((value) => value * value >= LEAVES * largest) / residuals.length;
}

function residual(filter: Float64Array, before: Float64Array, samples: Float64Array): Float64Array {
  const out = new Float64Array(samples.length);
  const start = before.length;
  for (let n = 0; n < out.length; n++) {
    let sum = 0;
    for (let k = 0; k < filter.length; k++) {
      sum += filter[k]! * (n >= k ? samples[n - k]! : (before[start + n - k] ?? 0));
    }
    out[n] = sum;
  }
  return out;
}

/** Against the least residual over all signals whose first combinations are those of the overlap. */
function gain(
  { context, overlap, fading, rising, sign }: OverlapSide,
  filter: Float64Array,
  own: Float64Array,
): number {
  const size = overlap.length;
  const half = size / 2;
  // Sought is what to add to the decoded overlap, so that the ridge holds it there and the gain is never negative.
  const sought = overlap.slice();
  const gram = gramOf(filter, size);
  const order = filter.length - 1;
  const matrix = new Float64Array(half * half);
  const vector = new Float64Array(half);
  const pull = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let k = 0; k <= order && i + k < size; k++) sum += filter[k]! * own[i + k]!;
    pull[i] = sum;
  }
  let trace = 0;
  for (let i = 0; i < half; i++) {
    const mirrorI = size - 1 - i;
    const [p, q] = [rising[i]!, -sign * fading[i]!];
    vector[i] = -(p * pull[i]! + q * pull[mirrorI]!);
    for (let j = 0; j <= i; j++) {
      const mirrorJ = size - 1 - j;
      // Samples this far apart, and from each other's mirror images, have nothing to do with each other.
      if (i - j > order && mirrorJ - i > order) continue;
      const r = rising[j]!;
      const s = -sign * fading[j]!;
      matrix[i * half + j] =
        p * (r * gram[i * size + j]! + s * gram[i * size + mirrorJ]!) +
        q * (r * gram[mirrorI * size + j]! + s * gram[mirrorI * size + mirrorJ]!);
    }
    trace += matrix[i * half + i]!;
  }
  for (let i = 0; i < half; i++) matrix[i * half + i]! += (RIDGE * trace) / half;
  const free = solve(matrix, vector);
  for (let j = 0; j < half; j++) {
    sought[j]! += rising[j]! * free[j]!;
    sought[size - 1 - j]! -= sign * fading[j]! * free[j]!;
  }
  const judged = Math.round(JUDGED * size);
  const best = energyOf(residual(filter, context, sought), judged);
  return decibels((energyOf(own, judged) + TINY) / (best + TINY));
}

/** Products of the residual filter's columns: `size` × `size`, symmetric, banded. */
function gramOf(filter: Float64Array, size: number): Float64Array {
  const order = filter.length - 1;
  const gram = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    for (let j = i; j >= Math.max(0, i - order); j--) {
      const ends = size - 1 - j <= order ? filter[size - 1 - i]! * filter[size - 1 - j]! : 0;
      const value = (i + 1 < size ? gram[(i + 1) * size + j + 1]! : 0) + ends;
      gram[i * size + j] = value;
      gram[j * size + i] = value;
    }
  }
  return gram;
}

/** Cholesky, column by column; `matrix` (lower half, row by row) is overwritten. */
function solve(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  const x = vector.slice();
  const column = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const root = Math.sqrt(Math.max(matrix[k * size + k]!, 1e-12));
    matrix[k * size + k] = root;
    x[k]! /= root;
    for (let i = k + 1; i < size; i++) {
      const value = matrix[i * size + k]! / root;
      matrix[i * size + k] = value;
      column[i] = value;
      // Most of the matrix is a band.
      if (value === 0) continue;
      x[i]! -= value * x[k]!;
      const row = i * size;
      for (let j = k + 1; j <= i; j++) matrix[row + j]! -= value * column[j]!;
    }
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = x[i]!;
    for (let k = i + 1; k < size; k++) sum -= matrix[k * size + i]! * x[k]!;
    x[i] = sum / matrix[i * size + i]!;
  }
  return x;
}

function energyOf(samples: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += samples[i]! ** 2;
  return sum;
}

function decibels(ratio: number): number {
  return 10 * Math.log10(ratio + 1e-12);
}
