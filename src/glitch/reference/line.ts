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
    const runs: Run[] = [];
    for (let i = 0; i < length;) {
      const steps = Math.round((this.place(from + i) - first) * PHASES);
      const end = Math.min(length, i + this.#runLength(from + i, steps + first * PHASES));
      runs.push({
        from: i,
        to: end,
        start: Math.floor(steps / PHASES) - HALF_TAPS + 1,
        phase: steps % PHASES,
      });
      i = end;
    }
    return source.map((samples) => {
      const out = new Float32Array(length);
      for (const { from, to, start, phase } of runs) {
        interpolate(samples, start, phase, out.subarray(from, to));
      }
      return out;
    });
  }

  /** How many samples from a position on lie `steps` of a {@link PHASES}th of a sample, each rounded, further by one sample each. */
  #runLength(position: number, steps: number): number {
    if (this.#drift === 0) return Infinity;
    const off = this.place(position) * PHASES - steps;
    const room = this.#drift > 0 ? 0.5 - off : 0.5 + off;
    return Math.max(1, Math.ceil(room / (PHASES * Math.abs(this.#drift))));
  }
}

/** Samples [from, to) of what is read, all between samples of the source by as much. */
interface Run {
  readonly from: number;
  readonly to: number;
  /** Of the samples under the kernel of the first of them. */
  readonly start: number;
  readonly phase: number;
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

/**
 * Fills `out` with values that follow each other, all of one phase; four in one step, as in `predictionErrors`.
 *
 * @param start of the samples under the kernel of the first value
 */
function interpolate(samples: Float32Array, start: number, phase: number, out: Float32Array): void {
  const { length } = out;
  if (phase === 0) {
    const at = start + HALF_TAPS - 1;
    out.set(samples.subarray(at, at + length));
    return;
  }
  const kernel = kernels[phase]!;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    let at = start + i;
    let x0 = samples[at]!;
    let x1 = samples[at + 1]!;
    let x2 = samples[at + 2]!;
    for (let tap = 0; tap < 2 * HALF_TAPS; tap += 4, at += 4) {
      const a = kernel[tap]!;
      const b = kernel[tap + 1]!;
      const c = kernel[tap + 2]!;
      const d = kernel[tap + 3]!;
      const x3 = samples[at + 3]!;
      const x4 = samples[at + 4]!;
      const x5 = samples[at + 5]!;
      const x6 = samples[at + 6]!;
      sum0 = sum0 + a * x0 + b * x1 + c * x2 + d * x3;
      sum1 = sum1 + a * x1 + b * x2 + c * x3 + d * x4;
      sum2 = sum2 + a * x2 + b * x3 + c * x4 + d * x5;
      sum3 = sum3 + a * x3 + b * x4 + c * x5 + d * x6;
      x0 = x4;
      x1 = x5;
      x2 = x6;
    }
    out[i] = sum0;
    out[i + 1] = sum1;
    out[i + 2] = sum2;
    out[i + 3] = sum3;
  }
  for (; i < length; i++) {
    let sum = 0;
    for (let tap = 0; tap < 2 * HALF_TAPS; tap++) sum += kernel[tap]! * samples[start + i + tap]!;
    out[i] = sum;
  }
}
