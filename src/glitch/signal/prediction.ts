/**
 * Linear prediction by the autocorrelation method (Levinson-Durbin).
 *
 * @returns `order` coefficients: the next sample is the sum of `coefficient[k] × sample[−1 − k]`; undefined for silence
 */
export function predictor(samples: Float32Array | Float64Array, order: number): Float64Array | undefined {
  const lags = new Float64Array(order + 1);
  const length = samples.length;
  const window = windowOf(length);
  const windowed = new Float64Array(length);
  for (let i = 0; i < length; i++) windowed[i] = samples[i]! * window[i]!;
  autocorrelate(windowed, lags);
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

const windows = new Map<number, Float64Array>();

/** A Hann window; kept, since the lengths asked for are few. */
export function windowOf(length: number): Float64Array {
  let window = windows.get(length);
  if (window === undefined) {
    window = Float64Array.from(
      { length },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / length),
    );
    windows.set(length, window);
  }
  return window;
}

/** Fills `lags` with the sums of `samples[i] × samples[i − lag]`, four lags in one pass over the samples. */
export function autocorrelate(samples: Float64Array, lags: Float64Array): void {
  const length = samples.length;
  let lag = 0;
  for (; lag + 3 < lags.length && lag + 3 < length; lag += 4) {
    let [zero, one, two, three] = [0, 0, 0, 0];
    for (let i = lag; i < lag + 3; i++) {
      const x = samples[i]!;
      zero += x * samples[i - lag]!;
      if (i > lag) one += x * samples[i - lag - 1]!;
      if (i > lag + 1) two += x * samples[i - lag - 2]!;
    }
    for (let i = lag + 3, j = 3; i < length; i++, j++) {
      const x = samples[i]!;
      zero += x * samples[j]!;
      one += x * samples[j - 1]!;
      two += x * samples[j - 2]!;
      three += x * samples[j - 3]!;
    }
    lags[lag] = zero;
    lags[lag + 1] = one;
    lags[lag + 2] = two;
    lags[lag + 3] = three;
  }
  for (; lag < lags.length; lag++) {
    let sum = 0;
    for (let i = lag; i < length; i++) sum += samples[i]! * samples[i - lag]!;
    lags[lag] = sum;
  }
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
