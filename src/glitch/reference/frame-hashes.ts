import { createHash } from 'node:crypto';

/** The access units of a reference, each by 48 bits of its hash: 8 bytes of memory a unit. */
export class FrameHashes {
  #hashes = new Float64Array(4096);
  #count = 0;
  #isSorted = true;

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
    this.#isSorted = false;
  }

  has(data: Buffer): boolean {
    if (!this.#isSorted) this.#hashes.subarray(0, this.#count).sort();
    this.#isSorted = true;
    const wanted = hashOf(data);
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#hashes[middle]!;
      if (found === wanted) return true;
      if (found < wanted) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }
}

function hashOf(data: Buffer): number {
  return createHash('sha1').update(data).digest().readUIntBE(0, 6);
}
