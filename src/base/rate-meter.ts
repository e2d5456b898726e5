import { systemClock, type Clock } from './clock.js';

const SLOTS = 8;
const SLOT_US = 250_000;

/** Amount per second over the last two seconds, in eight slots: constant memory, no timer. */
export class RateMeter {
  readonly #clock: Clock;
  readonly #amounts = new Float64Array(SLOTS);
  #slot: number;
  readonly #startUs: number;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#startUs = clock.nowUs();
    this.#slot = this.#currentSlot();
  }

  add(amount: number): void {
    this.#forgetOld();
    this.#amounts[this.#slot % SLOTS] = (this.#amounts[this.#slot % SLOTS] ?? 0) + amount;
  }

  /** Amount per second; over the time since the start while that is shorter than two seconds. */
  perSecond(): number {
    this.#forgetOld();
    let sum = 0;
    for (const amount of this.#amounts) sum += amount;
    const nowUs = this.#clock.nowUs();
    // The newest slot is only as long as it has lasted.
    const oldestUs = Math.max(this.#startUs, (this.#slot - SLOTS + 1) * SLOT_US);
    return (sum * 1e6) / Math.max(SLOT_US, nowUs - oldestUs);
  }

  #currentSlot(): number {
    return Math.floor(this.#clock.nowUs() / SLOT_US);
  }

  #forgetOld(): void {
    const current = this.#currentSlot();
    const passed = Math.min(SLOTS, current - this.#slot);
    for (let i = 1; i <= passed; i++) this.#amounts[(current - passed + i) % SLOTS] = 0;
    this.#slot = current;
  }
}
