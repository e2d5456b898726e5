import { createHash } from 'node:crypto';

/** The access units of a reference, each by 48 bits of its hash: 12 bytes of memory a unit. */
export class FrameHashes {
  /** In the order of the reference. */
  #hashes = new Float64Array(4096);
  #count = 0;
  /** Indices in the order of the hashes; undefined while units are added. */
  #sorted: Uint32Array | undefined;

  get size(): number {
    return this.#count;
  }

  add(data: Buffer): void {
    if (this.#count === this.#hashes.length) {
      const longer = new Float64Array(2 * this.#count);
      longer.set(this.#hashes);
      this.#hashes = longer;
    }
    this.#hashes[this.#count++] = hashOf(data);
    this.#sorted = undefined;
  }

  /**
   * Which unit of the reference some bytes are.
   *
   * @param expected is looked at first: silent units are all the same
   */
  indexOf(data: Buffer, expected: number): number | undefined {
    const wanted = hashOf(data);
    const hashes = this.#hashes;
    if (expected < this.#count && hashes[expected] === wanted) return expected;
    this.#sorted ??= Uint32Array.from({ length: this.#count }, (_, index) => index).sort(
      (one, other) => hashes[one]! - hashes[other]! || one - other,
    );
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const index = this.#sorted[middle]!;
      if (hashes[index] === wanted) return index;
      if (hashes[index]! < wanted) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
}

function hashOf(data: Buffer): number {
  return createHash('sha1').update(data).digest().readUIntBE(0, 6);
}
