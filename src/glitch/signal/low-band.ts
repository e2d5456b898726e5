import { Residual, type Line } from './residual.js';
import { HOP, type Sound } from './sound.js';

/** Every this many samples become one: at 48 kHz what is left reaches to 2.5 kHz, where voices and notes are. */
export const FACTOR = 8;
const TAPS = 6 * FACTOR;
/** How many samples on either side of those that it stands for a value is made of. */
const REACH = (TAPS - FACTOR) / 2;
const CUT = 0.85 / FACTOR;
const KEPT = 4096;

/** A symmetric low-pass of even length, so that a mirrored signal gives the mirrored result. */
const taps = (() => {
  const shape = Float64Array.from({ length: TAPS }, (_, i) => {
    const n = i - (TAPS - 1) / 2;
    return (Math.sin(Math.PI * CUT * n) / n) * (0.54 + 0.46 * Math.cos((2 * Math.PI * n) / TAPS));
  });
  const sum = shape.reduce((total, tap) => total + tap, 0);
  return shape.map((tap) => tap / sum);
})();

/** The sum of the channels, low-passed and decimated, and its residual; the newest third of a second at least. */
export class LowBand implements Line {
  /** On the hops of the sound; brought up to date with the band. */
  readonly residual = new Residual({ order: 24, block: 128, fit: 256, hop: HOP / FACTOR });
  readonly #values = new Float64Array(2 * KEPT);
  /** Position in the sound, in decimated samples, of the first value kept. */
  #first = 0;
  #count = 0;

  /** Position in the sound, in decimated samples, of the first value. */
  get first(): number {
    return this.#first;
  }

  /** Position in the sound, in decimated samples, after the newest value. */
  get end(): number {
    return this.#first + this.#count;
  }

  /**
   * Fills `out` with the values from a position on that is a multiple of {@link FACTOR}.
   *
   * @returns false when they are not all kept
   */
  copy(position: number, out: Float64Array): boolean {
    const from = position / FACTOR - this.#first;
    if (from < 0 || from + out.length > this.#count) return false;
    out.set(this.#values.subarray(from, from + out.length));
    return true;
  }

  /** Positions are in decimated samples; what is not kept is left out. */
  samples(from: number, to: number): Float64Array {
    const index = (position: number): number => Math.max(0, Math.min(this.#count, position - this.#first));
    return this.#values.subarray(index(from), index(to));
  }

  advance(sound: Sound): void {
    // Nothing is known before the beginning of the sound: its first values are left out.
    const least = Math.ceil((sound.firstPosition + REACH) / FACTOR);
    if (this.end < least) [this.#first, this.#count] = [least, 0];
    const added = Math.floor((sound.endPosition - REACH - this.end * FACTOR) / FACTOR);
    if (added <= 0) return;
    // More than is kept comes only of formats without frames.
    const fresh = Math.min(added, KEPT);
    if (fresh < added) [this.#first, this.#count] = [this.end + added - fresh, 0];
    if (this.#count + fresh > this.#values.length) this.#forget();
    const from = this.end * FACTOR - REACH;
    const length = fresh * FACTOR + 2 * REACH;
    const mono = sound.sum(from, from + length);
    const out = this.#values;
    const half = TAPS / 2;
    for (let j = 0; j < fresh; j++) {
      const first = j * FACTOR;
      const last = first + TAPS - 1;
      // Two sums at once: one would wait for itself at each tap.
      let even = 0;
      let odd = 0;
      for (let i = 0; i < half; i += 2) {
        even += taps[i]! * (mono[first + i]! + mono[last - i]!);
        odd += taps[i + 1]! * (mono[first + i + 1]! + mono[last - i - 1]!);
      }
      out[this.#count + j] = even + odd;
    }
    this.#count += fresh;
    this.residual.advance(this, sound.channels);
  }

  #forget(): void {
    const dropped = this.#count - KEPT / 2;
    this.#values.copyWithin(0, dropped, this.#count);
    this.#first += dropped;
    this.#count -= dropped;
  }
}
