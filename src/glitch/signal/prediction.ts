/**
 * Linear prediction by the autocorrelation method.
 *
 * @returns `order` coefficients: the next sample is the sum of `coefficient[k] × sample[−1 − k]`; undefined for silence
 */
export function predictor(samples: Float32Array | Float64Array, order: number): Float64Array | undefined {
  const lags = new Float64Array(order + 1);
  const { length } = samples;
  const window = windowOf(length);
  const windowed = lineOf(length);
  for (let i = 0; i < length; i++) windowed[i] = samples[i]! * window[i]!;
  autocorrelate(windowed, lags);
  if (lags[0]! < 1e-9) return undefined;
  lags[0]! *= 1 + 1e-9;
  return levinson(lags);
}

/** Levinson-Durbin: the predictor of the sound that has these autocorrelations, of an order of one less. */
export function levinson(lags: Float64Array): Float64Array {
  const order = lags.length - 1;
  const a = new Float64Array(order);
  let error = lags[0]!;
  for (let i = 0; i < order; i++) {
    let sum = lags[i + 1]!;
    for (let k = 0; k < i; k++) sum -= a[k]! * lags[i - k]!;
    const reflection = sum / error;
    a[i] = reflection;
    for (let k = 0, m = i - 1; k <= m; k++, m--) {
      const head = a[k]!;
      const tail = a[m]!;
      a[k] = head - reflection * tail;
      a[m] = tail - reflection * head;
    }
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

const lines = new Map<number, Float64Array>();

/** Where a predictor puts its windowed samples; kept, since an array for each would cost as much as using it. */
function lineOf(length: number): Float64Array {
  let line = lines.get(length);
  if (line === undefined) lines.set(length, (line = new Float64Array(length)));
  return line;
}

/**
 * Fills `lags` with the sums of `samples[i] × samples[i − lag]`. Four lags and four samples in one step: most of the time
 * of all detectors is spent here and in {@link predictionErrors}, fetching samples.
 */
export function autocorrelate(samples: Float64Array, lags: Float64Array): void {
  const length = samples.length;
  const fours = lags.length & ~3;
  for (let lag = fours; lag < lags.length; lag++) lags[lag] = product(samples, lag);
  for (let lag = 0; lag < fours; lag += 4) {
    let zero = 0;
    let one = 0;
    let two = 0;
    let three = 0;
    // The three samples before those that are `lag` back; 0 before the first one.
    let before1 = 0;
    let before2 = 0;
    let before3 = 0;
    let i = lag;
    for (; i + 3 < length; i += 4) {
      const x0 = samples[i]!;
      const x1 = samples[i + 1]!;
      const x2 = samples[i + 2]!;
      const x3 = samples[i + 3]!;
      const y0 = samples[i - lag]!;
      const y1 = samples[i - lag + 1]!;
      const y2 = samples[i - lag + 2]!;
      const y3 = samples[i - lag + 3]!;
      zero = zero + x0 * y0 + x1 * y1 + x2 * y2 + x3 * y3;
      one = one + x0 * before1 + x1 * y0 + x2 * y1 + x3 * y2;
      two = two + x0 * before2 + x1 * before1 + x2 * y0 + x3 * y1;
      three = three + x0 * before3 + x1 * before2 + x2 * before1 + x3 * y0;
      before1 = y3;
      before2 = y2;
      before3 = y1;
    }
    for (; i < length; i++) {
      const x = samples[i]!;
      const y = samples[i - lag]!;
      zero += x * y;
      one += x * before1;
      two += x * before2;
      three += x * before3;
      before3 = before2;
      before2 = before1;
      before1 = y;
    }
    lags[lag] = zero;
    lags[lag + 1] = one;
    lags[lag + 2] = two;
    lags[lag + 3] = three;
  }
}

/** One lag by itself, in four sums: one would wait for itself at each sample. */
function product(samples: Float64Array, lag: number): number {
  let zero = 0;
  let one = 0;
  let two = 0;
  let three = 0;
  let i = lag;
  for (; i + 3 < samples.length; i += 4) {
    zero += samples[i]! * samples[i - lag]!;
    one += samples[i + 1]! * samples[i - lag + 1]!;
    two += samples[i + 2]! * samples[i - lag + 2]!;
    three += samples[i + 3]! * samples[i - lag + 3]!;
  }
  for (; i < samples.length; i++) zero += samples[i]! * samples[i - lag]!;
  return zero + one + two + three;
}

/**
 * What a predictor leaves of samples: `errors[i]` is `samples[from + i]` less the sum of
 * `coefficients[k] × samples[from + i − 1 − k]`.
 *
 * @param coefficients a multiple of four
 * @param errors as many are made as it holds, a multiple of four too
 */
export function predictionErrors(
  samples: Float64Array,
  from: number,
  coefficients: Float64Array,
  errors: Float64Array,
): void {
  const order = coefficients.length;
  for (let i = 0; i < errors.length; i += 4) {
    const n = from + i;
    let e0 = samples[n]!;
    let e1 = samples[n + 1]!;
    let e2 = samples[n + 2]!;
    let e3 = samples[n + 3]!;
    let after0 = e0;
    let after1 = e1;
    let after2 = e2;
    for (let k = 0, at = n - 1; k < order; k += 4, at -= 4) {
      const a = coefficients[k]!;
      const b = coefficients[k + 1]!;
      const c = coefficients[k + 2]!;
      const d = coefficients[k + 3]!;
      const x0 = samples[at]!;
      const x1 = samples[at - 1]!;
      const x2 = samples[at - 2]!;
      const x3 = samples[at - 3]!;
      e0 = e0 - a * x0 - b * x1 - c * x2 - d * x3;
      e1 = e1 - a * after0 - b * x0 - c * x1 - d * x2;
      e2 = e2 - a * after1 - b * after0 - c * x0 - d * x1;
      e3 = e3 - a * after2 - b * after1 - c * after0 - d * x0;
      after0 = x3;
      after1 = x2;
      after2 = x1;
    }
    errors[i] = e0;
    errors[i + 1] = e1;
    errors[i + 2] = e2;
    errors[i + 3] = e3;
  }
}
