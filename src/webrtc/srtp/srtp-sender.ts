import type { OutgoingRtp } from '../types.js';
import { createPacketCipher, type PacketCipher, type SealInput } from './cipher.js';
import { deriveSessionKeys, type MasterKey } from './keys.js';
import { estimateIndex } from './packet-index.js';

interface SendStream {
  highestIndex: number;
  /** Version 2, no padding, no extension, no CSRC; the SSRC is in place. */
  readonly header: Buffer;
}

/** Seals what one end sends: every outgoing stream of one DTLS session. */
export class SrtpSender {
  readonly #rtp: PacketCipher;
  readonly #rtcp: PacketCipher;
  readonly #streams = new Map<number, SendStream>();
  readonly #rtcpTrailer = Buffer.alloc(4);
  #rtcpIndex = 0;

  constructor(master: MasterKey) {
    const keys = deriveSessionKeys(master);
    this.#rtp = createPacketCipher(master.profile, keys.rtp);
    this.#rtcp = createPacketCipher(master.profile, keys.rtcp);
  }

  /** The datagram to send. Header extensions are never written, so none leak from one peer to another. */
  sealRtp(packet: OutgoingRtp): Buffer {
    const stream = this.#stream(packet.ssrc);
    const header = stream.header;
    header[1] = (packet.marker ? 0x80 : 0) | packet.payloadType;
    header.writeUInt16BE(packet.sequenceNumber, 2);
    header.writeUInt32BE(packet.timestamp, 4);
    const index =
      stream.highestIndex < 0
        ? packet.sequenceNumber
        : Math.max(0, estimateIndex(stream.highestIndex, packet.sequenceNumber));
    if (index > stream.highestIndex) stream.highestIndex = index;
    const datagram = Buffer.allocUnsafe(12 + packet.payload.length + this.#rtp.tagLength);
    header.copy(datagram);
    this.#rtp.seal({ ssrc: packet.ssrc, index, header, payload: packet.payload }, datagram, 12);
    return datagram;
  }

  /** Seals one compound RTCP packet (RFC 3711 §3.4, RFC 7714 §9.2). */
  sealRtcp(compound: Buffer): Buffer {
    const index = this.#rtcpIndex;
    this.#rtcpIndex = (this.#rtcpIndex + 1) % 0x8000_0000;
    const trailer = this.#rtcpTrailer;
    trailer.writeUInt32BE((0x8000_0000 | index) >>> 0, 0);
    const datagram = Buffer.allocUnsafe(compound.length + 4 + this.#rtcp.tagLength);
    compound.copy(datagram, 0, 0, 8);
    const input: SealInput = {
      ssrc: compound.readUInt32BE(4),
      index,
      header: compound.subarray(0, 8),
      payload: compound.subarray(8),
      trailer,
    };
    if (this.#rtcp.tagLength === 16) {
      // AEAD: the tag belongs to the cipher text, the index word comes last.
      const end = this.#rtcp.seal(input, datagram, 8);
      trailer.copy(datagram, end);
    } else {
      // Counter mode: the index word is authenticated, the tag comes last.
      const end = this.#rtcp.seal(input, datagram, 8);
      datagram.copy(datagram, end - this.#rtcp.tagLength + 4, end - this.#rtcp.tagLength, end);
      trailer.copy(datagram, end - this.#rtcp.tagLength);
    }
    return datagram;
  }

  #stream(ssrc: number): SendStream {
    const known = this.#streams.get(ssrc);
    if (known !== undefined) return known;
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header.writeUInt32BE(ssrc >>> 0, 8);
    const stream = { highestIndex: -1, header };
    this.#streams.set(ssrc, stream);
    return stream;
  }
}
