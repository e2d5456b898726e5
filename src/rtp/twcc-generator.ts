import { WrapUnwrapper } from '../media/timestamp.js';
import { REFERENCE_US, TICK_US, buildTransportFeedback, fitsDelta } from './transport-feedback.js';

/** Packets a feedback packet speaks of: with large deltas that is about one datagram. */
const MAX_PER_FEEDBACK = 400;
/** A packet this much behind the newest is no reordering: it is left out. */
const MAX_BEHIND = 500;
/** A step forward of more than this is a new start of the sender, not a loss. */
const MAX_AHEAD = 2_000;
const MAX_PENDING = 4_096;

/**
 * Writes transport-wide congestion control feedback for one transport: all its streams share one counter
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2). Call {@link flush} every 50 ms or so.
 */
export class TwccGenerator {
  readonly #senderSsrc: number;
  readonly #arrivals = new Map<number, number>();
  #unwrapper = new WrapUnwrapper(16);
  #newest: number | undefined;
  /** First sequence number that no feedback has spoken of. */
  #next: number | undefined;
  #feedbackCount = 0;

  constructor(senderSsrc: number) {
    this.#senderSsrc = senderSsrc;
  }

  /** @param wireSequence the 16 bits of the header extension */
  add(wireSequence: number, arrivalUs: number): void {
    let sequence = this.#unwrapper.unwrap(wireSequence);
    if (this.#newest !== undefined) {
      const ahead = sequence - this.#newest;
      if (ahead > MAX_AHEAD || ahead < -MAX_AHEAD) {
        this.#unwrapper = new WrapUnwrapper(16);
        sequence = this.#unwrapper.unwrap(wireSequence);
        this.#arrivals.clear();
        this.#next = undefined;
        this.#newest = undefined;
      } else if (ahead < -MAX_BEHIND) {
        return;
      }
    }
    if (this.#arrivals.size >= MAX_PENDING) return;
    this.#newest = Math.max(this.#newest ?? sequence, sequence);
    if (!this.#arrivals.has(sequence)) this.#arrivals.set(sequence, arrivalUs);
    // One that comes after it was reported missing is reported again, now as received.
    if (this.#next !== undefined && sequence < this.#next) this.#next = sequence;
  }

  /** Feedback on everything received since the last call: none, one, or several RTCP packets. */
  flush(mediaSsrc: number): Buffer[] {
    const out: Buffer[] = [];
    const sequences = [...this.#arrivals.keys()].sort((a, b) => a - b);
    let at = 0;
    while (at < sequences.length) {
      const first = sequences[at]!;
      const base = Math.min(this.#next ?? first, first);
      // A gap that would fill a packet by itself says nothing useful.
      const start = first - base >= MAX_PER_FEEDBACK ? first : base;
      const referenceTime = Math.floor(this.#arrivals.get(first)! / REFERENCE_US);
      const deltas: (number | undefined)[] = [];
      // Rounding must not add up: each delta leads to the time that the receiver of the feedback has so far.
      let reconstructedUs = referenceTime * REFERENCE_US;
      while (at < sequences.length) {
        const sequence = sequences[at]!;
        const gap = sequence - start - deltas.length;
        if (deltas.length + gap >= MAX_PER_FEEDBACK) break;
        const ticks = Math.round((this.#arrivals.get(sequence)! - reconstructedUs) / TICK_US);
        if (!fitsDelta(ticks)) break;
        for (let i = 0; i < gap; i++) deltas.push(undefined);
        deltas.push(ticks);
        reconstructedUs += ticks * TICK_US;
        at++;
      }
      out.push(
        buildTransportFeedback({
          senderSsrc: this.#senderSsrc,
          mediaSsrc,
          baseSequence: ((start % 0x10000) + 0x10000) % 0x10000,
          feedbackCount: this.#feedbackCount,
          referenceTime,
          deltas,
        }),
      );
      this.#feedbackCount = (this.#feedbackCount + 1) & 0xff;
      this.#next = start + deltas.length;
    }
    this.#arrivals.clear();
    return out;
  }
}
