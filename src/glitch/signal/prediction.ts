/**
 * Linear prediction by the autocorrelation method (Levinson-Durbin).
 *
 * @returns `order` coefficients: the next sample is the sum of `coefficient[k] × sample[−1 − k]`; undefined for silence
 */
export function predictor(samples: Float32Array | Float64Array, order: number): Float64Array | undefined {
  const lags = new Float64Array(order + 1);
  const length = samples.length;
  const windowed = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    windowed[i] = samples[i]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / length));
  }
  for (let lag = 0; lag <= order; lag++) {
    let sum = 0;
    for (let i = lag; i < length; i++) sum += windowed[i]! * windowed[i - lag]!;
    lags[lag] = sum;
  }
  if (lags[0]! < 1e-9) return undefined;
  lags[0]! *= 1 + 1e-9;
  const a = new Float64Array(order);
  const last = new Float64Array(order);
  let error = lags[0]!;
  for (let i = 0; i < order; i++) {
    let sum = lags[i + 1]!;
    for (let k = 0; k < i; k++) sum -= a[k]! * lags[i - k]!;
    const reflection = sum / error;
    last.set(a);
    a[i] = reflection;
    for (let k = 0; k < i; k++) a[k] = last[k]! - reflection * last[i - 1 - k]!;
    error *= 1 - reflection * reflection;
    if (error <= 0) break;
  }
  return a;
}

/** Continues a signal by its predictor. */
export function extrapolate(samples: Float32Array, coefficients: Float64Array, count: number): Float32Array {
  const order = coefficients.length;
  const line = new Float64Array(order + count);
  for (let i = 0; i < order; i++) line[i] = samples[samples.length - order + i] ?? 0;
  for (let n = order; n < order + count; n++) {
    let sum = 0;
    for (let k = 0; k < order; k++) sum += coefficients[k]! * line[n - 1 - k]!;
    line[n] = sum;
  }
  return Float32Array.from(line.subarray(order));
}
