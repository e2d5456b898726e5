import type { ProgramSource } from '../media/program-settings.js';
import { rescale, MILLISECONDS, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { MixPort } from './switch-port.js';
import type { TickGrid } from './ticker.js';

/** Pictures further behind than this (1/90000 s) are left out at once: the machine was asleep or far too slow. */
const HOPELESS = 3 * VIDEO_TIMESCALE;

/** Makes the mix's pictures, each as soon as everybody's media for it is there or has been waited for long enough. */
export class MixPictures {
  /** Pictures late by more than one picture duration, and those left out because the process was asleep. */
  lateTicks = 0;
  readonly #port: MixPort;
  #keyframeWanted = false;

  constructor(port: MixPort) {
    this.#port = port;
  }

  /** The next picture shall be an IDR. */
  wantKeyframe(): void {
    this.#keyframeWanted = true;
  }

  /**
   * Puts out the picture that is due on the grid, if one is.
   *
   * @param onOut called when it went out
   * @returns whether the next may be due already
   */
  tick(grid: TickGrid, nowUs: number, onOut: (source: ProgramSource, pts: number) => void): boolean {
    const { clock, timeline } = this.#port;
    const pts = grid.next;
    const overdue = clock.now(nowUs) - pts - this.#port.videoWait();
    if (overdue < 0 && !this.#port.hasPictures(pts)) return false;
    // Whether a picture is due goes by what has been heard; how far the process is behind, by the clock.
    const behind = overdue + this.#port.backlog();
    if (behind > HOPELESS) {
      this.lateTicks += grid.jumpTo(pts + behind);
      return true;
    }
    const { who, slate } = this.#port.scene();
    const unit = this.#port.render(pts, {
      forceIdr: this.#idrDue(pts),
      who,
      ...(slate ? { slate: { caption: 'The host will be right back' } } : {}),
    });
    if (behind > grid.duration) this.lateTicks++;
    grid.advance(behind);
    if (unit === undefined) return false;
    const source = slate ? 'slate' : 'mix';
    if (timeline.video({ ...unit, pts, dts: pts }, source)) {
      this.#keyframeWanted &&= !unit.isIdr;
      onOut(source, pts);
    }
    return true;
  }

  #idrDue(pts: number): boolean {
    const { timeline } = this.#port;
    const interval = rescale(this.#port.settings().keyframeIntervalMs, MILLISECONDS, VIDEO_TIMESCALE);
    return timeline.needsIdr || this.#keyframeWanted || pts - timeline.lastIdrPts >= interval;
  }
}
