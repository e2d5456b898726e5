import { HOP, type Sound } from './sound.js';

const ORDER = 12;
const BLOCK = 1024;
const FIT = 2048;

/**
 * What linear prediction cannot explain, of the mean of the channels: a break in the waveform stands out of it far more
 * than out of the waveform itself. One value per hop, over the newest seconds.
 */
export class Residual {
  readonly #window = Float64Array.from(
    { length: FIT },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / FIT),
  );
  readonly #mid = new Float64Array(FIT + ORDER);
  readonly #windowed = new Float64Array(FIT);
  readonly #peaks: Float32Array;
  readonly #powers: Float32Array;
  readonly #size: number;
  #done = 0;

  /** @param hops how many are kept; a power of two */
  constructor(hops = 4096) {
    this.#size = hops;
    this.#peaks = new Float32Array(hops);
    this.#powers = new Float32Array(hops);
  }

  /** Hops before this one are known. */
  get endHop(): number {
    return this.#done / HOP;
  }

  /** Largest magnitude in a hop. */
  peak(hop: number): number {
    return this.#peaks[hop & (this.#size - 1)]!;
  }

  /** Mean square in a hop. */
  power(hop: number): number {
    return this.#powers[hop & (this.#size - 1)]!;
  }

  advance(sound: Sound): void {
    this.#done = Math.max(this.#done, sound.firstPosition);
    while (this.#done + BLOCK + BLOCK / 2 <= sound.endPosition) this.#block(sound);
  }

  /** The block lies in the middle of what its predictor is fitted to. */
  #block(sound: Sound): void {
    const from = this.#done - BLOCK / 2 - ORDER;
    const mid = this.#mid.fill(0);
    for (let channel = 0; channel < sound.channels; channel++) {
      const start = Math.max(from, sound.firstPosition);
      const samples = sound.view(channel, start, from + FIT + ORDER);
      const shift = start - from;
      for (let i = 0; i < samples.length; i++) mid[shift + i]! += samples[i]!;
    }
    const a = this.#fit();
    for (let hop = 0; hop < BLOCK / HOP; hop++) {
      let peak = 0;
      let power = 0;
      const start = ORDER + BLOCK / 2 + hop * HOP;
      for (let i = start; i < start + HOP; i++) {
        let error = mid[i]!;
        for (let k = 0; k < ORDER; k++) error -= a[k]! * mid[i - 1 - k]!;
        const square = error * error;
        power += square;
        if (square > peak) peak = square;
      }
      const slot = (this.#done / HOP + hop) & (this.#size - 1);
      this.#peaks[slot] = Math.sqrt(peak) / sound.channels;
      this.#powers[slot] = power / HOP / sound.channels ** 2;
    }
    this.#done += BLOCK;
  }

  /** Levinson-Durbin on the windowed block; zeros for silence. */
  #fit(): Float64Array {
    const windowed = this.#windowed;
    for (let i = 0; i < FIT; i++) windowed[i] = this.#mid[ORDER + i]! * this.#window[i]!;
    const lags = new Float64Array(ORDER + 1);
    for (let lag = 0; lag <= ORDER; lag++) {
      let sum = 0;
      for (let i = lag; i < FIT; i++) sum += windowed[i]! * windowed[i - lag]!;
      lags[lag] = sum;
    }
    const a = new Float64Array(ORDER);
    if (lags[0]! < 1e-7) return a;
    // White noise 60 dB down keeps the predictor calm on pure tones.
    lags[0]! *= 1 + 1e-6;
    let error = lags[0]!;
    const last = new Float64Array(ORDER);
    for (let i = 0; i < ORDER; i++) {
      let sum = lags[i + 1]!;
      for (let k = 0; k < i; k++) sum -= a[k]! * lags[i - k]!;
      const reflection = sum / error;
      last.set(a);
      a[i] = reflection;
      for (let k = 0; k < i; k++) a[k] = last[k]! - reflection * last[i - 1 - k]!;
      error *= 1 - reflection * reflection;
    }
    return a;
  }
}
