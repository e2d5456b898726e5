import { ntpMiddle, type NtpUs } from './ntp.js';
import type { ReportBlock } from './rtcp.js';

/** What a receiver reports of one stream (RFC 3550 §6.4.1, appendix A.3 and A.8). */
export class Reception {
  readonly #clockRate: number;
  #packets = 0;
  #first: number | undefined;
  #highest = 0;
  #lastTransitUs: number | undefined;
  #jitterUs = 0;
  #reported = { expected: 0, packets: 0 };
  #sender: { readonly middle: number; readonly arrivalUs: number } | undefined;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  get jitterMs(): number {
    return this.#jitterUs / 1000;
  }

  /** Every packet but duplicates; sequence number and timestamp unwrapped. */
  received(sequence: number, timestamp: number, arrivalUs: number): void {
    this.#packets++;
    if (this.#first === undefined) this.#highest = sequence;
    this.#first = Math.min(this.#first ?? sequence, sequence);
    this.#highest = Math.max(this.#highest, sequence);
    const transitUs = arrivalUs - (timestamp * 1_000_000) / this.#clockRate;
    if (this.#lastTransitUs !== undefined) {
      this.#jitterUs += (Math.abs(transitUs - this.#lastTransitUs) - this.#jitterUs) / 16;
    }
    this.#lastTransitUs = transitUs;
  }

  senderReport(ntpUs: NtpUs, arrivalUs: number): void {
    this.#sender = { middle: ntpMiddle(ntpUs), arrivalUs };
  }

  get lost(): number {
    return this.#first === undefined ? 0 : Math.max(0, this.#highest - this.#first + 1 - this.#packets);
  }

  /** The block to send now; the next one counts its fraction from here. Nothing before the first packet. */
  report(ssrc: number, nowUs: number): ReportBlock | undefined {
    if (this.#first === undefined) return undefined;
    const expected = this.#highest - this.#first + 1;
    const expectedSince = expected - this.#reported.expected;
    const lostSince = expectedSince - (this.#packets - this.#reported.packets);
    this.#reported = { expected, packets: this.#packets };
    const fraction = expectedSince > 0 && lostSince > 0 ? Math.floor((lostSince * 256) / expectedSince) : 0;
    return {
      ssrc,
      fractionLost: Math.min(255, fraction),
      cumulativeLost: expected - this.#packets,
      highestSequence: ((this.#highest % 2 ** 32) + 2 ** 32) % 2 ** 32,
      jitter: Math.round((this.#jitterUs * this.#clockRate) / 1_000_000),
      lastSenderReport: this.#sender?.middle ?? 0,
      delaySinceLastSenderReport: this.#sender
        ? Math.round(((nowUs - this.#sender.arrivalUs) * 65_536) / 1_000_000)
        : 0,
    };
  }
}
