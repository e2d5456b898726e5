/** The last seconds of PCM by absolute sample number; the oldest give way to the newest. */
export class PcmRing {
  readonly #capacity: number;
  readonly #channels: Float32Array[];
  #start = 0;
  #end = 0;

  constructor(channels: number, capacity: number) {
    this.#capacity = capacity;
    this.#channels = Array.from({ length: channels }, () => new Float32Array(capacity));
  }

  /** Number of the first sample held. */
  get start(): number {
    return this.#start;
  }

  /** Number after the last sample held. */
  get end(): number {
    return this.#end;
  }

  /** Empty; the next sample appended has this number. */
  restart(at: number): void {
    this.#start = at;
    this.#end = at;
  }

  append(block: readonly Float32Array[]): void {
    const length = block[0]?.length ?? 0;
    const skip = Math.max(0, length - this.#capacity);
    const at = this.#index(this.#end + skip);
    const untilWrap = Math.min(length - skip, this.#capacity - at);
    this.#channels.forEach((ring, i) => {
      const source = block[i]!;
      ring.set(source.subarray(skip, skip + untilWrap), at);
      ring.set(source.subarray(skip + untilWrap), 0);
    });
    this.#grow(length);
  }

  appendSilence(samples: number): void {
    const length = Math.min(samples, this.#capacity);
    for (const ring of this.#channels) {
      let at = this.#index(this.#end + samples - length);
      for (let k = 0; k < length; k++) {
        ring[at] = 0;
        if (++at === this.#capacity) at = 0;
      }
    }
    this.#grow(samples);
  }

  /** Fades the last samples held towards silence. */
  fadeOut(samples: number): void {
    for (const ring of this.#channels) {
      for (let k = 0; k < samples; k++) ring[this.#index(this.#end - 1 - k)]! *= (k + 1) / (samples + 1);
    }
  }

  /**
   * Goes back to `from` and lays a block there, whose own first sample is number `blockPts`, fading over from what was
   * held to the block.
   */
  crossfadeAt(from: number, block: readonly Float32Array[], ramp: number, blockPts: number): void {
    const offset = from - blockPts;
    const length = (block[0]?.length ?? 0) - offset;
    if (length <= 0) return;
    const overlap = Math.min(ramp, this.#end - from, length);
    const laid = block.map((samples, i) => {
      const copy = samples.slice(offset);
      const ring = this.#channels[i]!;
      for (let k = 0; k < overlap; k++) {
        const share = (k + 1) / (overlap + 1);
        copy[k] = copy[k]! * share + ring[this.#index(from + k)]! * (1 - share);
      }
      return copy;
    });
    this.#end = from;
    this.append(laid);
  }

  /** Copies [from, to), which must be held, to `out` at `at`. */
  copy(from: number, to: number, out: readonly Float32Array[], at: number): void {
    const index = this.#index(from);
    const untilWrap = Math.min(to - from, this.#capacity - index);
    this.#channels.forEach((ring, i) => {
      const target = out[i]!;
      target.set(ring.subarray(index, index + untilWrap), at);
      target.set(ring.subarray(0, to - from - untilWrap), at + untilWrap);
    });
  }

  #grow(samples: number): void {
    this.#end += samples;
    this.#start = Math.max(this.#start, this.#end - this.#capacity);
  }

  #index(number: number): number {
    return ((number % this.#capacity) + this.#capacity) % this.#capacity;
  }
}
