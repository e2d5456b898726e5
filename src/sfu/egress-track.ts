import { ntpMiddle } from '../rtp/ntp.js';
import { buildSenderReport } from '../rtp/rtcp-build.js';
import type { ReportBlock } from '../rtp/rtcp.js';
import { wrapRtx } from '../rtp/rtx.js';
import type { RtcConnection } from '../webrtc/rtc-connection.js';
import type { NegotiatedMedia } from '../webrtc/types.js';
import type { ClockPoint, ForwardPacket } from './packet-source.js';
import { Retransmitter } from './retransmitter.js';

/** Sender reports remembered to measure round trips; viewers answer within a few seconds. */
const REPORTS_KEPT = 8;

/** One stream to one viewer. */
export class EgressTrack {
  readonly media: NegotiatedMedia;
  readonly ssrc: number;
  packets = 0;
  bytes = 0;
  retransmitted = 0;
  refused = 0;
  fractionLost = 0;
  readonly #connection: RtcConnection;
  readonly #retransmitter = new Retransmitter();
  readonly #reports: { readonly middle: number; readonly sentUs: number }[] = [];
  /** Sequence number that the viewer's stream began with. */
  #first: number | undefined;
  #rtxSequence = Math.floor(Math.random() * 0x8000);
  #rttUs: number | undefined;

  constructor(connection: RtcConnection, media: NegotiatedMedia) {
    this.#connection = connection;
    this.media = media;
    this.ssrc = media.ssrc ?? media.ssrcHints[0] ?? 1;
  }

  get started(): boolean {
    return this.#first !== undefined;
  }

  get rttUs(): number | undefined {
    return this.#rttUs;
  }

  /** Video begins with a keyframe; what is older than the beginning stays out even when it comes late. */
  forward(packet: ForwardPacket): boolean {
    if (this.#first === undefined) {
      if (!packet.startsKeyframe) return false;
      this.#first = packet.sequenceNumber;
    } else if (this.packets < 0x4000 && ((packet.sequenceNumber - this.#first) & 0xffff) >= 0x8000) {
      return true;
    }
    this.#send(packet);
    this.packets++;
    this.bytes += packet.payload.length;
    return true;
  }

  /** Answers a NACK for `packet`, within the viewer's allowance. */
  retransmit(packet: ForwardPacket, nowUs: number): void {
    if (!this.started || !this.#retransmitter.allow(packet, nowUs, this.#rttUs)) {
      this.refused++;
      return;
    }
    this.retransmitted++;
    const { rtxPayloadType, rtxSsrc } = this.media;
    if (rtxPayloadType === undefined || rtxSsrc === undefined) {
      this.#send(packet);
      return;
    }
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
    this.#connection.sendRtp({
      kind: this.media.kind,
      payloadType: rtxPayloadType,
      marker: packet.marker,
      sequenceNumber: this.#rtxSequence,
      timestamp: packet.timestamp,
      ssrc: rtxSsrc,
      payload: wrapRtx(packet),
    });
  }

  senderReport(point: ClockPoint, nowUs: number): Buffer {
    this.#reports.push({ middle: ntpMiddle(point.ntpUs), sentUs: nowUs });
    if (this.#reports.length > REPORTS_KEPT) this.#reports.shift();
    return buildSenderReport({
      ssrc: this.ssrc,
      ntpUs: point.ntpUs,
      rtpTimestamp: point.rtpTimestamp,
      packetCount: this.packets,
      octetCount: this.bytes,
      reports: [],
    });
  }

  receiverReport(block: ReportBlock, arrivalUs: number): void {
    this.fractionLost = block.fractionLost / 256;
    // The NTP time in our reports is the publisher's, so the round trip counts from when they were sent.
    const report = this.#reports.find(({ middle }) => middle === block.lastSenderReport);
    if (!report) return;
    const rttUs = arrivalUs - report.sentUs - (block.delaySinceLastSenderReport * 1_000_000) / 65_536;
    this.#rttUs = Math.max(0, Math.round(rttUs));
  }

  #send(packet: ForwardPacket): void {
    this.#connection.sendRtp({
      kind: packet.kind,
      payloadType: this.media.payloadType,
      marker: packet.marker,
      sequenceNumber: packet.sequenceNumber,
      timestamp: packet.timestamp,
      ssrc: this.ssrc,
      payload: packet.payload,
    });
  }
}
