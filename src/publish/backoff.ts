export interface BackoffOptions {
  /** Wait before the first new attempt. */
  readonly initialMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
  /** A connection that held this long starts the row afresh. */
  readonly healthyMs: number;
}

const defaultBackoff: BackoffOptions = { initialMs: 500, maxMs: 15_000, healthyMs: 20_000 };

/** Waits between attempts: doubled each time up to a cap, spread so that many targets do not come back at once. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #failures = 0;

  /** @param random in [0, 1) */
  constructor(options: Partial<BackoffOptions> = {}, random: () => number = Math.random) {
    this.#options = { ...defaultBackoff, ...options };
    this.#random = random;
  }

  /** Attempts in a row that failed or did not hold. */
  get failures(): number {
    return this.#failures;
  }

  /** A connection has ended after so long. */
  ended(heldMs: number): void {
    if (heldMs >= this.#options.healthyMs) this.#failures = 0;
  }

  /** Counts a failure. @returns how long to wait, between half the doubled time and all of it */
  nextMs(): number {
    const { initialMs, maxMs } = this.#options;
    const full = Math.min(maxMs, initialMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return Math.round(full * (0.5 + this.#random() / 2));
  }
}
