import type { Finding } from '../finding.js';

/** Frames that are remembered: 20 s, as findings come up to some seconds after their place. */
const KEPT = 1000;
/** Detectors place a defect so exactly. */
const NEAR_MS = 22;
/** So that there are frames inside that have nothing of the edges. */
const LASTS_MS = 150;

interface AlikeFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isAlike: boolean;
}

/** Where the capture is like its reference of late. */
export class Alike {
  #frames: AlikeFrame[] = [];

  /** Frames come in the order of their times. */
  add(frame: AlikeFrame): void {
    this.#frames.push(frame);
    if (this.#frames.length > 2 * KEPT) this.#frames = this.#frames.slice(-KEPT);
  }

  /**
   * Whether capture and reference are alike at the place of a finding, and close to it. The edges of what lasts are left
   * out: codecs smear what lies beside a pause into it.
   */
  covers({ timeMs, durationMs }: Finding): boolean {
    const inset = durationMs > LASTS_MS ? NEAR_MS : -NEAR_MS;
    const [from, to] = [timeMs + inset, timeMs + durationMs - inset];
    const frames = this.#frames.filter(({ fromMs, toMs }) => toMs > from && fromMs < to);
    const isCovered = frames.length > 0 && frames[0]!.fromMs <= from && frames.at(-1)!.toMs >= to;
    return isCovered && frames.every(({ isAlike }) => isAlike);
  }
}
