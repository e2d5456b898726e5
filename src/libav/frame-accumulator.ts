import { InvalidStateError } from '../base/errors.js';
import type { PcmBlock } from '../media/pcm.js';

/** Gathers PCM of any block length into frames of one length, on one unbroken timeline. */
export class FrameAccumulator {
  readonly #frameSamples: number;
  readonly #channels: number;
  readonly #maxGapSamples: number;
  #pending: Float32Array[];
  #pendingLength = 0;
  #nextPts: number | undefined;
  /** Samples of silence put in where the caller's PCM left a gap. */
  filledSamples = 0;
  /** Samples thrown away because they lay before the end of what had been given. */
  overlappedSamples = 0;

  constructor(options: { frameSamples: number; channels: number; maxGapSamples: number }) {
    this.#frameSamples = options.frameSamples;
    this.#channels = options.channels;
    this.#maxGapSamples = options.maxGapSamples;
    this.#pending = this.#silence(options.frameSamples * 2);
  }

  /** Time of the first sample ever given. */
  startPts: number | undefined;

  /**
   * Takes up where the last block ended: a gap becomes silence, an overlap is dropped.
   *
   * @throws InvalidStateError when the gap is longer than `maxGapSamples`
   * @returns whole frames, oldest first; each array is the caller's own
   */
  push(block: PcmBlock): Float32Array[][] {
    const length = block.channels[0]?.length ?? 0;
    if (length === 0) return [];
    this.startPts ??= block.pts;
    const expected = this.#nextPts ?? block.pts;
    let skip = 0;
    const gap = block.pts - expected;
    if (gap > this.#maxGapSamples) {
      throw new InvalidStateError(`PCM: expected the next sample at ${expected}, got ${block.pts}`);
    }
    if (gap > 0) {
      this.#append(this.#silence(gap), 0);
      this.filledSamples += gap;
    } else if (gap < 0) {
      skip = Math.min(-gap, length);
      this.overlappedSamples += skip;
    }
    this.#append(block.channels, skip);
    this.#nextPts = Math.max(expected, block.pts + length);
    return this.#takeFrames();
  }

  /** The last, partial frame, extended by silence; `undefined` when the grid is met exactly. */
  takeRest(): Float32Array[] | undefined {
    if (this.#pendingLength === 0) return undefined;
    const frame = this.#silence(this.#frameSamples);
    frame.forEach((channel, i) => channel.set(this.#pending[i]!.subarray(0, this.#pendingLength)));
    this.#pendingLength = 0;
    return frame;
  }

  #append(channels: readonly Float32Array[], skip: number): void {
    const added = channels[0]!.length - skip;
    const needed = this.#pendingLength + added;
    if (needed > this.#pending[0]!.length) {
      const grown = this.#silence(needed + this.#frameSamples);
      grown.forEach((channel, i) => channel.set(this.#pending[i]!.subarray(0, this.#pendingLength)));
      this.#pending = grown;
    }
    for (let i = 0; i < this.#channels; i++) {
      // Fewer channels than the encoder's: the last one given again.
      const source = channels[Math.min(i, channels.length - 1)]!;
      this.#pending[i]!.set(skip === 0 ? source : source.subarray(skip), this.#pendingLength);
    }
    this.#pendingLength = needed;
  }

  #takeFrames(): Float32Array[][] {
    const frames: Float32Array[][] = [];
    let taken = 0;
    for (; taken + this.#frameSamples <= this.#pendingLength; taken += this.#frameSamples) {
      frames.push(this.#pending.map((channel) => channel.slice(taken, taken + this.#frameSamples)));
    }
    if (taken > 0) {
      for (const channel of this.#pending) channel.copyWithin(0, taken, this.#pendingLength);
      this.#pendingLength -= taken;
    }
    return frames;
  }

  #silence(samples: number): Float32Array[] {
    return Array.from({ length: this.#channels }, () => new Float32Array(samples));
  }
}
