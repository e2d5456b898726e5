import type { LevelFrame } from './change.js';

/** Lets frames pass that have no hole in them nor beside them, a frame late: windows reach into a hole beside. */
export class WholeFrames {
  #held: LevelFrame | undefined;
  #last = -Infinity;
  #wasHollow = false;

  next(frame: LevelFrame): LevelFrame | undefined {
    if (frame.position <= this.#last) return undefined;
    const { isHollow, position } = frame;
    const passed = isHollow ? undefined : this.#held;
    this.#held = isHollow || this.#wasHollow ? undefined : frame;
    this.#wasHollow = isHollow;
    this.#last = position;
    return passed;
  }

  /** Frames from here on were compared with the wrong place of the reference. */
  forget(from: number): void {
    if ((this.#held?.position ?? -Infinity) >= from) this.#held = undefined;
    this.#last = Math.min(this.#last, from - 1);
  }
}
