/** A complex transform of 2^n values with its tables made once. */
export class Fft {
  readonly size: number;
  /** Where the sample of each index goes before the butterflies. */
  readonly reversed: Uint32Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  static readonly #ofSize = new Map<number, Fft>();

  /** One that whoever transforms as many samples shares: it holds nothing but tables. */
  static of(size: number): Fft {
    const known = Fft.#ofSize.get(size) ?? new Fft(size);
    Fft.#ofSize.set(size, known);
    return known;
  }

  /** @param size a power of two */
  private constructor(size: number) {
    this.size = size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
    this.reversed = new Uint32Array(size);
    const bits = Math.log2(size);
    for (let i = 0; i < size; i++) {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) if ((i >> bit) & 1) reversed |= 1 << (bits - 1 - bit);
      this.reversed[i] = reversed;
    }
  }

  /** In place; samples lie where {@link reversed} puts them, frequencies come out in order. */
  butterflies(re: Float64Array, im: Float64Array): void {
    const { size } = this;
    let quarter = 1;
    if (Math.log2(size) % 2 === 1) {
      pairs(re, im, size);
      quarter = 2;
    }
    for (; quarter < size; quarter *= 4) this.#fours(re, im, quarter);
  }

  /** Two passes in one, which halves the traffic to memory: blocks of `quarter` become blocks of 4 × `quarter`. */
  #fours(re: Float64Array, im: Float64Array, quarter: number): void {
    const { size } = this;
    const [cos, sin] = [this.#cos, this.#sin];
    const stride = size / (4 * quarter);
    for (let start = 0; start < size; start += 4 * quarter) {
      for (let k = 0; k < quarter; k++) {
        const i0 = start + k;
        const i1 = i0 + quarter;
        const i2 = i1 + quarter;
        const i3 = i2 + quarter;
        const c1 = cos[2 * k * stride]!;
        const s1 = sin[2 * k * stride]!;
        const c2 = cos[k * stride]!;
        const s2 = sin[k * stride]!;
        const ar = re[i1]! * c1 - im[i1]! * s1;
        const ai = re[i1]! * s1 + im[i1]! * c1;
        const br = re[i3]! * c1 - im[i3]! * s1;
        const bi = re[i3]! * s1 + im[i3]! * c1;
        const evenR = re[i2]! + br;
        const evenI = im[i2]! + bi;
        const oddR = re[i2]! - br;
        const oddI = im[i2]! - bi;
        const cr = evenR * c2 - evenI * s2;
        const ci = evenR * s2 + evenI * c2;
        // A quarter turn further.
        const dr = oddR * s2 + oddI * c2;
        const di = oddI * s2 - oddR * c2;
        const x = re[i0]!;
        const y = im[i0]!;
        re[i0] = x + ar + cr;
        im[i0] = y + ai + ci;
        re[i1] = x - ar + dr;
        im[i1] = y - ai + di;
        re[i2] = x + ar - cr;
        im[i2] = y + ai - ci;
        re[i3] = x - ar - dr;
        im[i3] = y - ai - di;
      }
    }
  }
}

/** The first pass, where no factor but 1 occurs. */
function pairs(re: Float64Array, im: Float64Array, size: number): void {
  for (let a = 0, b = 1; b < size; a += 2, b += 2) {
    const x = re[b]!;
    const y = im[b]!;
    re[b] = re[a]! - x;
    im[b] = im[a]! - y;
    re[a] = re[a]! + x;
    im[a] = im[a]! + y;
  }
}

