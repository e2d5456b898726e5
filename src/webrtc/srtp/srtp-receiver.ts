import type { RtpPacket } from '../../rtp/packet.js';
import { createPacketCipher, type PacketCipher } from './cipher.js';
import { deriveSessionKeys, type MasterKey } from './keys.js';
import { estimateIndex, ReplayWindow } from './packet-index.js';
import { rtpExtensions, rtpHeaderLength } from './rtp-header.js';

/** More streams than any offer we accept can name; stops a peer from growing our state. */
const MAX_STREAMS = 16;
const SEQUENCE_RANGE = 65_536;

/** Opens what the other end sends: authentication, roll-over, replay (RFC 3711 §3.3, RFC 7714 §8, §9). */
export class SrtpReceiver {
  readonly #rtp: PacketCipher;
  readonly #rtcp: PacketCipher;
  readonly #aead: boolean;
  readonly #rtpWindows = new Map<number, ReplayWindow>();
  readonly #rtcpWindows = new Map<number, ReplayWindow>();

  constructor(master: MasterKey) {
    const keys = deriveSessionKeys(master);
    this.#rtp = createPacketCipher(master.profile, keys.rtp);
    this.#rtcp = createPacketCipher(master.profile, keys.rtcp);
    this.#aead = master.profile === 'AEAD_AES_128_GCM';
  }

  /** The packet, its views into `datagram` and a fresh payload; undefined when it is malformed, forged or a replay. */
  openRtp(datagram: Buffer): RtpPacket | undefined {
    const headerLength = rtpHeaderLength(datagram);
    const sealedEnd = datagram.length - this.#rtp.tagLength;
    if (headerLength === undefined || sealedEnd < headerLength) return undefined;
    const sequenceNumber = datagram.readUInt16BE(2);
    const ssrc = datagram.readUInt32BE(8);
    const plain = this.#openRtpPayload(datagram, { headerLength, sealedEnd, sequenceNumber, ssrc });
    if (plain === undefined) return undefined;
    const payload = withoutPadding(datagram, plain);
    if (payload === undefined) return undefined;
    return {
      payloadType: datagram[1]! & 0x7f,
      marker: (datagram[1]! & 0x80) !== 0,
      sequenceNumber,
      timestamp: datagram.readUInt32BE(4),
      ssrc,
      extensions: rtpExtensions(datagram, headerLength),
      payload,
    };
  }

  /** The plain compound packet; undefined when it is malformed, forged, in clear, or a replay. */
  openRtcp(datagram: Buffer): Buffer | undefined {
    const tagLength = this.#rtcp.tagLength;
    if (datagram.length < 8 + 4 + tagLength) return undefined;
    const trailerAt = this.#aead ? datagram.length - 4 : datagram.length - tagLength - 4;
    const sealedEnd = this.#aead ? trailerAt - tagLength : trailerAt;
    const word = datagram.readUInt32BE(trailerAt);
    if (word < 0x8000_0000) return undefined;
    const index = word - 0x8000_0000;
    const ssrc = datagram.readUInt32BE(4);
    const window = this.#rtcpWindows.get(ssrc);
    if (window === undefined ? this.#rtcpWindows.size >= MAX_STREAMS : !window.isNew(index)) return undefined;
    const plain = this.#rtcp.open({
      ssrc,
      index,
      header: datagram.subarray(0, 8),
      sealed: datagram.subarray(8, sealedEnd),
      tag: this.#aead ? datagram.subarray(sealedEnd, trailerAt) : datagram.subarray(trailerAt + 4),
      trailer: datagram.subarray(trailerAt, trailerAt + 4),
    });
    if (plain === undefined) return undefined;
    accept(this.#rtcpWindows, ssrc, window, index);
    const compound = Buffer.allocUnsafe(8 + plain.length);
    datagram.copy(compound, 0, 0, 8);
    plain.copy(compound, 8);
    return compound;
  }

  #openRtpPayload(
    datagram: Buffer,
    at: { headerLength: number; sealedEnd: number; sequenceNumber: number; ssrc: number },
  ): Buffer | undefined {
    const window = this.#rtpWindows.get(at.ssrc);
    const header = datagram.subarray(0, at.headerLength);
    const sealed = datagram.subarray(at.headerLength, at.sealedEnd);
    const tag = datagram.subarray(at.sealedEnd);
    if (window !== undefined) {
      const index = estimateIndex(window.highest, at.sequenceNumber);
      if (!window.isNew(index)) return undefined;
      const plain = this.#rtp.open({ ssrc: at.ssrc, index, header, sealed, tag });
      if (plain !== undefined) window.accept(index);
      return plain;
    }
    if (this.#rtpWindows.size >= MAX_STREAMS) return undefined;
    // A stream may have wrapped before its first packet got here: then its roll-over counter is already 1.
    const guesses = at.sequenceNumber < SEQUENCE_RANGE / 2 ? [0, SEQUENCE_RANGE] : [0];
    for (const base of guesses) {
      const index = base + at.sequenceNumber;
      const plain = this.#rtp.open({ ssrc: at.ssrc, index, header, sealed, tag });
      if (plain === undefined) continue;
      accept(this.#rtpWindows, at.ssrc, undefined, index);
      return plain;
    }
    return undefined;
  }
}

function accept(
  windows: Map<number, ReplayWindow>,
  ssrc: number,
  known: ReplayWindow | undefined,
  index: number,
): void {
  const window = known ?? new ReplayWindow();
  if (known === undefined) windows.set(ssrc, window);
  window.accept(index);
}

/** Padding is inside the encrypted part: its last byte counts it (RFC 3550 §5.1). */
function withoutPadding(datagram: Buffer, plain: Buffer): Buffer | undefined {
  if ((datagram[0]! & 0x20) === 0) return plain;
  const padding = plain[plain.length - 1];
  if (padding === undefined || padding === 0 || padding > plain.length) return undefined;
  return plain.subarray(0, plain.length - padding);
}
