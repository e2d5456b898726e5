import type { VideoUnit } from '../media/access-unit.js';

const MAX_UNITS = 300;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The pictures since the last IDR, so that a decoder can catch up in the middle of a GOP. A GOP that outgrows the
 * bounds is let go, and the next IDR awaited.
 */
export class GopBuffer {
  #units: VideoUnit[] = [];
  #bytes = 0;
  #taken = 0;
  #damaged = true;

  push(unit: VideoUnit): void {
    if (unit.isIdr) {
      this.clear();
      this.#damaged = false;
    }
    if (this.#damaged) return;
    if (this.#units.length >= MAX_UNITS || this.#bytes + unit.data.length > MAX_BYTES) {
      this.clear();
      return;
    }
    this.#units.push(unit);
    this.#bytes += unit.data.length;
  }

  /** Whether a decoder that takes what it has not yet been given will show a picture. */
  get decodable(): boolean {
    return !this.#damaged;
  }

  /** Presentation time of the IDR, as the participant tells time; `undefined` when there is none. */
  get startPts(): number | undefined {
    return this.#units[0]?.pts;
  }

  /** The units that were not taken before, in decoding order. */
  takeNew(): VideoUnit[] {
    const fresh = this.#units.slice(this.#taken);
    this.#taken = this.#units.length;
    return fresh;
  }

  /** Another decoder starts from the beginning. */
  rewind(): void {
    this.#taken = 0;
  }

  clear(): void {
    this.#units = [];
    this.#bytes = 0;
    this.#taken = 0;
    this.#damaged = true;
  }
}
