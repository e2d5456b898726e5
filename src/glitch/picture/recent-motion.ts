/** From this movement on something moved between two pictures. */
export const MOTION = 0.003;
/** How far back it is looked, freezes left out. */
const RECENT_MS = 1000;
/** And no further, whatever the times of the pictures say. */
const MOST_STEPS = 240;
/** Pictures move where this share of them do, and so many: a cut from slide to slide is one. */
const MOVING_SHARE = 0.3;
const MOVING_PICTURES = 4;
/** A cut moves so many times as much as is usual, and what comes right after it was cut to. */
const CUT = 10;
const CUT_MS = 300;

/** From a picture to the next one. */
export interface MotionStep {
  /** Of the latter. */
  readonly timeMs: number;
  readonly lengthMs: number;
  readonly movement: number;
  /** It is coded anew: what seems to move may be that. */
  readonly isIdr: boolean;
  /** What went on during a freeze, seen at once. */
  readonly isJump: boolean;
}

/** How pictures have moved of late: what tells a picture that stays from one that was meant to. */
export class RecentMotion {
  readonly #steps: readonly MotionStep[];
  /** Median movement of the steps in which something moved; 0 where these are few. */
  readonly usual: number;
  /** The largest movement from one picture to the next, 0 where {@link usual} is. */
  readonly largest: number;
  /** Whether pictures moved one by one. */
  readonly isMotion: boolean;

  constructor(steps: readonly MotionStep[] = []) {
    this.#steps = steps;
    const plain = steps.filter(({ isIdr, isJump }) => !isIdr && !isJump);
    const moving = plain.map(({ movement }) => movement).filter((movement) => movement >= MOTION);
    moving.sort((a, b) => a - b);
    const isSeveral = moving.length >= MOVING_PICTURES;
    this.usual = isSeveral ? moving[moving.length >> 1]! : 0;
    this.largest = isSeveral ? moving.at(-1)! : 0;
    this.isMotion = isSeveral && moving.length >= MOVING_SHARE * plain.length;
  }

  after(step: MotionStep): RecentMotion {
    const steps = [...this.#steps, step].slice(-MOST_STEPS);
    let lengthMs = steps.reduce((sum, one) => sum + one.lengthMs, 0);
    let first = 0;
    while (lengthMs - steps[first]!.lengthMs >= RECENT_MS) lengthMs -= steps[first++]!.lengthMs;
    return new RecentMotion(steps.slice(first));
  }

  /** Whether there was a cut up to this picture, or right before it. */
  isCutTo(timeMs: number): boolean {
    return this.#steps.some(
      (step) => !step.isJump && step.timeMs > timeMs - CUT_MS && step.movement > CUT * this.usual,
    );
  }
}
