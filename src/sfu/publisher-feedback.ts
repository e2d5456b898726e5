import { randomBytes } from 'node:crypto';
import type { RtpPacket } from '../rtp/packet.js';
import { buildNack, buildPli, buildReceiverReport, buildRemb, buildSdes } from '../rtp/rtcp-build.js';
import type { ReportBlock } from '../rtp/rtcp.js';
import { TwccGenerator } from '../rtp/twcc-generator.js';
import type { RtcConnection } from '../webrtc/rtc-connection.js';
import type { IngressTrack } from './ingress-track.js';

const TRANSPORT_FEEDBACK_EVERY_US = 50_000;
const RECEIVER_REPORT_EVERY_US = 1_000_000;
/** Told to publishers without transport-wide feedback, which else creep up from 300 kb/s (facts: 20 s to 1 Mb/s). */
const REMB_BPS = 8_000_000;

/** All the RTCP that a publisher gets: what was lost, how it travelled, and wishes for an IDR. */
export class PublisherFeedback {
  readonly #connection: RtcConnection;
  readonly #tracks: readonly IngressTrack[];
  readonly #ssrc = randomBytes(4).readUInt32BE();
  readonly #cname = randomBytes(8).toString('hex');
  readonly #twcc = new TwccGenerator(this.#ssrc);
  #twccMediaSsrc: number | undefined;
  #lastTransportUs = 0;
  #lastReportUs = 0;
  #nacksSent = 0;

  constructor(connection: RtcConnection, tracks: readonly IngressTrack[]) {
    this.#connection = connection;
    this.#tracks = tracks;
  }

  /** Packets asked for again, each try counted. */
  get nacksSent(): number {
    return this.#nacksSent;
  }

  /** Every packet that came, retransmissions and padding too. */
  received(packet: RtpPacket, track: IngressTrack, arrivalUs: number): void {
    const id = track.media.extensionIds.transportCc;
    const value = id === undefined ? undefined : packet.extensions.get(id);
    if (!value || value.length < 2) return;
    this.#twccMediaSsrc ??= packet.ssrc;
    this.#twcc.add(value.readUInt16BE(0), arrivalUs);
  }

  sendPli(): void {
    const ssrc = this.#video?.ssrc ?? this.#video?.media.ssrcHints[0];
    if (ssrc !== undefined) this.#send([buildPli(this.#ssrc, ssrc)]);
  }

  tick(nowUs: number): void {
    for (const track of this.#tracks) {
      const lost = track.nack?.due(nowUs) ?? [];
      if (lost.length === 0 || track.ssrc === undefined) continue;
      this.#nacksSent += lost.length;
      const wire = lost.map((sequence) => ((sequence % 0x10000) + 0x10000) % 0x10000);
      this.#send([buildNack(this.#ssrc, track.ssrc, wire)]);
    }
    if (this.#twccMediaSsrc !== undefined && nowUs - this.#lastTransportUs >= TRANSPORT_FEEDBACK_EVERY_US) {
      this.#lastTransportUs = nowUs;
      for (const feedback of this.#twcc.flush(this.#twccMediaSsrc)) this.#send([feedback]);
    }
    if (nowUs - this.#lastReportUs >= RECEIVER_REPORT_EVERY_US) {
      this.#lastReportUs = nowUs;
      this.#sendReport(nowUs);
    }
  }

  get #video(): IngressTrack | undefined {
    return this.#tracks.find((track) => track.media.kind === 'video');
  }

  #sendReport(nowUs: number): void {
    const blocks: ReportBlock[] = [];
    for (const track of this.#tracks) {
      const block = track.ssrc === undefined ? undefined : track.reception.report(track.ssrc, nowUs);
      if (block) blocks.push(block);
    }
    const parts = [buildReceiverReport(this.#ssrc, blocks), buildSdes(this.#ssrc, this.#cname)];
    const video = this.#video;
    if (this.#twccMediaSsrc === undefined && video?.ssrc !== undefined) {
      parts.push(buildRemb(this.#ssrc, REMB_BPS, [video.ssrc]));
    }
    this.#connection.sendRtcp(Buffer.concat(parts));
  }

  /** Reduced-size packets are in order (RFC 5506): the answer negotiates them. */
  #send(parts: readonly Buffer[]): void {
    this.#connection.sendRtcp(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }
}
