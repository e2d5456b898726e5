import { MalformedMediaError } from '../base/errors.js';

/** Reads bits, most significant first. Every read is checked against the end of the data. */
export class BitReader {
  readonly #data: Buffer;
  readonly #what: string;
  #position = 0;

  /** @param what named in errors, e.g. `SPS` */
  constructor(data: Buffer, what: string) {
    this.#data = data;
    this.#what = what;
  }

  get position(): number {
    return this.#position;
  }

  get bitsLeft(): number {
    return this.#data.length * 8 - this.#position;
  }

  /**
   * @param count 0…32
   * @throws MalformedMediaError at the end of the data
   */
  bits(count: number): number {
    if (count > this.bitsLeft) this.#fail(`expected ${count} more bits, got ${this.bitsLeft}`);
    if (count <= 16) {
      const value = this.peek(count);
      this.#position += count;
      return value;
    }
    let value = 0;
    let left = count;
    while (left > 0) {
      const byte = this.#data[this.#position >> 3] ?? 0;
      const available = 8 - (this.#position & 7);
      const take = Math.min(available, left);
      // Multiplied, not shifted: 32 bits do not fit a signed shift.
      value = value * 2 ** take + ((byte >> (available - take)) & (2 ** take - 1));
      this.#position += take;
      left -= take;
    }
    return value;
  }

  /**
   * Skips up to `count` codewords in a row.
   *
   * @param lengths by the next `lookBits` bits (at most 16): of the codeword that they begin, at most 17 bits; 0 where they
   *   do not tell
   * @returns how many were skipped: fewer at a codeword that they do not tell, and near the end of the data
   */
  skipCodes(lengths: Uint8Array, lookBits: number, count: number): number {
    const data = this.#data;
    const mask = (1 << lookBits) - 1;
    const shift = 24 - lookBits;
    // As long as three bytes can be read at once, no codeword reaches past the end.
    const safe = data.length - 3;
    let position = this.#position;
    let done = 0;
    for (; done < count; done++) {
      const at = position >> 3;
      if (at > safe) break;
      const three = (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
      const length = lengths[(three >> (shift - (position & 7))) & mask]!;
      if (length === 0) break;
      position += length;
    }
    this.#position = position;
    return done;
  }

  /** The next `count` bits (0…16) without reading them; zeros after the end of the data. */
  peek(count: number): number {
    const at = this.#position >> 3;
    const data = this.#data;
    const three = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    return (three >> (24 - (this.#position & 7) - count)) & ((1 << count) - 1);
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** @throws MalformedMediaError when there are fewer bits */
  skip(count: number): void {
    if (count > this.bitsLeft) this.#fail(`expected ${count} more bits, got ${this.bitsLeft}`);
    this.#position += count;
  }

  /** Skips to the next byte border. */
  align(): void {
    this.#position = Math.ceil(this.#position / 8) * 8;
  }

  /** ue(v), ITU-T H.264 §9.1, at most 2^32 − 2. */
  unsignedExpGolomb(): number {
    let zeros = 0;
    while (!this.flag()) {
      if (++zeros > 31) this.#fail('Exp-Golomb code longer than 63 bits');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v), ITU-T H.264 §9.1.1. */
  signedExpGolomb(): number {
    const code = this.unsignedExpGolomb();
    return code % 2 === 0 ? (code === 0 ? 0 : -code / 2) : (code + 1) / 2;
  }

  #fail(why: string): never {
    throw new MalformedMediaError(`${this.#what}: ${why}`, { offset: this.#position >> 3 });
  }
}
