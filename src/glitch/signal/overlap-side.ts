import { burg } from '../../signal/burg.js';

/** Of the predictor. */
const ORDER = 32;
/** Of Student's distribution, of which what a predictor leaves is taken to be: pulses of a voice and attacks are likely. */
const FREEDOM = 4;
/** Mean square of what a block holds, over what is expected. */
const MAX_EXCESS = 20;
const TINY = 1e-10;
/** Against singular equations, as a share of their mean. */
const RIDGE = 1e-9;

/** What lies on one side of an overlap of two blocks; all of it in the order of time for the left side, reversed for the right. */
export interface SideOptions {
  /** What comes before the overlap. */
  readonly context: Float64Array;
  /** The overlap, as decoded. */
  readonly overlap: Float64Array;
  /** Rising half of the window, as long as the overlap. */
  readonly rising: Float64Array;
  /** Sign of the alias: 1 in the right half of a block, −1 in a left half (reversed). */
  readonly sign: 1 | -1;
  /** Samples at the overlap's begin that belong to this side alone; they help to make the predictor. */
  readonly clean: number;
}

/**
 * What the sound on one side expects of an overlap: logarithms of likelihoods, in nats, but for a constant that is the
 * same for as many samples.
 *
 * A block fixes one combination of each mirrored pair of samples of its half of the overlap,
 * `fading(n)·x(n) + sign·rising(n)·x(N−1−n)`, and the other block fixes the other: together they are a rotation of the
 * overlap. So the decoded overlap tells what either block holds of it.
 *
 * All of them ask for the least that a predictor is expected to leave, as a share of the sound's power: a codec that has
 * left less than that may spend its bits elsewhere at any time.
 */
export class OverlapSide {
  /** Mean square of the context. */
  readonly power: number;
  /** Mean square of what the predictor leaves, as a share of it. */
  readonly leftShare: number;
  readonly #options: SideOptions;
  /** Leaves what cannot be predicted: 1, and {@link ORDER} values. */
  readonly #filter: Float64Array;
  /** Context and overlap. */
  readonly #line: Float64Array;
  #combinations: { readonly independent: Float64Array; readonly logRoot: number } | undefined;

