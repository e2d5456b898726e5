import type { PictureLook } from './picture-look.js';

/** A mean difference of two pictures' luma from which on something moved between them. */
export const MOTION = 0.25;
/** Before a freeze this share of the pictures of a second moved, and so many: a cut from slide to slide is one. */
const MOVING_MS = 1000;
const MOVING_SHARE = 0.3;
const MOVING_PICTURES = 4;
/** A cut differs by so many times what moved before it. */
const CUT = 5;
/** A fade darkens every one of so many pictures, by this much of luma each. */
const FADING_PICTURES = 5;
const FADING_STEP = 0.5;

interface Step {
  readonly timeMs: number;
  /** Mean difference of luma from the picture before. */
  readonly difference: number;
  /** Mean luma. */
  readonly brightness: number;
}

/** How pictures have moved of late: what tells a picture that stays from one that was meant to. */
export class RecentMotion {
  #steps: Step[] = [];

  /** @param difference mean difference of luma from the picture before */
  add({ timeMs, luma }: PictureLook, difference: number): void {
    const brightness = luma.reduce((sum, value) => sum + value, 0) / luma.length;
    this.#steps.push({ timeMs, difference, brightness });
    while (this.#steps[0]!.timeMs < timeMs - 2 * MOVING_MS) this.#steps.shift();
  }

  /** Whether the pictures up to this one moved one by one, and it is no cut. */
  movesUpTo(timeMs: number): boolean {
    const steps = this.#steps.filter((step) => step.timeMs <= timeMs && step.timeMs > timeMs - MOVING_MS);
    const moving = steps.map(({ difference }) => difference).filter((difference) => difference >= MOTION);
    if (moving.length < MOVING_PICTURES || moving.length < MOVING_SHARE * steps.length) return false;
    const usual = [...moving].sort((a, b) => a - b)[moving.length >> 1]!;
    return steps.at(-1)!.difference <= CUT * usual;
  }

  /** Whether the last pictures became darker one by one. */
  darkens(): boolean {
    const last = this.#steps.slice(-FADING_PICTURES - 1);
    return (
      last.length > FADING_PICTURES &&
      last.every(({ brightness }, i) => i === 0 || brightness < last[i - 1]!.brightness - FADING_STEP)
    );
  }
}
