import { VIDEO_TIMESCALE } from '../media/timestamp.js';

/** Times of the mix's pictures: a fixed grid of 1/fps from a starting instant. All in 1/90000 s. */
export class TickGrid {
  readonly duration: number;
  readonly #start: number;
  readonly #fps: number;
  #index = 0;

  constructor(start: number, fps: number) {
    this.#start = start;
    this.#fps = fps;
    this.duration = Math.round(VIDEO_TIMESCALE / fps);
  }

  get next(): number {
    return this.#at(this.#index);
  }

  /**
   * Moves on after the picture at {@link next}.
   *
   * @param behind how late that picture was
   * @returns pictures left out: every second one at most, so that no step exceeds two picture durations
   */
  advance(behind: number): number {
    // Late by more than two pictures: every second one makes up for it.
    const skip = behind > 2 * this.duration ? 1 : 0;
    this.#index += 1 + skip;
    return skip;
  }

  /** Leaves out what can no longer be made up. @returns pictures left out */
  jumpTo(pts: number): number {
    const before = this.#index;
    while (this.next < pts) this.#index++;
    return this.#index - before;
  }

  #at(index: number): number {
    return this.#start + Math.round((index * VIDEO_TIMESCALE) / this.#fps);
  }
}
