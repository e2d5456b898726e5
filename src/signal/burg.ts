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
  let dot = 0;
  let energy = 1e-12;
  for (let i = 1; i < length; i++) {
    const f = samples[i]!;
    const b = samples[i - 1]!;
    dot += f * b;
    energy += f * f + b * b;
  }
  for (let m = 1; m <= order; m++) {
    const reflection = (-2 * DAMPING * dot) / energy;
    last.set(filter);
    for (let k = 1; k <= m; k++) filter[k] = last[k]! + reflection * last[m - k]!;
    // One pass puts the reflection to use and adds up what the next one is made of.
    dot = 0;
    energy = 1e-12;
    let behind = backward[m]!;
    let fresh = backward[m - 1]! + reflection * forward[m]!;
    backward[m] = fresh;
    for (let i = m + 1; i < length; i++) {
      const f = forward[i]!;
      const ahead = f + reflection * behind;
      dot += ahead * fresh;
      energy += ahead * ahead + fresh * fresh;
      fresh = behind + reflection * f;
      behind = backward[i]!;
      forward[i] = ahead;
      backward[i] = fresh;
    }
  }
  return filter;
}

/** Mean square of what such a filter leaves of samples, its first `order` left out: these have too little before them. */
export function meanResidual(filter: Float64Array, samples: Float64Array): number {
  const order = filter.length - 1;
  let sum = 0;
  for (let n = order; n < samples.length; n++) {
    let error = 0;
    for (let k = 0; k <= order; k++) error += filter[k]! * samples[n - k]!;
    sum += error * error;
  }
  return sum / (samples.length - order);
}
