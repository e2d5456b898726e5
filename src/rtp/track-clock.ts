import { rescale } from '../media/timestamp.js';
import type { NtpUs } from './ntp.js';

/** Transit times are compared within this long: enough for jitter to show its floor, short enough to follow drift. */
const FLOOR_WINDOW_US = 3_000_000;
/** A timestamp this far from where its arrival puts it belongs to a restarted clock, not to a late packet. */
const MAX_DEVIATION_US = 4_000_000;

/** One track's RTP timestamps against arrival times. Times are counted from the first arrival of the publisher. */
export class TrackClock {
  readonly clockRate: number;
  /** pts = unwrapped timestamp + offset, both in ticks of the clock rate. */
  offset = 0;
  /** The latest sender report, its timestamp unwrapped. */
  report: { readonly ntpUs: NtpUs; readonly timestamp: number } | undefined;
  #lastTransitUs: number | undefined;
  #floorUs: number | undefined;
  #floorBeforeUs: number | undefined;
  #windowEndUs = 0;

  constructor(clockRate: number) {
    this.clockRate = clockRate;
  }

  /** The least of arrival minus timestamp, lately: what jitter left of the transit time. */
  get leastTransitUs(): number | undefined {
    if (this.#floorUs === undefined) return this.#floorBeforeUs;
    return Math.min(this.#floorUs, this.#floorBeforeUs ?? Infinity);
  }

  arrived(timestamp: number, atUs: number): void {
    const transitUs = atUs - rescale(timestamp, this.clockRate, 1_000_000);
    if (this.#lastTransitUs === undefined) {
      this.offset = this.#ticks(transitUs);
    } else if (Math.abs(transitUs - this.#lastTransitUs) > MAX_DEVIATION_US) {
      // The timeline goes on by arrival: the same delay as before, on the new numbering.
      this.offset += this.#ticks(transitUs - this.#lastTransitUs);
      this.report = undefined;
      this.#floorUs = undefined;
      this.#floorBeforeUs = undefined;
    }
    this.#lastTransitUs = transitUs;
    if (atUs >= this.#windowEndUs) {
      this.#floorBeforeUs = this.#floorUs;
      this.#floorUs = undefined;
      this.#windowEndUs = atUs + FLOOR_WINDOW_US;
    }
    this.#floorUs = Math.min(this.#floorUs ?? transitUs, transitUs);
  }

  #ticks(us: number): number {
    return rescale(Math.round(us), 1_000_000, this.clockRate);
  }
}
