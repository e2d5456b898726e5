/** Bytes as they arrive, taken in the pieces that a format needs. Joins only when a whole piece is there. */
export class ByteQueue {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next bytes: a view of what was pushed, or a new buffer where they span pieces. Undefined until all are there. */
  take(bytes: number): Buffer | undefined {
    if (bytes > this.#length) return undefined;
    this.#length -= bytes;
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    if (first.length > bytes) {
      this.#chunks[0] = first.subarray(bytes);
      return first.subarray(0, bytes);
    }
    const parts: Buffer[] = [];
    let missing = bytes;
    let used = 0;
    while (missing > 0) {
      const chunk = this.#chunks[used] ?? Buffer.alloc(0);
      if (chunk.length > missing) {
        parts.push(chunk.subarray(0, missing));
        this.#chunks[used] = chunk.subarray(missing);
        break;
      }
      parts.push(chunk);
      missing -= chunk.length;
      used++;
    }
    this.#chunks.splice(0, used);
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }
}
