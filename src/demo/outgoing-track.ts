import { InvalidStateError } from '../base/errors.js';
import { buildSdes, buildSenderReport } from '../rtp/rtcp-build.js';
import { wrapRtx } from '../rtp/rtx.js';
import { RtpStreamWriter, type OutgoingPacket } from '../rtp/stream-writer.js';
import type { AccessUnit } from '../media/access-unit.js';
import type { RtcClient } from '../webrtc/rtc-client.js';
import type { NegotiatedMedia } from '../webrtc/types.js';

/** Packets kept for retransmission: about three seconds of a 720p stream. A power of two. */
const RING = 1_024;

/** One track of a publisher: numbers and sends its packets, answers NACKs, counts for sender reports. */
export class OutgoingTrack {
  readonly ssrc: number;
  readonly #client: RtcClient;
  readonly #media: NegotiatedMedia;
  readonly #writer = new RtpStreamWriter();
  readonly #ring = new Array<OutgoingPacket | undefined>(RING);
  #rtxSequence = 0;
  #packets = 0;
  #octets = 0;

  /** @throws InvalidStateError when the session was negotiated for receiving */
  constructor(client: RtcClient, media: NegotiatedMedia) {
    if (media.ssrc === undefined)
      throw new InvalidStateError(`the ${media.kind} track has no SSRC to send on`);
    this.ssrc = media.ssrc;
    this.#client = client;
    this.#media = media;
  }

  send(unit: AccessUnit): void {
    const packets = unit.kind === 'video' ? this.#writer.video(unit) : [this.#writer.opus(unit)];
    for (const packet of packets) {
      this.#ring[packet.sequenceNumber % RING] = packet;
      this.#packets++;
      this.#octets += packet.payload.length;
      this.#client.sendRtp({
        ...packet,
        kind: this.#media.kind,
        payloadType: this.#media.payloadType,
        ssrc: this.ssrc,
      });
    }
  }

  /** Sends packets again, as RTX where it was agreed on (RFC 4588). Those no longer kept are passed over. */
  retransmit(sequenceNumbers: readonly number[]): void {
    const { kind, payloadType, rtxPayloadType, rtxSsrc } = this.#media;
    for (const sequenceNumber of sequenceNumbers) {
      const packet = this.#ring[sequenceNumber % RING];
      if (packet?.sequenceNumber !== sequenceNumber) continue;
      if (rtxPayloadType === undefined || rtxSsrc === undefined) {
        this.#client.sendRtp({ ...packet, kind, payloadType, ssrc: this.ssrc });
        continue;
      }
      this.#client.sendRtp({
        kind,
        payloadType: rtxPayloadType,
        ssrc: rtxSsrc,
        marker: packet.marker,
        timestamp: packet.timestamp,
        sequenceNumber: this.#rtxSequence,
        payload: wrapRtx(packet),
      });
      this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
    }
  }

  /**
   * Says which instant of the wall clock a media time is (RFC 3550 §6.4.1).
   *
   * @param pts in the track's clock rate
   */
  report(ntpUs: number, pts: number, cname: string): void {
    const report = buildSenderReport({
      ssrc: this.ssrc,
      ntpUs,
      rtpTimestamp: this.#writer.rtpTimestamp(pts),
      packetCount: this.#packets,
      octetCount: this.#octets,
      reports: [],
    });
    this.#client.sendRtcp(Buffer.concat([report, buildSdes(this.ssrc, cname)]));
  }

  get clockRate(): number {
    return this.#media.clockRate;
  }
}
