import { EventEmitter } from 'node:events';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { asAnchorNetError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { buildSdes } from '../rtp/rtcp-build.js';
import { parseRtcp, type RtcpPacket } from '../rtp/rtcp.js';
import type { PatchResult, RtcConnection } from '../webrtc/rtc-connection.js';
import { EgressTrack } from './egress-track.js';
import type { ForwardPacket, PacketOutlet, PacketSource } from './packet-source.js';

export interface SubscriptionStats {
  readonly packets: number;
  readonly bytes: number;
  readonly retransmitted: number;
  /** NACKed packets that were not sent again: gone, asked for too often or beyond the viewer's allowance. */
  readonly refused: number;
  readonly plisReceived: number;
  readonly rttMs: number | undefined;
  /** Latest fraction lost that the viewer reported for video, 0…1. */
  readonly fractionLost: number;
}

export interface SubscriptionEvents {
  connected: [];
  closed: [reason: string];
}

const SENDER_REPORT_EVERY_US = 1_000_000;
/** Until two reports are there a player cannot align sound and picture: the first ones come quickly. */
const FIRST_REPORTS_EVERY_US = 250_000;
const FIRST_REPORTS = 4;
/** One viewer's wishes for an IDR count this often. */
const KEYFRAME_WISH_EVERY_US = 200_000;
/** Sequence numbers looked up per NACK datagram; whoever lost more needs an IDR. */
const MAX_NACKED = 256;

/** One viewer of one source. Whatever it does or fails to do costs only a bounded part of our time. */
export class Subscription extends EventEmitter<SubscriptionEvents> implements PacketOutlet {
  readonly #connection: RtcConnection;
  readonly #source: PacketSource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #audio: EgressTrack | undefined;
  readonly #video: EgressTrack | undefined;
  readonly #cname = randomBytes(8).toString('hex');
  #nextReportUs = 0;
  #reportsSent = 0;
  #lastWishUs = -Infinity;
  #plisReceived = 0;
  #goneByNack = 0;
  #closed = false;

  constructor(options: { connection: RtcConnection; source: PacketSource; clock: Clock; logger: Logger }) {
    super();
    const { connection } = options;
    const { audio, video } = connection.media;
    this.#connection = connection;
    this.#source = options.source;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#audio = audio && new EgressTrack(connection, audio);
    this.#video = video && new EgressTrack(connection, video);
    connection.on('connected', () => this.#guard(() => this.#start()));
    connection.on('rtcp', (compound, arrivalUs) => this.#guard(() => this.#receive(compound, arrivalUs)));
    connection.on('closed', (reason) => this.#finish(reason));
  }

  get id(): string {
    return this.#connection.id;
  }

  get etag(): string {
    return this.#connection.etag;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * WHEP PATCH: trickled candidates or an ICE restart.
   *
   * @throws MalformedMediaError when the fragment is none
   */
  patch(sdpFragment: string): PatchResult {
    return this.#connection.patch(sdpFragment);
  }

  forward(packet: ForwardPacket): void {
    const track = packet.kind === 'video' ? this.#video : this.#audio;
    if (!track) return;
    try {
      if (!track.forward(packet)) this.#wishKeyframe(this.#clock.nowUs());
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  sourceClosed(reason: string): void {
    this.close(`source ${reason}`);
  }

  stats(): SubscriptionStats {
    const tracks = this.#tracks;
    const sum = (field: 'packets' | 'bytes' | 'retransmitted' | 'refused'): number =>
      tracks.reduce((total, track) => total + track[field], 0);
    const rttUs = tracks.find((track) => track.rttUs !== undefined)?.rttUs;
    return {
      packets: sum('packets'),
      bytes: sum('bytes'),
      retransmitted: sum('retransmitted'),
      refused: sum('refused') + this.#goneByNack,
      plisReceived: this.#plisReceived,
      rttMs: rttUs === undefined ? undefined : rttUs / 1000,
      fractionLost: this.#video?.fractionLost ?? 0,
    };
  }

  /** Sender reports. The Sfu calls it every 10 ms or so. */
  tick(nowUs: number): void {
    if (this.#closed || nowUs < this.#nextReportUs) return;
    this.#nextReportUs =
      nowUs + (this.#reportsSent < FIRST_REPORTS ? FIRST_REPORTS_EVERY_US : SENDER_REPORT_EVERY_US);
    this.#guard(() => {
      for (const track of this.#tracks) {
        const point = track.packets > 0 ? this.#source.clockPoint(track.media.kind, nowUs) : undefined;
        if (!point) continue;
        this.#reportsSent++;
        const report = track.senderReport(point, nowUs);
        this.#connection.sendRtcp(Buffer.concat([report, buildSdes(track.ssrc, this.#cname)]));
      }
    });
  }

  /** Idempotent. */
  close(reason = 'closed-locally'): void {
    this.#finish(reason);
    this.#connection.close();
  }

  get #tracks(): EgressTrack[] {
    return [this.#audio, this.#video].filter((track) => track !== undefined);
  }

  #start(): void {
    if (this.#closed) return;
    if (this.#source.closed) {
      this.close('source closed');
      return;
    }
    this.#source.attach(this);
    if (this.#video) this.#wishKeyframe(this.#clock.nowUs());
    this.emit('connected');
  }

  #receive(compound: Buffer, arrivalUs: number): void {
    for (const packet of parseRtcp(compound)) this.#receiveOne(packet, arrivalUs);
  }

  #receiveOne(packet: RtcpPacket, arrivalUs: number): void {
    switch (packet.type) {
      case 'nack': {
        const track = this.#tracks.find(({ ssrc }) => ssrc === packet.mediaSsrc);
        if (track) this.#answerNack(track, packet.lost, arrivalUs);
        break;
      }
      case 'pli':
      case 'fir':
        this.#plisReceived++;
        this.#wishKeyframe(arrivalUs);
        break;
      case 'rr':
      case 'sr':
        for (const block of packet.reports) {
          this.#tracks.find(({ ssrc }) => ssrc === block.ssrc)?.receiverReport(block, arrivalUs);
        }
        break;
      case 'sdes':
      case 'bye':
      case 'remb':
      case 'twcc':
        break;
    }
  }

  #answerNack(track: EgressTrack, lost: readonly number[], nowUs: number): void {
    for (const sequence of lost.slice(0, MAX_NACKED)) {
      const packet = this.#source.recent(track.media.kind, sequence);
      if (packet) track.retransmit(packet, nowUs);
      else this.#goneByNack++;
    }
  }

  #wishKeyframe(nowUs: number): void {
    if (nowUs - this.#lastWishUs < KEYFRAME_WISH_EVERY_US) return;
    this.#lastWishUs = nowUs;
    this.#source.viewerNeedsKeyframe();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    this.#logger.error({ subscription: this.id, err: asAnchorNetError(thrown) }, 'subscription failed');
    this.close('failed');
  }

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.detach(this);
    this.emit('closed', reason);
  }
}
