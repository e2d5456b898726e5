import { autocorrelate, levinson, predictionErrors, windowOf } from './prediction.js';
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
  readonly #head = new Float64Array(FIT + ORDER);
  readonly #windowed = new Float64Array(FIT);
  readonly #errors = new Float64Array(BLOCK);
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
    const mid = this.#read(sound, from);
    const a = this.#fit(mid);
    const errors = this.#errors;
    predictionErrors(mid, ORDER + BLOCK / 2, a, errors);
    for (let hop = 0; hop < BLOCK / HOP; hop++) {
      let peak = 0;
      let power = 0;
      for (let i = hop * HOP; i < (hop + 1) * HOP; i++) {
        const square = errors[i]! * errors[i]!;
        power += square;
        if (square > peak) peak = square;
      }
      const slot = (this.#done / HOP + hop) & (this.#size - 1);
      this.#peaks[slot] = Math.sqrt(peak) / sound.channels;
      this.#powers[slot] = power / HOP / sound.channels ** 2;
    }
    this.#done += BLOCK;
  }

  /** The sum of the channels from a position on; 0 before what is kept of it. */
  #read(sound: Sound, from: number): Float64Array {
    const until = from + FIT + ORDER;
    if (from >= sound.firstPosition) return sound.sum(from, until);
    const head = this.#head.fill(0);
    head.set(sound.sum(from, until), sound.firstPosition - from);
    return head;
  }

  /** The predictor of the windowed block; zeros for silence. */
  #fit(mid: Float64Array): Float64Array {
    const [windowed, window] = [this.#windowed, this.#window];
    for (let i = 0; i < FIT; i++) windowed[i] = mid[ORDER + i]! * window[i]!;
    const lags = new Float64Array(ORDER + 1);
    autocorrelate(windowed, lags);
    if (lags[0]! < 1e-7) return new Float64Array(ORDER);
    // White noise 60 dB down keeps the predictor calm on pure tones.
    lags[0]! *= 1 + 1e-6;
    return levinson(lags);
  }
}
