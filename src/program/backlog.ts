/** When nothing has been read for this long, nothing waits to be read. */
const HOLD_US = 100_000;

/**
 * How far the reading of units lags their arrival. A process that starts, or did not get the processor for a while,
 * finds units that came long ago; until it has read them, what it does not have is not missing. So the program judges
 * by the time up to which it has heard, which runs behind the clock while there is a backlog.
 */
export class Backlog {
  #ageUs = 0;
  #atUs = -Infinity;

  /** A unit that arrived at `arrivalUs` is read at `nowUs`. */
  note(arrivalUs: number, nowUs: number): void {
    const ageUs = Math.max(0, nowUs - arrivalUs);
    // The youngest counts: a unit that waited for a retransmission is old although nothing else waits.
    if (ageUs > this.#ageUs && nowUs - this.#atUs <= HOLD_US) return;
    this.#ageUs = ageUs;
    this.#atUs = nowUs;
  }

  /** System time in µs up to which everything that arrived has been read, as far as can be told. */
  heardUs(nowUs: number): number {
    return nowUs - this.#atUs > HOLD_US ? nowUs : nowUs - this.#ageUs;
  }
}
