/** Keeps the predictor of a pure tone from ringing for ever. */
const DAMPING = 0.9999;

/**
 * Linear prediction by Burg's method, which needs no window: it follows tones in short stretches far better than
 * the autocorrelation method.
 *
 * @returns the filter that leaves the residual: 1, then `order` values; `residual[n]` is the sum of
 *   `filter[k] × sample[n − k]`
 */
export function burg(samples: Float64Array, order: number): Float64Array {
  const length = samples.length;
  const forward = samples.slice();
  const backward = samples.slice();
  const filter = new Float64Array(order + 1);
  const last = new Float64Array(order + 1);
  filter[0] = 1;
  for (let m = 1; m <= order; m++) {
    let dot = 0;
    let energy = 1e-12;
    for (let i = m; i < length; i++) {
      const f = forward[i]!;
      const b = backward[i - 1]!;
      dot += f * b;
      energy += f * f + b * b;
    }
    const reflection = (-2 * DAMPING * dot) / energy;
    last.set(filter);
    for (let k = 1; k <= m; k++) filter[k] = last[k]! + reflection * last[m - k]!;
    for (let i = length - 1; i >= m; i--) {
      const f = forward[i]!;
      const b = backward[i - 1]!;
      forward[i] = f + reflection * b;
      backward[i] = b + reflection * f;
    }
  }
  return filter;
}
