import type { Frame } from 'node-av/lib';
import { newFrame } from './native.js';

/** More empty frames than this are not kept: as many as a queue of pictures holds at a time. */
const MAX_KEPT = 8;

/** Frame structures to be used again: making one costs more than a small picture's share of anything else here. */
export class FramePool {
  readonly #kept: Frame[] = [];
  #closed = false;

  /** An empty frame, the caller's own until it is given back. */
  take(): Frame {
    return this.#kept.pop() ?? newFrame();
  }

  /** Lets go of the frame's picture at once. The caller must not touch the frame afterwards. */
  give(frame: Frame): void {
    if (this.#closed || this.#kept.length >= MAX_KEPT) {
      frame.free();
      return;
    }
    frame.unref();
    this.#kept.push(frame);
  }

  /** Idempotent. Frames that are still out are freed when they come back. */
  close(): void {
    this.#closed = true;
    for (const frame of this.#kept.splice(0)) frame.free();
  }
}
