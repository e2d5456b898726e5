/** A complex radix-2 transform with its tables made once. */
export class Fft {
  readonly size: number;
  /** Where the sample of each index goes before the butterflies. */
  readonly reversed: Uint32Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /** @param size a power of two */
  constructor(size: number) {
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
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0, t = 0; k < half; k++, t += stride) {
          const a = start + k;
          const b = a + half;
          const c = this.#cos[t]!;
          const s = this.#sin[t]!;
          const x = re[b]! * c - im[b]! * s;
          const y = re[b]! * s + im[b]! * c;
          re[b] = re[a]! - x;
          im[b] = im[a]! - y;
          re[a] = re[a]! + x;
          im[a] = im[a]! + y;
        }
      }
    }
  }
}

/** Power spectra of real signals. */
export class PowerSpectrum {
  readonly size: number;
  readonly #fft: Fft;
  readonly #window: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  /** @param size a power of two */
  constructor(size: number) {
    this.size = size;
    this.#fft = new Fft(size);
    this.#window = Float64Array.from(
      { length: size },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size),
    );
    this.#re = new Float64Array(size);
    this.#im = new Float64Array(size);
  }

  /**
   * @param samples `size` of them; missing ones are 0
   * @returns size / 2 powers, under a Hann window; a full-scale sine has about (size / 4)²
   */
  of(samples: Float32Array, out = new Float64Array(this.size / 2)): Float64Array {
    const { size } = this;
    const re = this.#re;
    const im = this.#im;
    const { reversed } = this.#fft;
    for (let i = 0; i < size; i++) re[reversed[i]!] = (samples[i] ?? 0) * this.#window[i]!;
    im.fill(0);
    this.#fft.butterflies(re, im);
    for (let i = 0; i < size / 2; i++) out[i] = re[i]! ** 2 + im[i]! ** 2;
    return out;
  }
}
