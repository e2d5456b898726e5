import type { ForwardPacket } from './packet-source.js';

/** Slots to remember what was sent again lately; as many as the source's ring has. */
const SLOTS = 1_024;
const MAX_TIMES = 10;
/** The same packet is not sent again sooner: a viewer cannot know yet that it was lost again. */
const MIN_REPEAT_US = 10_000;
/** Packets per second and at once that one viewer's NACKs may cause: about twice a 2.5 Mb/s stream. */
const REFILL_PER_SECOND = 600;
const BURST = 300;

/** Bounds what one viewer's NACKs cost, whatever it asks. One per viewer and stream. */
export class Retransmitter {
  #sequences: Int32Array | undefined;
  #times: Uint8Array | undefined;
  #sentUs: Float64Array | undefined;
  #tokens = BURST;
  #filledUs: number | undefined;

  /**
   * Whether to send this packet again now; yes counts as done.
   *
   * @param rttUs to that viewer, as far as known
   */
  allow(packet: ForwardPacket, nowUs: number, rttUs = 0): boolean {
    this.#tokens = Math.min(
      BURST,
      this.#tokens + ((nowUs - (this.#filledUs ?? nowUs)) * REFILL_PER_SECOND) / 1_000_000,
    );
    this.#filledUs = nowUs;
    if (this.#tokens < 1) return false;
    this.#sequences ??= new Int32Array(SLOTS).fill(-1);
    this.#times ??= new Uint8Array(SLOTS);
    this.#sentUs ??= new Float64Array(SLOTS);
    const slot = packet.sequenceNumber % SLOTS;
    if (this.#sequences[slot] !== packet.sequenceNumber) {
      this.#sequences[slot] = packet.sequenceNumber;
      this.#times[slot] = 0;
      this.#sentUs[slot] = -Infinity;
    }
    if (nowUs - this.#sentUs[slot]! < Math.max(MIN_REPEAT_US, rttUs / 2)) return false;
    if (this.#times[slot]! >= MAX_TIMES) return false;
    this.#times[slot]!++;
    this.#sentUs[slot] = nowUs;
    this.#tokens--;
    return true;
  }
}
