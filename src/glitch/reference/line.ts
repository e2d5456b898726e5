import type { ReferenceSound } from './reference-sound.js';

const HALF_TAPS = 16;
/** Clocks of sound devices are far better than this. */
export const MAX_DRIFT = 1e-3;

/** Which sample of the reference a sample of the capture is: a line, as long as neither loses or gains any. */
export class Line {
  #anchor: number;
  #at: number;
  #drift: number;

  /**
   * @param anchor a position in the capture
   * @param at the place in the reference that belongs to it, between samples
   * @param drift how much faster the capture's clock runs; 1e-6 is one sample in a million
   */
  constructor(anchor: number, at: number, drift: number) {
    this.#anchor = anchor;
    this.#at = at;
    this.#drift = drift;
  }

  get drift(): number {
    return this.#drift;
  }

  place(position: number): number {
    return this.#at + (position - this.#anchor) * (1 + this.#drift);
  }

  shifted(samples: number): Line {
    return new Line(this.#anchor, this.#at + samples, this.#drift);
  }

  /** Turns a little towards where the capture was found to lie. */
  follow(position: number, byTime: number, byDrift: number): void {
    this.#at = this.place(position) + byTime;
    this.#anchor = position;
    this.#drift = Math.max(-MAX_DRIFT, Math.min(MAX_DRIFT, this.#drift + byDrift));
  }

  /** The reference's sound as it should be in the capture at [from, from + length), one array per channel. */
  read(reference: ReferenceSound, from: number, length: number): Float32Array[] {
    const first = Math.floor(this.place(from)) - HALF_TAPS;
    const last = Math.ceil(this.place(from + length)) + HALF_TAPS;
    const source = reference.read(first, last - first + 1);
    const starts = new Int32Array(length);
    const phases = new Uint16Array(length);
    for (let i = 0; i < length; i++) {
      const place = this.place(from + i) - first;
      const whole = Math.floor(place);
      starts[i] = whole - HALF_TAPS + 1;
      phases[i] = Math.round((place - whole) * PHASES);
    }
    return source.map((samples) => {
      const out = new Float32Array(length);
      for (let i = 0; i < length; i++) out[i] = interpolate(samples, starts[i]!, phases[i]!);
      return out;
    });
  }
}

const PHASES = 256;
/** Rows of a Hann-windowed sinc, one per phase. */
const kernels = Array.from({ length: PHASES + 1 }, (_, phase) => {
  const taps = Array.from({ length: 2 * HALF_TAPS }, (_, tap) => {
    const x = tap - HALF_TAPS + 1 - phase / PHASES;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (HALF_TAPS + 1));
    return window * (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return Float64Array.from(taps, (tap) => tap / sum);
});

/** @param start of the samples under the kernel */
function interpolate(samples: Float32Array, start: number, phase: number): number {
  if (phase === 0) return samples[start + HALF_TAPS - 1]!;
  const kernel = kernels[phase]!;
  // Four sums at once: one would wait for itself at each tap.
  let zero = 0;
  let one = 0;
  let two = 0;
  let three = 0;
  for (let tap = 0; tap < 2 * HALF_TAPS; tap += 4) {
    zero += kernel[tap]! * samples[start + tap]!;
    one += kernel[tap + 1]! * samples[start + tap + 1]!;
    two += kernel[tap + 2]! * samples[start + tap + 2]!;
    three += kernel[tap + 3]! * samples[start + tap + 3]!;
  }
  return zero + one + (two + three);
}
