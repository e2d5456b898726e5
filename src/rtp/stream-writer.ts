import type { AudioUnit, VideoUnit } from '../media/access-unit.js';
import { packetizeH264 } from './h264/packetizer.js';

export interface OutgoingPacket {
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** Numbers the packets of one outgoing stream. Timestamps are the units' pts plus a constant. */
export class RtpStreamWriter {
  #sequence: number;
  readonly #timestampOffset: number;

  /** @param random in [0, 1): RFC 3550 §5.1 wants the first number and timestamp unpredictable */
  constructor(random: () => number = Math.random) {
    this.#sequence = Math.floor(random() * 0x8000);
    this.#timestampOffset = Math.floor(random() * 2 ** 32);
  }

  video(unit: VideoUnit): OutgoingPacket[] {
    const payloads = packetizeH264(unit);
    return payloads.map((payload, i) => this.#next(unit.pts, i === payloads.length - 1, payload));
  }

  /** One Opus packet is one payload (RFC 7587 §4.2). */
  opus(unit: AudioUnit): OutgoingPacket {
    return this.#next(unit.pts, false, unit.data);
  }

  #next(pts: number, marker: boolean, payload: Buffer): OutgoingPacket {
    const sequenceNumber = this.#sequence;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return { sequenceNumber, timestamp: this.rtpTimestamp(pts), marker, payload };
  }

  rtpTimestamp(pts: number): number {
    const value = (pts + this.#timestampOffset) % 2 ** 32;
    return value < 0 ? value + 2 ** 32 : value;
  }
}
