import type { Frame } from 'node-av/lib';
import type { FramePool } from './frame-pool.js';

/**
 * One decoded picture in libav's memory. Whoever holds it calls {@link Picture.free} once done; a picture that is
 * dropped without it keeps its megabytes until the collector runs.
 */
export class Picture {
  readonly width: number;
  readonly height: number;
  /** In 1/90000 s, as it was given to the decoder. */
  readonly pts: number;
  readonly #pool: FramePool;
  #frame: Frame | undefined;

  /** @param frame of the pool, to which it goes back */
  constructor(frame: Frame, pool: FramePool, about: { width: number; height: number; pts: number }) {
    this.#frame = frame;
    this.#pool = pool;
    this.width = about.width;
    this.height = about.height;
    this.pts = about.pts;
  }

  /** The libav frame for the other classes of this folder; `undefined` once freed. */
  get frame(): Frame | undefined {
    return this.#frame;
  }

  /** Idempotent. */
  free(): void {
    const frame = this.#frame;
    this.#frame = undefined;
    if (frame !== undefined) this.#pool.give(frame);
  }
}
