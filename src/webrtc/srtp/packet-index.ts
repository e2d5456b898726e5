const SEQUENCE_RANGE = 65_536;

/**
 * The 48-bit packet index nearest to the highest one seen (RFC 3711 §3.3.1, appendix A): holds through losses of up
 * to 32767 packets, wherever the wrap falls. May be negative when the packet is older than the stream's first.
 */
export function estimateIndex(highestIndex: number, sequenceNumber: number): number {
  const highestSequence = highestIndex % SEQUENCE_RANGE;
  const base = highestIndex - highestSequence;
  const step = sequenceNumber - highestSequence;
  if (step > SEQUENCE_RANGE / 2) return base - SEQUENCE_RANGE + sequenceNumber;
  if (step < -SEQUENCE_RANGE / 2) return base + SEQUENCE_RANGE + sequenceNumber;
  return base + sequenceNumber;
}

/** Which indices below the highest have been seen (RFC 3711 §3.3.2). Older than the window counts as seen. */
export class ReplayWindow {
  readonly #size: number;
  readonly #seen: Uint8Array;
  #highest = -1;

  /** @param size in packets; wide enough for what reorders on a path, retransmissions have their own stream */
  constructor(size = 1024) {
    this.#size = size;
    this.#seen = new Uint8Array(size);
  }

  /** The highest index accepted, −1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  isNew(index: number): boolean {
    if (index < 0) return false;
    if (index > this.#highest) return true;
    if (index <= this.#highest - this.#size) return false;
    return this.#seen[index % this.#size] === 0;
  }

  /** Call only with an authenticated packet for which {@link isNew} held. */
  accept(index: number): void {
    if (index > this.#highest) {
      if (this.#highest < 0 || index - this.#highest >= this.#size) this.#seen.fill(0);
      else for (let gap = this.#highest + 1; gap < index; gap++) this.#seen[gap % this.#size] = 0;
      this.#highest = index;
    }
    this.#seen[index % this.#size] = 1;
  }
}
