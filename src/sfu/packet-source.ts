import type { NtpUs } from '../rtp/ntp.js';
import type { MediaKind } from '../webrtc/types.js';

export type { MediaKind };

/**
 * One media packet on its way to viewers, made once and shared by all of them: the numbering is the source's, the
 * SSRC and the payload type are each viewer's own.
 */
export interface ForwardPacket {
  readonly kind: MediaKind;
  /** 16 bits, continuous over everything its source ever sent of this kind. */
  readonly sequenceNumber: number;
  /** 32 bits, in the payload's clock. */
  readonly timestamp: number;
  readonly marker: boolean;
  /** Video: the first packet of an IDR picture or of the parameter sets before it. Audio: always true. */
  readonly startsKeyframe: boolean;
  /** Kept by the source for retransmission; nobody writes to it. */
  readonly payload: Buffer;
}

/** A point of the line between RTP timestamps and wall time (RFC 3550 §6.4.1). */
export interface ClockPoint {
  readonly ntpUs: NtpUs;
  readonly rtpTimestamp: number;
}

export interface PacketOutlet {
  /** Takes one packet without blocking and without throwing. */
  forward(packet: ForwardPacket): void;
  sourceClosed(reason: string): void;
}

/** Something that viewers can subscribe to. */
export interface PacketSource {
  readonly id: string;
  readonly closed: boolean;
  attach(outlet: PacketOutlet): void;
  detach(outlet: PacketOutlet): void;
  /** A viewer cannot decode. Throttled over all viewers, so that one of them cannot spoil the picture of the others. */
  viewerNeedsKeyframe(): void;
  /** A packet sent lately, for retransmission. */
  recent(kind: MediaKind, sequenceNumber: number): ForwardPacket | undefined;
  /** What a sender report sent now has to say; nothing before the first packet. */
  clockPoint(kind: MediaKind, nowUs: number): ClockPoint | undefined;
}
