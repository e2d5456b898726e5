/** Mean squares of a residual over the usual one, in dB. */
export interface Healed {
  readonly asIsDb: number;
  /** With the samples in question free. */
  readonly healedDb: number;
}

export interface Healing extends Healed {
  /** What to add to those samples, so that the residual becomes the least. */
  readonly change: Float64Array;
}

/**
 * Whether a few samples may have been changed: how much residual there is around them as they are, and how much would be
 * left were they free to be what suits the predictor best (Janssen, Veldhuis and Vries, "Adaptive interpolation of
 * discrete-time signals that can be modeled as autoregressive processes", 1986). A click heals; a cut does not, since what
 * follows belongs to another time.
 *
 * @param samples with at least the filter's length before `from` and after `from + count`
 * @param filter of the residual, as by `burg`
 * @param usual mean square of the residual elsewhere
 * @returns mean squares over the usual one, in dB
 */
export function healing(
  samples: Float64Array,
  { from, count, filter, usual }: { from: number; count: number; filter: Float64Array; usual: number },
): Healing {
  const order = filter.length - 1;
  const size = count + order;
  const errors = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let k = 0; k <= order; k++) sum += filter[k]! * samples[from + i - k]!;
    errors[i] = sum;
  }
  const change = bestChange(filter, errors, count);
  let asIs = 0;
  let healed = 0;
  for (let i = 0; i < size; i++) {
    let error = errors[i]!;
    asIs += error * error;
    for (let j = Math.max(0, i - order); j <= Math.min(i, count - 1); j++)
      error += filter[i - j]! * change[j]!;
    healed += error * error;
  }
  return { asIsDb: decibels(asIs / size / usual), healedDb: decibels(healed / order / usual), change };
}

/** What to add to the `count` samples, so that the residual becomes the least. */
function bestChange(filter: Float64Array, errors: Float64Array, count: number): Float64Array {
  const order = filter.length - 1;
  const lags = new Float64Array(order + 1);
  for (let lag = 0; lag <= order; lag++)
    for (let k = 0; k + lag <= order; k++) lags[lag]! += filter[k]! * filter[k + lag]!;
  const matrix = new Float64Array(count * count);
  const vector = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column <= row; column++) matrix[row * count + column] = lags[row - column] ?? 0;
    matrix[row * count + row]! *= 1 + 1e-9;
    for (let k = 0; k <= order; k++) vector[row]! -= filter[k]! * errors[row + k]!;
  }
  return solve(matrix, vector);
}

/** Cholesky; `matrix` (lower half, row by row) is overwritten. */
function solve(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  const x = vector.slice();
  for (let k = 0; k < size; k++) {
    const root = Math.sqrt(Math.max(matrix[k * size + k]!, 1e-18));
    matrix[k * size + k] = root;
    x[k]! /= root;
    for (let i = k + 1; i < size; i++) {
      matrix[i * size + k]! /= root;
      x[i]! -= matrix[i * size + k]! * x[k]!;
    }
    for (let i = k + 1; i < size; i++)
      for (let j = k + 1; j <= i; j++) matrix[i * size + j]! -= matrix[i * size + k]! * matrix[j * size + k]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = x[i]!;
    for (let k = i + 1; k < size; k++) sum -= matrix[k * size + i]! * x[k]!;
    x[i] = sum / matrix[i * size + i]!;
  }
  return x;
}

function decibels(ratio: number): number {
  return 10 * Math.log10(ratio + 1e-12);
}
