import type { ForwardPacket } from './packet-source.js';

/** Packets kept for retransmission: some seconds of a 720p stream. A power of two. */
const CAPACITY = 1_024;

/** The latest packets of one stream by sequence number; shared by all viewers, so its size does not grow with them. */
export class PacketRing {
  readonly #slots = new Array<ForwardPacket | undefined>(CAPACITY);

  put(packet: ForwardPacket): void {
    this.#slots[packet.sequenceNumber % CAPACITY] = packet;
  }

  get(sequenceNumber: number): ForwardPacket | undefined {
    const packet = this.#slots[sequenceNumber % CAPACITY];
    return packet?.sequenceNumber === sequenceNumber ? packet : undefined;
  }
}