/** Power spectra of real signals: even samples and odd ones as one complex signal of half the size. */
export class PowerSpectrum {
  readonly size: number;
  readonly #fft: Fft;
  readonly #window: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /** @param size a power of two, from 4 on */
  constructor(size: number) {
    this.size = size;
    const half = size / 2;
    this.#fft = Fft.of(half);
    this.#window = Float64Array.from(
      { length: size },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size),
    );
    this.#re = new Float64Array(half);
    this.#im = new Float64Array(half);
    this.#cos = Float64Array.from({ length: half / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sin = Float64Array.from({ length: half / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
  }

  /**
   * @param samples `size` of them; missing ones are 0
   * @returns size / 2 powers, under a Hann window; a full-scale sine has about (size / 4)²
   */
  of(samples: Float32Array, out = new Float64Array(this.size / 2)): Float64Array {
    const half = this.size / 2;
    const [re, im, window] = [this.#re, this.#im, this.#window];
    const [cos, sin] = [this.#cos, this.#sin];
    const { reversed } = this.#fft;
    const pairs = Math.min(half, samples.length >> 1);
    if (pairs < half) {
      re.fill(0);
      im.fill(0);
    }
    for (let i = 0; i < pairs; i++) {
      const to = reversed[i]!;
      re[to] = samples[2 * i]! * window[2 * i]!;
      im[to] = samples[2 * i + 1]! * window[2 * i + 1]!;
    }
    if (pairs < half && samples.length % 2 === 1) {
      re[reversed[pairs]!] = samples[2 * pairs]! * window[2 * pairs]!;
    }
    this.#fft.butterflies(re, im);
    out[0] = (re[0]! + im[0]!) ** 2;
    out[half / 2] = re[half / 2]! ** 2 + im[half / 2]! ** 2;
    for (let k = 1, m = half - 1; k < m; k++, m--) {
      // Spectra of the even and of the odd samples, the latter turned to where they lie.
      const er = (re[k]! + re[m]!) / 2;
      const ei = (im[k]! - im[m]!) / 2;
      const or = (im[k]! + im[m]!) / 2;
      const oi = (re[m]! - re[k]!) / 2;
      const c = cos[k]!;
      const s = sin[k]!;
      const tr = or * c - oi * s;
      const ti = or * s + oi * c;
      out[k] = (er + tr) ** 2 + (ei + ti) ** 2;
      out[m] = (er - tr) ** 2 + (ei - ti) ** 2;
    }
    return out;
  }
}

/** Spectra of two real signals by one complex transform. */
export class SpectrumPair {
  readonly #window: Float64Array;
  readonly #fft: Fft;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  /** @param window weights of the samples; as many as there are, a power of two */
  constructor(window: Float64Array) {
    this.#window = window;
    this.#fft = Fft.of(window.length);
    this.#re = new Float64Array(window.length);
    this.#im = new Float64Array(window.length);
  }

  /** @param signals missing samples are 0 */
  transform(...signals: readonly [ArrayLike<number>, ArrayLike<number>]): void {
    const [window, { reversed }] = [this.#window, this.#fft];
    const [one, other] = signals;
    for (let i = 0; i < window.length; i++) {
      const [to, weight] = [reversed[i]!, window[i]!];
      this.#re[to] = (one[i] ?? 0) * weight;
      this.#im[to] = (other[i] ?? 0) * weight;
    }
    this.#fft.butterflies(this.#re, this.#im);
  }

  /** Power of a signal in a bin from 1 to half the size; a full-scale sine has as much as by {@link PowerSpectrum}. */
  power(signal: 0 | 1, bin: number): number {
    return this.#real(signal, bin) ** 2 + this.#imaginary(signal, bin) ** 2;
  }

  /** The same in dB of a full-scale sine under a Hann window. */
  level(signal: 0 | 1, bin: number): number {
    return 10 * Math.log10(this.power(signal, bin) / (this.#window.length / 4) ** 2 + 1e-12);
  }

  /** In radians, at the first sample. */
  phase(signal: 0 | 1, bin: number): number {
    return Math.atan2(this.#imaginary(signal, bin), this.#real(signal, bin));
  }

  #real(signal: 0 | 1, bin: number): number {
    const from = signal === 0 ? this.#re : this.#im;
    return (from[bin]! + from[this.#window.length - bin]!) / 2;
  }

  #imaginary(signal: 0 | 1, bin: number): number {
    const mirror = this.#window.length - bin;
    const [re, im] = [this.#re, this.#im];
    return signal === 0 ? (im[bin]! - im[mirror]!) / 2 : (re[mirror]! - re[bin]!) / 2;
  }
}

/** Of `size` samples right after a place: rises over the first `rise`, and falls over all the rest. */
export function windowAfter(size: number, rise: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) =>
    i < rise
      ? 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / rise)
      : 0.5 + 0.5 * Math.cos((Math.PI * (i - rise)) / (size - rise)),
  );
}