  constructor(options: SideOptions) {
    const { context, overlap, clean } = options;
    this.#options = options;
    this.#line = new Float64Array(context.length + overlap.length);
    this.#line.set(context);
    this.#line.set(overlap, context.length);
    const fitted = this.#line.subarray(clean, context.length + clean);
    this.#filter = burg(fitted, ORDER);
    const samples = fitted.length - ORDER;
    let left = 0;
    let squares = 0;
    for (let n = ORDER; n < fitted.length; n++) {
      left += residual(this.#filter, fitted, n) ** 2;
      squares += fitted[n]! ** 2;
    }
    this.power = squares / samples;
    // The predictor was made of these very samples: of others it leaves more.
    this.leftShare = (left / (squares + TINY)) * (fitted.length / samples);
  }

  /** That the overlap's first n samples simply go on from what comes before: a value for each n, from none to all. */
  continued(leastShare: number): Float64Array {
    const { context, overlap } = this.#options;
    const left = this.#expectedLeft(leastShare);
    const sums = new Float64Array(overlap.length + 1);
    for (let n = 0; n < overlap.length; n++) {
      sums[n + 1] = sums[n]! + likely(residual(this.#filter, this.#line, context.length + n), left);
    }
    return sums;
  }

  /**
   * That this side's block was made of a sound that goes on, whatever the other block was made of; not at all where it
   * holds far more than is expected.
   */
  folded(leastShare: number): number {
    const left = this.#expectedLeft(leastShare);
    const { independent, logRoot } = (this.#combinations ??= this.#combine());
    const squares = independent.reduce((sum, value) => sum + value * value, 0);
    if (squares > MAX_EXCESS * left * independent.length) return -Infinity;
    return independent.reduce((sum, value) => sum + likely(value, left), -logRoot);
  }

  /** About as likely as {@link folded} makes a block of this side's sound; quickly known. */
  foldedAsExpected(leastShare: number): number {
    const left = this.#expectedLeft(leastShare);
    return (this.#options.overlap.length / 2) * likely(Math.sqrt(left / 2), left);
  }

  #expectedLeft(leastShare: number): number {
    return Math.max(this.leftShare, leastShare) * this.power + TINY;
  }

  /** What the block's combinations differ by from those expected, made independent. */
  #combine(): { readonly independent: Float64Array; readonly logRoot: number } {
    const { overlap, rising, sign } = this.#options;
    const size = overlap.length;
    const half = size / 2;
    const expected = this.#extrapolated();
    const covariance = this.#covariance();
    const matrix = new Float64Array(half * half);
    const vector = new Float64Array(half);
    let trace = 0;
    for (let n = 0; n < half; n++) {
      const m = size - 1 - n;
      const [p, q] = [rising[m]!, sign * rising[n]!];
      vector[n] = p * (overlap[n]! - expected[n]!) + q * (overlap[m]! - expected[m]!);
      for (let j = 0; j <= n; j++) {
        const k = size - 1 - j;
        const r = rising[k]!;
        const s = sign * rising[j]!;
        matrix[n * half + j] =
          p * (r * covariance[n * size + j]! + s * covariance[k * size + n]!) +
          q * (r * covariance[m * size + j]! + s * covariance[k * size + m]!);
      }
      trace += matrix[n * half + n]!;
    }
    for (let n = 0; n < half; n++) matrix[n * half + n]! += (RIDGE * trace) / half;
    const logRoot = whiten(matrix, vector);
    return { independent: vector, logRoot };
  }

  /** The overlap as this side alone would have it. */
  #extrapolated(): Float64Array {
    const { context, overlap } = this.#options;
    const line = this.#line.slice();
    for (let n = context.length; n < line.length; n++) {
      line[n] = 0;
      line[n] = -residual(this.#filter, line, n);
    }
    return line.subarray(line.length - overlap.length);
  }

  /** Of samples after the context, for what is left of mean square 1: `size` × `size`, the lower half. */
  #covariance(): Float64Array {
    const size = this.#options.overlap.length;
    const response = new Float64Array(ORDER + size);
    for (let n = ORDER; n < response.length; n++) {
      response[n] = (n === ORDER ? 1 : 0) - residual(this.#filter, response, n);
    }
    const impulse = response.subarray(ORDER);
    const out = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        const earlier = j === 0 ? 0 : out[(i - 1) * size + j - 1]!;
        out[i * size + j] = earlier + impulse[i]! * impulse[j]!;
      }
    }
    return out;
  }
}

/** Of an error where those of mean square `left` are expected. */
function likely(error: number, left: number): number {
  return -0.5 * Math.log(left) - ((FREEDOM + 1) / 2) * Math.log1p((error * error) / (FREEDOM * left));
}

function residual(filter: Float64Array, samples: Float64Array, at: number): number {
  let sum = samples[at]!;
  for (let k = 1; k <= ORDER; k++) sum += filter[k]! * samples[at - k]!;
  return sum;
}

/**
 * Makes values of this covariance (lower half, row by row; overwritten) independent, each of mean square 1, in place.
 *
 * @returns logarithm of the root of the determinant
 */
function whiten(matrix: Float64Array, vector: Float64Array): number {
  const size = vector.length;
  let logRoot = 0;
  for (let n = 0; n < size; n++) {
    const row = n * size;
    for (let m = 0; m < n; m++) {
      const other = m * size;
      let sum = matrix[row + m]!;
      for (let k = 0; k < m; k++) sum -= matrix[row + k]! * matrix[other + k]!;
      matrix[row + m] = sum / matrix[other + m]!;
    }
    let square = matrix[row + n]!;
    let value = vector[n]!;
    for (let k = 0; k < n; k++) {
      square -= matrix[row + k]! ** 2;
      value -= matrix[row + k]! * vector[k]!;
    }
    const root = Math.sqrt(Math.max(square, 1e-12));
    matrix[row + n] = root;
    vector[n] = value / root;
    logRoot += Math.log(root);
  }
  return logRoot;
}
