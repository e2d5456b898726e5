import { rescale, MICROSECONDS, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { ClockMap } from './clock-map.js';

/**
 * Host offsets are whole multiples of 10 ms: that is a whole number of ticks at 90 kHz and of samples at 44.1 and
 * 48 kHz alike, so sound and picture are shifted by exactly the same time.
 */
const OFFSET_STEP = 900;
/** Program time of the first unit; the encoder's leading samples come before it and must not be negative. */
const FIRST_PTS = VIDEO_TIMESCALE;

/**
 * The program's clock: the host's media timeline plus a constant. Each media session of the host gets a constant of
 * its own, such that program time goes on as wall time does. All times here are in 1/90000 s unless they say µs.
 */
export class ProgramClock {
  #map: ClockMap | undefined;
  #offset = 0;
  /** Program time and the system time it belongs to, while no host timeline carries the clock. */
  #anchor: { readonly pts: number; readonly atUs: number } | undefined;

  /** A program that was on the air before goes on from here. */
  resume(pts: number, atUs: number): void {
    this.#anchor = { pts, atUs };
  }

  get running(): boolean {
    return this.#map !== undefined || this.#anchor !== undefined;
  }

  /** Whether a host timeline carries the clock. */
  get hasHost(): boolean {
    return this.#map !== undefined;
  }

  /** What is added to host times; constant while the session lasts. */
  get hostOffset(): number {
    return this.#offset;
  }

  /**
   * The first unit of a host session: from now on the host's timeline carries the clock.
   *
   * @param map already observing the session
   * @param hostTime host time that is now, as far as the first unit tells
   */
  beginHost(map: ClockMap, hostTime: number, nowUs: number): void {
    const now = this.running ? this.now(nowUs) : FIRST_PTS;
    this.#offset = Math.ceil((now - hostTime) / OFFSET_STEP) * OFFSET_STEP;
    this.#map = map;
    this.#anchor = undefined;
  }

  /** The host's session ended: the clock runs on by wall time. */
  endHost(nowUs: number): void {
    if (this.#map === undefined) return;
    this.#anchor = { pts: this.now(nowUs), atUs: nowUs };
    this.#map = undefined;
  }

  /** Program time whose media is complete at `nowUs`, when nothing is late. */
  now(nowUs: number): number {
    if (this.#anchor !== undefined) {
      return this.#anchor.pts + rescale(Math.round(nowUs - this.#anchor.atUs), MICROSECONDS, VIDEO_TIMESCALE);
    }
    const mapped = this.#map?.offsetUs;
    if (mapped === undefined) return FIRST_PTS;
    return rescale(Math.round(nowUs - mapped), MICROSECONDS, VIDEO_TIMESCALE) + this.#offset;
  }

  /** What is added to a guest's times; follows the drift between the two clocks slowly. */
  guestOffset(guest: ClockMap): number {
    const guestUs = guest.offsetUs ?? 0;
    if (this.#anchor !== undefined) {
      return (
        this.#anchor.pts + rescale(Math.round(guestUs - this.#anchor.atUs), MICROSECONDS, VIDEO_TIMESCALE)
      );
    }
    const hostUs = this.#map?.offsetUs ?? 0;
    return rescale(Math.round(guestUs - hostUs), MICROSECONDS, VIDEO_TIMESCALE) + this.#offset;
  }
}
