import { autocorrelate, levinson, predictionErrors, windowOf } from './prediction.js';

/** Where samples come from: `from` and `to` count them; what is returned is valid until more sound comes. */
export interface Line {
  /** Of the first sample there is. */
  readonly first: number;
  /** After the newest one. */
  readonly end: number;
  samples(from: number, to: number): Float64Array;
}

interface ResidualOptions {
  /** Of the predictor; a multiple of four. */
  readonly order: number;
  /** Samples that one predictor is used for. It is fitted to twice or three times as many, which have them in their middle. */
  readonly block: number;
  readonly fit: number;
  /** Samples to a hop, of which one value is kept. */
  readonly hop: number;
}

/** How many hops are kept; a power of two. */
const HOPS_KEPT = 4096;

/**
 * What linear prediction cannot explain: a break in the waveform stands out of it far more than out of the waveform itself.
 * Full scale is 1.
 */
export class Residual {
  readonly #options: ResidualOptions;
  readonly #window: Float64Array;
  readonly #head: Float64Array;
  readonly #windowed: Float64Array;
  readonly #errors: Float64Array;
  readonly #peaks = new Float32Array(HOPS_KEPT);
  readonly #powers = new Float32Array(HOPS_KEPT);
  readonly #places = new Uint8Array(HOPS_KEPT);
  #done = 0;

  constructor(options: ResidualOptions) {
    const { order, block, fit } = options;
    this.#options = options;
    this.#window = windowOf(fit);
    this.#head = new Float64Array(fit + order);
    this.#windowed = new Float64Array(fit);
    this.#errors = new Float64Array(block);
  }

  /** Hops before this one are known. */
  get endHop(): number {
    return this.#done / this.#options.hop;
  }

  /** Largest magnitude in a hop. */
  peak(hop: number): number {
    return this.#peaks[hop & (HOPS_KEPT - 1)]!;
  }

  /** Mean square in a hop. */
  power(hop: number): number {
    return this.#powers[hop & (HOPS_KEPT - 1)]!;
  }

  /** Mean square over hops in [from, to), a little over 0. */
  meanPower(from: number, to: number): number {
    let sum = 0;
    for (let hop = from; hop < to; hop++) sum += this.power(hop);
    return sum / (to - from) + 1e-12;
  }

  /** The sample of a hop where the residual is largest. */
  peakAt(hop: number): number {
    return hop * this.#options.hop + this.#places[hop & (HOPS_KEPT - 1)]!;
  }

  /** @param scale full scale of the samples: 2 for the sum of two channels */
  advance(line: Line, scale: number): void {
    const { block, fit } = this.#options;
    if (this.#done < line.first) this.#done = Math.ceil(line.first / block) * block;
    while (this.#done + (block + fit) / 2 <= line.end) this.#block(line, scale);
  }

  /** The block lies in the middle of what its predictor is fitted to. */
  #block(line: Line, scale: number): void {
    const { order, block, fit, hop } = this.#options;
    const around = (fit - block) / 2;
    const samples = this.#read(line, this.#done - around - order);
    const errors = this.#errors;
    predictionErrors(samples, order + around, this.#fit(samples), errors);
    for (let n = 0; n < block / hop; n++) {
      let peak = 0;
      let power = 0;
      let place = 0;
      for (let i = n * hop; i < (n + 1) * hop; i++) {
        const square = errors[i]! * errors[i]!;
        power += square;
        if (square > peak) {
          peak = square;
          place = i - n * hop;
        }
      }
      const slot = (this.#done / hop + n) & (HOPS_KEPT - 1);
      this.#peaks[slot] = Math.sqrt(peak) / scale;
      this.#powers[slot] = power / hop / scale ** 2;
      this.#places[slot] = place;
    }
    this.#done += block;
  }

  /** From a position on; 0 before what there is. */
  #read(line: Line, from: number): Float64Array {
    const until = from + this.#options.fit + this.#options.order;
    if (from >= line.first) return line.samples(from, until);
    const head = this.#head.fill(0);
    head.set(line.samples(line.first, until), line.first - from);
    return head;
  }

  /** The predictor of the windowed block; zeros for silence. */
  #fit(samples: Float64Array): Float64Array {
    const { order, fit } = this.#options;
    const [windowed, window] = [this.#windowed, this.#window];
    for (let i = 0; i < fit; i++) windowed[i] = samples[order + i]! * window[i]!;
    const lags = new Float64Array(order + 1);
    autocorrelate(windowed, lags);
    if (lags[0]! < 1e-7) return new Float64Array(order);
    // White noise 60 dB down keeps the predictor calm on pure tones.
    lags[0]! *= 1 + 1e-6;
    return levinson(lags);
  }
}
