import { systemClock, type Clock } from '../base/clock.js';

const CHECK_INTERVAL_MS = 500;
/** A check that comes this much later than it should says that this process itself did not get the processor. */
const LATE_CHECK_US = 250_000;
/** What such a check counts for: little, but not nothing, or nothing that hangs would be found while the load lasts. */
const LATE_CHECK_COUNTS_US = 100_000;

export interface LivenessOptions {
  /** Silence for so long, by time in which this process could have heard something, means that nobody is there. */
  readonly timeoutMs: number;
  readonly clock?: Clock;
  readonly onSilent: () => void;
}

/**
 * Watches for signs of life. Time in which the watcher itself was not awake hardly counts: on a starved machine
 * messages wait to be read, and the process that sent them is as slow as everybody else.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #checkedUs: number;
  #silentUs = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#checkedUs = this.#clock.nowUs();
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    this.#timer.unref();
  }

  heard(): void {
    this.#silentUs = 0;
  }

  /** Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const nowUs = this.#clock.nowUs();
    const elapsedUs = nowUs - this.#checkedUs;
    this.#checkedUs = nowUs;
    const isLate = elapsedUs > CHECK_INTERVAL_MS * 1_000 + LATE_CHECK_US;
    this.#silentUs += isLate ? LATE_CHECK_COUNTS_US : elapsedUs;
    if (this.#silentUs < this.#options.timeoutMs * 1_000) return;
    this.stop();
    this.#options.onSilent();
  }
}
