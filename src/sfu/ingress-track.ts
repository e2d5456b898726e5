import { WrapUnwrapper } from '../media/timestamp.js';
import { startsKeyframe } from '../rtp/h264/payload.js';
import { NackGenerator } from '../rtp/nack-generator.js';
import type { RtpPacket } from '../rtp/packet.js';
import { Reception } from '../rtp/reception.js';
import { ReorderBuffer, type Ordered } from '../rtp/reorder-buffer.js';
import { unwrapRtx } from '../rtp/rtx.js';
import type { NegotiatedMedia } from '../webrtc/types.js';
import { PacketRing } from './packet-ring.js';
import type { ForwardPacket } from './packet-source.js';

/** With retransmission a gap is worth waiting for: a few tries on a long path. Without, only reordering is. */
const WAIT_FOR_RETRANSMISSION_US = 300_000;
const WAIT_FOR_REORDERING_US = 40_000;
const MAX_WAITING_PACKETS = 600;
/** A step of the sequence number beyond this is a restart of the sender. */
const MAX_JUMP = 3_000;
/** Packets that came so much later than the newest would overwrite younger ones in the ring. */
const MAX_LATE = 900;
/** A second SSRC takes over when the first has been quiet for so long. */
const SSRC_HANDOVER_US = 500_000;

/** A packet of the publisher, copied out of its datagram. */
export interface IngressPacket {
  /** As the publisher numbers, unwrapped. */
  readonly sequence: number;
  /** Unwrapped, and going on over a restart of the publisher's stream. */
  readonly timestamp: number;
  readonly arrivalUs: number;
  readonly forward: ForwardPacket;
}

/** One stream of a publisher up to the packets in order: numbering, retransmission, duplicates, reordering. */
export class IngressTrack {
  readonly media: NegotiatedMedia;
  readonly ring = new PacketRing();
  readonly nack: NackGenerator | undefined;
  reception: Reception;
  readonly counts = { packets: 0, bytes: 0, lost: 0, recovered: 0, duplicates: 0 };
  readonly #reorder: ReorderBuffer<IngressPacket>;
  #sequences = new WrapUnwrapper(16);
  #timestamps = new WrapUnwrapper(32);
  #ssrc: number | undefined;
  #highest: number | undefined;
  #lastTimestamp = 0;
  #lastArrivalUs = 0;
  /** The SSRC has changed: the numbers of its packets have nothing to do with those before. */
  #newStream = false;
  #afterRestart = false;
  /** Added to the publisher's numbers, so that what viewers get goes on over a restart of the publisher's stream. */
  #sequenceOffset = 0;
  #timestampOffset = 0;

