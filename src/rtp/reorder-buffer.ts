export interface ReorderLimits {
  /** How long a gap holds up what came after it. */
  readonly maxWaitUs: number;
  /** How many packets wait at most. */
  readonly maxPackets: number;
}

export interface Ordered<T> {
  readonly sequence: number;
  readonly item: T;
  /** Packets missing right before this one. */
  readonly lostBefore: number;
}

/** A step of the sequence number that is a restart of the sender, not loss or reordering. */
const MAX_JUMP = 3_000;

/**
 * Puts packets into order by unwrapped sequence number. In order they pass at once; behind a gap they wait until it
 * is filled, or the wait or the room is used up. Duplicates and what comes after its gap was given up are dropped.
 */
export class ReorderBuffer<T> {
  readonly #limits: ReorderLimits;
  readonly #waiting = new Map<number, { readonly item: T; readonly arrivalUs: number }>();
  #next: number | undefined;

  constructor(limits: ReorderLimits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** The sequence number that passes next. */
  get next(): number | undefined {
    return this.#next;
  }

  push(sequence: number, item: T, nowUs: number): Ordered<T>[] {
    const out: Ordered<T>[] = [];
    this.#next ??= sequence;
    if (Math.abs(sequence - this.#next) > MAX_JUMP) {
      this.#release(out, Infinity);
      this.#next = sequence + 1;
      out.push({ sequence, item, lostBefore: 1 });
      return out;
    }
    if (sequence < this.#next || this.#waiting.has(sequence)) return out;
    if (sequence === this.#next) {
      this.#next++;
      out.push({ sequence, item, lostBefore: 0 });
    } else {
      this.#waiting.set(sequence, { item, arrivalUs: nowUs });
    }
    if (this.#waiting.size > 0) this.#release(out, nowUs);
    return out;
  }

  /** Lets go what has waited long enough at `nowUs`. */
  expire(nowUs: number): Ordered<T>[] {
    const out: Ordered<T>[] = [];
    if (this.#waiting.size > 0) this.#release(out, nowUs);
    return out;
  }

  reset(): void {
    this.#waiting.clear();
    this.#next = undefined;
  }

  #release(out: Ordered<T>[], nowUs: number): void {
    while (this.#waiting.size > 0) {
      const next = this.#next!;
      const sequence = this.#waiting.has(next) ? next : this.#lowestPastGap(nowUs);
      if (sequence === undefined) return;
      out.push({ sequence, item: this.#waiting.get(sequence)!.item, lostBefore: sequence - next });
      this.#waiting.delete(sequence);
      this.#next = sequence + 1;
    }
  }

  /** Where to go on when the gap is to be given up now. */
  #lowestPastGap(nowUs: number): number | undefined {
    // A Map keeps the order of insertion, which is the order of arrival.
    const [oldest] = this.#waiting.values();
    const patient = nowUs - oldest!.arrivalUs < this.#limits.maxWaitUs;
    if (patient && this.#waiting.size <= this.#limits.maxPackets) return undefined;
    let lowest = Infinity;
    for (const sequence of this.#waiting.keys()) lowest = Math.min(lowest, sequence);
    return lowest;
  }
}
