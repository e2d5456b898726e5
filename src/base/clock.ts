/** A source of time that only moves forward. Passed in wherever time matters, so that tests and offline runs own it. */
export interface Clock {
  /** Microseconds since an arbitrary origin. The same origin in every process of this machine for the system clock. */
  nowUs(): number;
}

/** CLOCK_MONOTONIC, which all processes of one machine share. */
export const systemClock: Clock = {
  nowUs: () => Number(process.hrtime.bigint() / 1000n),
};

/** A clock that its owner moves. */
export class VirtualClock implements Clock {
  #nowUs: number;

  constructor(startUs = 0) {
    this.#nowUs = startUs;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  /** @throws RangeError when asked to go back. */
  advanceTo(us: number): void {
    if (us < this.#nowUs) throw new RangeError(`clock cannot go back from ${this.#nowUs} to ${us} µs`);
    this.#nowUs = us;
  }
}
