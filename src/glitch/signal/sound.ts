import { PlaceMap, type SoundPlace } from './place-map.js';

/** Samples per hop: the grid on which the sound is measured once for all detectors. 0.67 ms at 48 kHz. */
export const HOP = 32;
const SECONDS_KEPT = 6;

/** Measures of one channel, one value per hop; index them by `hop - firstHop`. */
export class HopMeasures {
  /** Mean square. */
  readonly energy: Float32Array;
  /** Mean square of the second difference, which weighs high frequencies: 6 × energy for white noise. */
  readonly rough: Float32Array;
  /** Samples at full scale or past it. */
  readonly full: Uint8Array;

  constructor(hops: number) {
    this.energy = new Float32Array(hops);
    this.rough = new Float32Array(hops);
    this.full = new Uint8Array(hops);
  }

  /** Drops the first `hops` of `used`. */
  shift(hops: number, used: number): void {
    for (const series of [this.energy, this.rough, this.full]) series.copyWithin(0, hops, used);
  }
}

const FULL_SCALE = 0.9995;

/**
 * The newest seconds of the decoded sound and their measures. Positions count samples from the first one that was
 * decoded, without regard to times: what follows in the stream follows here.
 */
export class Sound {
  readonly sampleRate: number;
  readonly channels: number;
  readonly measures: readonly HopMeasures[];
  readonly #places: PlaceMap;
  readonly #capacity: number;
  readonly #pcm: readonly Float32Array[];
  readonly #sum: Float64Array;
  /** Position of the first sample kept; a multiple of {@link HOP}. */
  #first = 0;
  #length = 0;
  #measured = 0;

  constructor(sampleRate: number, channels: number) {
    this.sampleRate = sampleRate;
    this.channels = channels;
    this.#capacity = Math.ceil((2 * SECONDS_KEPT * sampleRate) / HOP) * HOP;
    this.#pcm = Array.from({ length: channels }, () => new Float32Array(this.#capacity));
    this.#sum = new Float64Array(this.#capacity);
    this.measures = Array.from({ length: channels }, () => new HopMeasures(this.#capacity / HOP));
    this.#places = new PlaceMap(sampleRate);
    // V8 takes what never changed for a constant: all detectors would be compiled again when it does, seconds later.
    this.#first = HOP;
    this.#first = 0;
  }

  get firstPosition(): number {
    return this.#first;
  }

  /** Position after the newest sample. */
  get endPosition(): number {
    return this.#first + this.#length;
  }

  get firstHop(): number {
    return this.#first / HOP;
  }

  /** After the newest measured hop. */
  get endHop(): number {
    return this.firstHop + this.#measured;
  }

  hops(ms: number): number {
    return Math.max(1, Math.round((ms * this.sampleRate) / (1000 * HOP)));
  }

  ms(samples: number): number {
    return (samples * 1000) / this.sampleRate;
  }

  locate(position: number): SoundPlace {
    return this.#places.locate(position);
  }

  /** A view of the samples in [from, to), cut to what is kept; valid until the next {@link append}. */
  view(channel: number, from: number, to: number): Float32Array {
    return this.#pcm[channel]!.subarray(this.#index(from), this.#index(to));
  }

  /** As {@link view}, of the sum of the channels. */
  sum(from: number, to: number): Float64Array {
    return this.#sum.subarray(this.#index(from), this.#index(to));
  }

  append(block: readonly Float32Array[], place: SoundPlace, blockBytes = 0): void {
    const added = block[0]?.length ?? 0;
    // Longer blocks come in pieces, so that half of what is kept always stays.
    const most = this.#capacity / 4;
    if (added <= most) this.#add(block, place, blockBytes);
    else {
      for (let from = 0; from < added; from += most) {
        const piece = block.map((samples) => samples.subarray(from, from + most));
        const { timeMs, unit, byteOffset } = place;
        const at = {
          timeMs: timeMs + this.ms(from),
          unit,
          byteOffset: byteOffset === undefined ? undefined : byteOffset + from * blockBytes,
        };
        this.#add(piece, at, blockBytes);
      }
    }
    this.#measure();
  }

  #add(block: readonly Float32Array[], place: SoundPlace, blockBytes: number): void {
    const added = block[0]?.length ?? 0;
    if (added === 0) return;
    if (this.#length + added > this.#capacity) this.#forget();
    for (let channel = 0; channel < this.channels; channel++) {
      const samples = block[channel];
      if (samples !== undefined) this.#pcm[channel]!.set(samples, this.#length);
    }
    this.#addUp(this.#length, this.#length + added);
    this.#places.add(this.endPosition, place, blockBytes);
    this.#length += added;
  }

  #addUp(from: number, to: number): void {
    const sum = this.#sum;
    const [left, right] = this.#pcm;
    if (left === undefined) return;
    if (right === undefined) for (let i = from; i < to; i++) sum[i] = left[i]!;
    else for (let i = from; i < to; i++) sum[i] = left[i]! + right[i]!;
  }

  #index(position: number): number {
    return Math.max(0, Math.min(this.#length, position - this.#first));
  }

  #forget(): void {
    const kept = Math.floor(this.#capacity / 2 / HOP) * HOP;
    const dropped = Math.floor((this.#length - kept) / HOP) * HOP;
    for (const samples of [...this.#pcm, this.#sum]) samples.copyWithin(0, dropped, this.#length);
    for (const measures of this.measures) measures.shift(dropped / HOP, this.#measured);
    this.#first += dropped;
    this.#length -= dropped;
    this.#measured -= dropped / HOP;
  }

  #measure(): void {
    const until = Math.floor(this.#length / HOP);
    for (let channel = 0; channel < this.channels; channel++) {
      const pcm = this.#pcm[channel]!;
      const { energy, rough, full } = this.measures[channel]!;
      for (let hop = this.#measured; hop < until; hop++) {
        const start = hop * HOP;
        let one = start > 0 ? pcm[start - 1]! : pcm[start]!;
        let two = start > 1 ? pcm[start - 2]! : one;
        let squares = 0;
        let bends = 0;
        for (let i = start; i < start + HOP; i++) {
          const x = pcm[i]!;
          const bend = x - 2 * one + two;
          two = one;
          one = x;
          squares += x * x;
          bends += bend * bend;
        }
        energy[hop] = squares / HOP;
        rough[hop] = bends / HOP;
        // Most hops are too quiet to hold such a sample.
        full[hop] = squares < FULL_SCALE * FULL_SCALE ? 0 : atFullScale(pcm, start);
      }
    }
    this.#measured = until;
  }
}

/** How many samples of a hop are at full scale or past it. */
function atFullScale(pcm: Float32Array, start: number): number {
  let count = 0;
  for (let i = start; i < start + HOP; i++) {
    const x = pcm[i]!;
    if (x >= FULL_SCALE || x <= -FULL_SCALE) count++;
  }
  return count;
}
