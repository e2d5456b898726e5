import { autocorrelate, windowOf } from './prediction.js';
import { HOP, type Sound } from './sound.js';

const ORDER = 12;
const BLOCK = 1024;
const FIT = 2048;

/**
 * What linear prediction cannot explain, of the mean of the channels: a break in the waveform stands out of it far more
 * than out of the waveform itself. One value per hop, over the newest seconds.
 */
export class Residual {
  readonly #window = windowOf(FIT);
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
    const [a0, a1, a2, a3, a4, a5] = [a[0]!, a[1]!, a[2]!, a[3]!, a[4]!, a[5]!];
    const [a6, a7, a8, a9, a10, a11] = [a[6]!, a[7]!, a[8]!, a[9]!, a[10]!, a[11]!];
    for (let hop = 0; hop < BLOCK / HOP; hop++) {
      let peak = 0;
      let power = 0;
      const start = ORDER + BLOCK / 2 + hop * HOP;
      for (let i = start; i < start + HOP; i++) {
        // Written out: this line is most of the work of all detectors.
        const error =
          mid[i]! -
          (a0 * mid[i - 1]! + a1 * mid[i - 2]! + a2 * mid[i - 3]! + a3 * mid[i - 4]!) -
          (a4 * mid[i - 5]! + a5 * mid[i - 6]! + a6 * mid[i - 7]! + a7 * mid[i - 8]!) -
          (a8 * mid[i - 9]! + a9 * mid[i - 10]! + a10 * mid[i - 11]! + a11 * mid[i - 12]!);
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
    const [mid, window] = [this.#mid, this.#window];
    for (let i = 0; i < FIT; i++) windowed[i] = mid[ORDER + i]! * window[i]!;
    const lags = new Float64Array(ORDER + 1);
    autocorrelate(windowed, lags);
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
