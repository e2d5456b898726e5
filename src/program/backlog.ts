/** How often whoever sends units says that there were no others. */
export const HEARD_INTERVAL_US = 20_000;
/** Word that is late by more than this is waiting to be read, and so is what arrived meanwhile. */
const MAX_AHEAD_US = 2 * HEARD_INTERVAL_US;

/**
 * How far the reading of units lags their arrival. A process that starts, or did not get the processor for a while,
 * finds units that came long ago; until it has read them, what it does not have is not missing. So whoever sends the
 * units says again and again up to when all that arrived has been sent, in the same queue, and the program judges by
 * that time, which runs behind the clock while there is a backlog, on either side.
 */
export class Backlog {
  #heard: { readonly untilUs: number; readonly readUs: number } | undefined;

  /** All that arrived until `untilUs` has been read at `nowUs`. */
  note(untilUs: number, nowUs: number): void {
    this.#heard = { untilUs, readUs: nowUs };
  }

  /** System time in µs up to which all that arrived has been read; the clock's where nobody ever says. */
  heardUs(nowUs: number): number {
    if (this.#heard === undefined) return nowUs;
    const { untilUs, readUs } = this.#heard;
    return untilUs + Math.min(nowUs - readUs, MAX_AHEAD_US);
  }
}
