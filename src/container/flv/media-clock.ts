import { MILLISECONDS, rescale, WrapUnwrapper } from '../../media/timestamp.js';

export type Medium = 'audio' | 'video';

/**
 * First times this close below 2^32 are small negative ones (priming, B-frames), not 49 days of stream. What is cut out
 * of a long stream just before its times wrap begins further away, but for one in 49 days.
 */
const NEGATIVE_START_MS = 1_000;
/** Writers that interleave badly step back within a medium by far less; a restarted source by more. */
const MAX_STEP_BACK_MS = 1_000;

/**
 * Wire times (milliseconds modulo 2^32) → milliseconds that go on: unwrapped, and where the publisher starts its times
 * again, continued after the newest one. Audio and video are shifted together.
 */
export class FlvMediaClock {
  readonly #unwrapper = new WrapUnwrapper(32);
  #started = false;
  #offsetMs = 0;
  #formerOffsetMs: number | undefined;
  #newestMs = -Infinity;
  readonly #lastMs: Record<Medium, number> = { audio: -Infinity, video: -Infinity };

  /** How often the publisher has started its times again. */
  restarts = 0;

  timeMs(medium: Medium, wire: number): number {
    if (!this.#started && wire >= 2 ** 32 - NEGATIVE_START_MS) this.#unwrapper.unwrap(0);
    this.#started = true;
    const raw = this.#unwrapper.unwrap(wire);
    const last = this.#lastMs[medium];
    let time = raw + this.#offsetMs;
    if (time < last - MAX_STEP_BACK_MS) {
      this.#formerOffsetMs = this.#offsetMs;
      this.#offsetMs += this.#newestMs + 1 - time;
      time = this.#newestMs + 1;
      this.restarts++;
    } else if (this.#formerOffsetMs !== undefined && time > last + MAX_STEP_BACK_MS) {
      // The other medium's last tags from before the restart may come after it.
      const former = raw + this.#formerOffsetMs;
      if (Math.abs(former - last) <= MAX_STEP_BACK_MS) time = former;
    }
    this.#lastMs[medium] = time;
    this.#newestMs = Math.max(this.#newestMs, time);
    return time;
  }
}

/**
 * AAC frames follow each other every 1024 samples, but FLV tells their times in milliseconds: counting samples gives
 * the true grid back.
 */
export class AacGrid {
  /**
   * A missing frame moves the time by a whole frame, rounding to milliseconds (twice, at worst) by a tenth of one: half
   * a frame tells them apart.
   */
  static readonly maxAheadFrames = 0.5;
  /** Writers that stamp several frames of one packet alike lag by up to this before they are in step again. */
  static readonly maxBehindFrames = 3;

  #next: number | undefined;
  /** Gaps after which counting began anew. */
  gaps = 0;

  /** @returns pts in samples, or undefined for a frame that repeats time already taken: leave it out */
  place(timeMs: number, sampleRate: number, frameLength: number): number | undefined {
    const told = rescale(timeMs, MILLISECONDS, sampleRate);
    let pts = this.#next ?? told;
    if (told - pts > frameLength * AacGrid.maxAheadFrames) {
      pts = told;
      this.gaps++;
    } else if (pts - told > frameLength * AacGrid.maxBehindFrames) {
      return undefined;
    }
    this.#next = pts + frameLength;
    return pts;
  }

  /** The timescale changes: what was counted goes on at the new rate. */
  changeRate(from: number, to: number): void {
    if (this.#next !== undefined) this.#next = rescale(this.#next, from, to, 'ceil');
  }
}
