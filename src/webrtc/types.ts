import type { RtpPacket } from '../rtp/packet.js';

export type MediaKind = 'audio' | 'video';

/** Seen from us: `receive` answers a WHIP publisher, `send` answers a WHEP player. */
export type Direction = 'receive' | 'send';

/** Ids of the header extensions that both ends agreed on (RFC 8285). */
export interface ExtensionIds {
  readonly mid?: number;
  readonly transportCc?: number;
  readonly absSendTime?: number;
}

/** One m-section as offer and answer settled it. */
export interface NegotiatedMedia {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly payloadType: number;
  /** RTP timestamp ticks per second: 90000 for H.264, 48000 for Opus. */
  readonly clockRate: number;
  /** 0 for video. */
  readonly channels: number;
  /** The format parameters of the payload type as offered, e.g. `packetization-mode=1;profile-level-id=42e01f`. */
  readonly fmtp: string;
  readonly rtxPayloadType?: number;
  readonly extensionIds: ExtensionIds;
  /** `a=rtcp-fb` values both ends agreed on, e.g. `nack`, `nack pli`, `transport-cc`. */
  readonly feedback: readonly string[];
  /**
   * SSRCs in the order primary, retransmission. Receiving: what the offer named, possibly nothing. Sending: ours, as
   * the answer names them, also in {@link ssrc} and {@link rtxSsrc}.
   */
  readonly ssrcHints: readonly number[];
  /** Sending only: the SSRC to send media on. */
  readonly ssrc?: number;
  /** Sending only: the SSRC to send retransmissions (RFC 4588) on, when the peer takes them. */
  readonly rtxSsrc?: number;
}

export interface NegotiatedSession {
  readonly audio?: NegotiatedMedia;
  readonly video?: NegotiatedMedia;
}

/** A packet to send. The payload is not kept and not changed. */
export interface OutgoingRtp {
  readonly kind: MediaKind;
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequenceNumber: number;
  /** 32 bits, in the payload's clock. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

/**
 * `closed-locally`: our close(). `peer-closed`: the peer said goodbye. `silent`: nothing authentic came for the
 * liveness time. `handshake-timeout`: never connected. `handshake-failed`: DTLS or the certificate was wrong.
 */
export type CloseReason =
  'closed-locally' | 'peer-closed' | 'silent' | 'handshake-timeout' | 'handshake-failed';

/** Events of anything that carries media. `arrivalUs` is on the system clock. */
export interface MediaEvents {
  connected: [];
  closed: [reason: CloseReason];
  /** A decrypted packet. `isRtx`: its payload type is the retransmission one (RFC 4588). */
  rtp: [packet: RtpPacket, kind: MediaKind, isRtx: boolean, arrivalUs: number];
  /** A decrypted compound RTCP packet. */
  rtcp: [compound: Buffer, arrivalUs: number];
}

export interface TransportStats {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  /** Datagrams that failed authentication, were replayed or malformed. */
  readonly datagramsDropped: number;
}
