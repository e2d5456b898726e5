export interface NackLimits {
  /** Times that one packet is asked for. */
  readonly maxTries: number;
  /** Missing packets remembered; beyond that the oldest are given up. */
  readonly maxMissing: number;
  /** A packet missing for longer is given up. */
  readonly maxAgeUs: number;
}

const defaultLimits: NackLimits = { maxTries: 8, maxMissing: 1_000, maxAgeUs: 600_000 };
/** Until an answer to a NACK has told it. */
const INITIAL_RTT_US = 60_000;
const MIN_SPACING_US = 15_000;
/** Gaps wider than this are a jump of the sender, which no retransmission mends. */
const MAX_GAP = 1_000;

interface Missing {
  tries: number;
  firstAskedUs: number;
  lastAskedUs: number;
  readonly sinceUs: number;
}

/**
 * Decides which packets to ask for again, and when. Works on unwrapped sequence numbers. The round trip is measured
 * on the answers, so retries neither hurry ahead of it nor wait needlessly.
 */
export class NackGenerator {
  readonly #limits: NackLimits;
  readonly #missing = new Map<number, Missing>();
  #highest: number | undefined;
  #rttUs: number | undefined;

  constructor(limits: Partial<NackLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  get rttUs(): number | undefined {
    return this.#rttUs;
  }

  get missingCount(): number {
    return this.#missing.size;
  }

  /** @returns whether it was missing and had been asked for */
  received(sequence: number, nowUs: number): boolean {
    const entry = this.#missing.get(sequence);
    if (entry) {
      this.#missing.delete(sequence);
      if (entry.tries > 0) this.#measure(entry, nowUs);
      return entry.tries > 0;
    }
    if (this.#highest === undefined || Math.abs(sequence - this.#highest) > MAX_GAP) {
      this.#missing.clear();
      this.#highest = sequence;
      return false;
    }
    for (let lost = this.#highest + 1; lost < sequence; lost++) {
      this.#missing.set(lost, { tries: 0, firstAskedUs: 0, lastAskedUs: 0, sinceUs: nowUs });
    }
    if (sequence > this.#highest) this.#highest = sequence;
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= this.#limits.maxMissing) break;
      this.#missing.delete(oldest);
    }
    return false;
  }

  /** What to ask for now, in order; each counts as one try. */
  due(nowUs: number): number[] {
    const spacingUs = Math.max(MIN_SPACING_US, 1.25 * (this.#rttUs ?? INITIAL_RTT_US));
    const ask: number[] = [];
    for (const [sequence, entry] of this.#missing) {
      if (entry.tries > 0 && nowUs - entry.lastAskedUs < spacingUs) continue;
      if (entry.tries >= this.#limits.maxTries || nowUs - entry.sinceUs > this.#limits.maxAgeUs) {
        this.#missing.delete(sequence);
        continue;
      }
      if (entry.tries === 0) entry.firstAskedUs = nowUs;
      entry.tries++;
      entry.lastAskedUs = nowUs;
      ask.push(sequence);
    }
    return ask;
  }

  /** Nothing before `sequence` is of use any more. */
  forgetBefore(sequence: number): void {
    for (const missing of this.#missing.keys()) {
      if (missing < sequence) this.#missing.delete(missing);
    }
  }

  /** Forgets the stream, keeps what it knows of the path. */
  reset(): void {
    this.#missing.clear();
    this.#highest = undefined;
  }

  #measure(entry: Missing, nowUs: number): void {
    const sinceLast = nowUs - entry.lastAskedUs;
    // An answer sooner than half a round trip after a retry answers the first try.
    const early = entry.tries > 1 && sinceLast < (this.#rttUs ?? INITIAL_RTT_US) / 2;
    const sample = early ? Math.min(nowUs - entry.firstAskedUs, 1_000_000) : sinceLast;
    this.#rttUs = this.#rttUs === undefined ? sample : this.#rttUs + (sample - this.#rttUs) / 8;
  }
}