  constructor(media: NegotiatedMedia) {
    this.media = media;
    this.reception = new Reception(media.clockRate);
    const repairs = media.feedback.includes('nack');
    this.nack = repairs ? new NackGenerator({ maxAgeUs: WAIT_FOR_RETRANSMISSION_US }) : undefined;
    this.#reorder = new ReorderBuffer({
      maxWaitUs: repairs ? WAIT_FOR_RETRANSMISSION_US : WAIT_FOR_REORDERING_US,
      maxPackets: MAX_WAITING_PACKETS,
    });
  }

  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /** @returns nothing for duplicates, padding probes and foreign streams */
  receive(packet: RtpPacket, isRtx: boolean, arrivalUs: number): IngressPacket | undefined {
    const content = isRtx ? unwrapRtx(packet.payload) : packet;
    if (!content) return undefined;
    if (isRtx) {
      // A retransmission before the first packet of its stream cannot be placed.
      if (this.#highest === undefined) return undefined;
    } else if (!this.#accepts(packet.ssrc, arrivalUs)) {
      return undefined;
    }
    let sequence = this.#sequences.unwrap(content.sequenceNumber);
    const jumped = this.#highest !== undefined && Math.abs(sequence - this.#highest) > MAX_JUMP;
    if (isRtx && jumped) return undefined;
    if (jumped || this.#newStream) {
      this.#restart(packet, arrivalUs);
      sequence = this.#sequences.unwrap(content.sequenceNumber);
    }
    const timestamp = this.#timestamps.unwrap(packet.timestamp) + this.#timestampOffset;
    if (this.#highest !== undefined && sequence < this.#highest - MAX_LATE) return undefined;
    const outSequence = wrap(sequence + this.#sequenceOffset, 0x10000);
    if (this.ring.get(outSequence)) {
      this.counts.duplicates++;
      return undefined;
    }
    const recovered = this.nack?.received(sequence, arrivalUs) ?? false;
    if (recovered) this.counts.recovered++;
    if (!isRtx) this.reception.received(sequence, timestamp, arrivalUs);
    this.counts.packets++;
    this.counts.bytes += content.payload.length;
    if (this.#highest === undefined || sequence > this.#highest) {
      this.#highest = sequence;
      this.#lastTimestamp = timestamp;
      this.#lastArrivalUs = arrivalUs;
    }
    // Copied once for everybody: the datagram is only lent.
    const payload = Buffer.from(content.payload);
    const forward: ForwardPacket = {
      kind: this.media.kind,
      sequenceNumber: outSequence,
      timestamp: wrap(timestamp, 2 ** 32),
      marker: packet.marker,
      startsKeyframe: this.media.kind === 'audio' || startsKeyframe(payload),
      payload,
    };
    this.ring.put(forward);
    return { sequence, timestamp, arrivalUs, forward };
  }

  /** What is in order now that this packet is there. */
  order(packet: IngressPacket): Ordered<IngressPacket>[] {
    const ordered = this.#passed(this.#reorder.push(packet.sequence, packet, packet.arrivalUs));
    const [first] = ordered;
    if (!this.#afterRestart || !first) return ordered;
    // What comes now refers to nothing that came before.
    this.#afterRestart = false;
    return [{ ...first, lostBefore: 1 }, ...ordered.slice(1)];
  }

  /** What has waited long enough for a gap to be filled. */
  expire(nowUs: number): Ordered<IngressPacket>[] {
    return this.#passed(this.#reorder.expire(nowUs));
  }

  /** A 32-bit timestamp of the publisher, as in a sender report, on the scale of {@link IngressPacket.timestamp}. */
  nearTimestamp(wire: number): number | undefined {
    if (this.#highest === undefined) return undefined;
    const step = (wire - wrap(this.#lastTimestamp - this.#timestampOffset, 2 ** 32)) | 0;
    return this.#lastTimestamp + step;
  }

  /** A 32-bit timestamp as viewers get it, on that same scale. */
  nearOutTimestamp(wire: number): number | undefined {
    if (this.#highest === undefined) return undefined;
    return this.#lastTimestamp + ((wire - wrap(this.#lastTimestamp, 2 ** 32)) | 0);
  }

  /** The newest packet's unwrapped timestamp and arrival; nothing before the first packet. */
  get newest(): { readonly timestamp: number; readonly arrivalUs: number } | undefined {
    if (this.#highest === undefined) return undefined;
    return { timestamp: this.#lastTimestamp, arrivalUs: this.#lastArrivalUs };
  }

  #accepts(ssrc: number, arrivalUs: number): boolean {
    if (this.#ssrc === ssrc) return true;
    if (this.#ssrc !== undefined && arrivalUs - this.#lastArrivalUs < SSRC_HANDOVER_US) return false;
    this.#newStream = this.#ssrc !== undefined;
    this.#ssrc = ssrc;
    return true;
  }

  #passed(ordered: Ordered<IngressPacket>[]): Ordered<IngressPacket>[] {
    for (const { lostBefore } of ordered) this.counts.lost += lostBefore;
    if (ordered.length > 0 && this.#reorder.next !== undefined) this.nack?.forgetBefore(this.#reorder.next);
    return ordered;
  }

  #restart(packet: RtpPacket, arrivalUs: number): void {
    const elapsed = Math.round(((arrivalUs - this.#lastArrivalUs) * this.media.clockRate) / 1_000_000);
    this.#sequenceOffset += this.#highest! + 1 - packet.sequenceNumber;
    this.#timestampOffset = this.#lastTimestamp + elapsed - packet.timestamp;
    this.#sequences = new WrapUnwrapper(16);
    this.#timestamps = new WrapUnwrapper(32);
    this.#highest = undefined;
    this.#newStream = false;
    this.#afterRestart = true;
    this.nack?.reset();
    this.#reorder.reset();
    this.reception = new Reception(this.media.clockRate);
  }
}

function wrap(value: number, range: number): number {
  const rest = value % range;
  return rest < 0 ? rest + range : rest;
}
