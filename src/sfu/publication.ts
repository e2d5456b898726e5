import { EventEmitter } from 'node:events';
import { opusPacketDuration } from '../codec/opus/packet.js';
import type { Clock } from '../base/clock.js';
import { asAnchorNetError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { AccessUnit, OpusConfig } from '../media/access-unit.js';
import { CaptureClock } from '../rtp/capture-clock.js';
import { H264Depacketizer } from '../rtp/h264/depacketizer.js';
import type { NtpUs } from '../rtp/ntp.js';
import type { RtpPacket } from '../rtp/packet.js';
import type { Ordered } from '../rtp/reorder-buffer.js';
import { parseRtcp } from '../rtp/rtcp.js';
import type { PatchResult, RtcConnection } from '../webrtc/rtc-connection.js';
import { IngressTrack, type IngressPacket } from './ingress-track.js';
import { KeyframeRequest } from './keyframe-request.js';
import type { ClockPoint, ForwardPacket, MediaKind, PacketOutlet, PacketSource } from './packet-source.js';
import type { PublicationStats, TrackStats } from './publication-stats.js';
import { PublisherFeedback } from './publisher-feedback.js';

export interface PublicationEvents {
  /** ICE and DTLS are up. */
  connected: [];
  /** One access unit in decoding order; `arrivalUs` is when its last packet came, on the system clock. */
  unit: [unit: AccessUnit, arrivalUs: number];
  /** No media for a while although the transport lives. */
  silent: [];
  /** Media is back after `silent`. */
  active: [];
  closed: [reason: string];
}

/** Without a packet for so long, a publisher counts as silent: a few keyframe requests have gone unanswered. */
const SILENT_AFTER_US = 2_000_000;
/** Browsers report on audio every 5 s. */
const WAIT_FOR_REPORTS_US = 6_000_000;

/** One publisher: its packets to viewers as they come, its access units on one media timeline. */
export class Publication extends EventEmitter<PublicationEvents> implements PacketSource {
  readonly #connection: RtcConnection;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tracks: { readonly audio?: IngressTrack; readonly video?: IngressTrack };
  readonly #feedback: PublisherFeedback;
  readonly #keyframe: KeyframeRequest;
  readonly #depacketizer: H264Depacketizer;
  readonly #opus: OpusConfig;
  #captureClock = new CaptureClock();
  readonly #outlets = new Set<PacketOutlet>();
  readonly #reports = new Map<MediaKind, { readonly ntpUs: NtpUs; readonly timestamp: number }>();
  readonly #units = { audio: 0, video: 0, keyframes: 0, width: 0, height: 0, damagedAudio: 0 };
  #firstMediaUs: number | undefined;
  #lastMediaUs: number | undefined;
  #silent = false;
  #closed = false;

  constructor(options: { connection: RtcConnection; clock: Clock; logger: Logger }) {
    super();
    const { connection } = options;
    const { audio, video } = connection.media;
    this.#connection = connection;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#tracks = {
      ...(audio && { audio: new IngressTrack(audio) }),
      ...(video && { video: new IngressTrack(video) }),
    };
    this.#feedback = new PublisherFeedback(connection, Object.values(this.#tracks));
    this.#keyframe = new KeyframeRequest(() => this.#feedback.sendPli());
    this.#depacketizer = new H264Depacketizer(video?.fmtp);
    this.#opus = { codec: 'opus', sampleRate: 48_000, channels: audio?.channels || 2 };
    connection.on('connected', () => this.#guard(() => this.emit('connected')));
    connection.on('rtp', (packet, kind, isRtx, arrivalUs) =>
      this.#guard(() => this.#receive(packet, kind, { isRtx, arrivalUs })),
    );
    connection.on('rtcp', (compound, arrivalUs) => this.#guard(() => this.#receiveRtcp(compound, arrivalUs)));
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

  get kinds(): readonly MediaKind[] {
    return (['audio', 'video'] as const).filter((kind) => this.#tracks[kind]);
  }

  /**
   * WHIP PATCH: trickled candidates or an ICE restart (RFC 9725 §4.3).
   *
   * @throws MalformedMediaError when the fragment is none
   */
  patch(sdpFragment: string): PatchResult {
    return this.#connection.patch(sdpFragment);
  }

  /** Asks the publisher for an IDR, and again every 300 ms until one is in. */
  requestKeyframe(): void {
    if (this.#tracks.video && !this.#closed) this.#keyframe.ask(this.#clock.nowUs());
  }

  viewerNeedsKeyframe(): void {
    if (this.#tracks.video && !this.#closed) this.#keyframe.askForViewer(this.#clock.nowUs());
  }

  attach(outlet: PacketOutlet): void {
    this.#outlets.add(outlet);
  }

  detach(outlet: PacketOutlet): void {
    this.#outlets.delete(outlet);
  }

  recent(kind: MediaKind, sequenceNumber: number): ForwardPacket | undefined {
    return this.#tracks[kind]?.ring.get(sequenceNumber);
  }

  /** The publisher's own line between NTP and RTP time; its capture clock stands in while there are no reports. */
  clockPoint(kind: MediaKind, nowUs: number): ClockPoint | undefined {
    const track = this.#tracks[kind];
    const newest = track?.newest;
    if (!track || !newest) return undefined;
    const elapsedTicks = Math.round(((nowUs - newest.arrivalUs) * track.media.clockRate) / 1_000_000);
    const timestamp = newest.timestamp + elapsedTicks;
    const report = this.#reports.get(kind);
    const isComplete = this.kinds.every((each) => this.#reports.has(each));
    // Reports of one kind of time must not be followed by those of another: wait for the publisher's own a while.
    if (!isComplete && nowUs - (this.#firstMediaUs ?? nowUs) < WAIT_FOR_REPORTS_US) return undefined;
    const ntpUs =
      report && isComplete
        ? report.ntpUs + ((timestamp - report.timestamp) * 1_000_000) / track.media.clockRate
        : FALLBACK_NTP_US + this.#captureClock.captureUs(kind, timestamp);
    return { ntpUs: Math.round(ntpUs), rtpTimestamp: ((timestamp % 2 ** 32) + 2 ** 32) % 2 ** 32 };
  }

  /** Where a packet is on the publication's timeline, by what is known now. In microseconds. */
  captureUs(kind: MediaKind, timestamp: number): number | undefined {
    const near = this.#tracks[kind]?.nearOutTimestamp(timestamp);
    return near === undefined ? undefined : this.#captureClock.captureUs(kind, near);
  }

  stats(): PublicationStats {
    const { audio, video } = this.#tracks;
    const base = (track: IngressTrack, units: number): TrackStats => ({
      ...track.counts,
      jitterMs: track.reception.jitterMs,
      units,
    });
    return {
      audio: audio && base(audio, this.#units.audio),
      video: video && {
        ...base(video, this.#units.video),
        keyframes: this.#units.keyframes,
        width: this.#units.width,
        height: this.#units.height,
        nacksSent: this.#feedback.nacksSent,
        plisSent: this.#keyframe.plisSent,
        droppedPictures: this.#depacketizer.dropped,
        keyframeWaitMs: millis(this.#keyframe.lastWaitUs),
      },
      rttMs: millis(video?.nack?.rttUs),
      hasSenderReports: this.#captureClock.hasSenderReports,
      silent: this.#silent,
      viewers: this.#outlets.size,
    };
  }

  /** Everything that time alone sets off. The Sfu calls it every 10 ms or so. */
  tick(nowUs: number): void {
    if (this.#closed) return;
    this.#guard(() => {
      for (const track of Object.values(this.#tracks)) this.#deliver(track, track.expire(nowUs));
      this.#feedback.tick(nowUs);
      this.#keyframe.tick(nowUs);
      if (!this.#silent && this.#lastMediaUs !== undefined && nowUs - this.#lastMediaUs > SILENT_AFTER_US) {
        this.#silent = true;
        this.emit('silent');
      }
    });
  }

  /** Idempotent. */
  close(reason = 'closed-locally'): void {
    this.#finish(reason);
    this.#connection.close();
  }

  #receive(packet: RtpPacket, kind: MediaKind, how: { isRtx: boolean; arrivalUs: number }): void {
    const track = this.#tracks[kind];
    if (!track || this.#closed) return;
    this.#feedback.received(packet, track, how.arrivalUs);
    const taken = track.receive(packet, how.isRtx, how.arrivalUs);
    if (!taken) return;
    // The clock before anybody else: a program track asks it where this packet belongs. A retransmission says nothing
    // about how long packets travel.
    if (!how.isRtx) this.#captureClock.arrived(kind, taken.timestamp, how.arrivalUs);
    // Then viewers, and untouched: taking pictures apart is nothing they should wait for.
    if (taken.forward.payload.length > 0) for (const outlet of this.#outlets) outlet.forward(taken.forward);
    this.#firstMediaUs ??= how.arrivalUs;
    this.#lastMediaUs = how.arrivalUs;
    if (this.#silent) {
      this.#silent = false;
      this.emit('active');
    }
    this.#deliver(track, track.order(taken));
  }

  #deliver(track: IngressTrack, ordered: readonly Ordered<IngressPacket>[]): void {
    for (const { item, lostBefore } of ordered) {
      if (track.media.kind === 'audio') this.#deliverAudio(item);
      else this.#deliverVideo(item, lostBefore > 0);
    }
  }

  #deliverAudio({ forward, timestamp, arrivalUs }: IngressPacket): void {
    if (forward.payload.length === 0) return;
    let durationSamples: number;
    try {
      durationSamples = opusPacketDuration(forward.payload);
    } catch {
      this.#units.damagedAudio++;
      return;
    }
    this.#units.audio++;
    const pts = this.#captureClock.audioPts(timestamp);
    const unit = { kind: 'audio', config: this.#opus, pts, durationSamples, data: forward.payload } as const;
    this.emit('unit', unit, arrivalUs);
  }

  #deliverVideo({ forward, timestamp, arrivalUs }: IngressPacket, lostBefore: boolean): void {
    const { payload, marker } = forward;
    const droppedBefore = this.#depacketizer.dropped;
    const pictures = this.#depacketizer.push({ timestamp, marker, payload, arrivalUs }, lostBefore);
    for (const picture of pictures) {
      const { config, isIdr, data } = picture;
      const pts = this.#captureClock.videoPts(picture.timestamp);
      this.#units.video++;
      this.#units.width = config.width;
      this.#units.height = config.height;
      if (isIdr) {
        this.#units.keyframes++;
        this.#keyframe.idrComplete(this.#clock.nowUs());
      }
      this.emit('unit', { kind: 'video', config, pts, dts: pts, isIdr, data }, picture.arrivalUs);
    }
    const isWorse = lostBefore || this.#depacketizer.dropped > droppedBefore;
    if (isWorse && this.#depacketizer.awaitingIdr) this.requestKeyframe();
  }

  #receiveRtcp(compound: Buffer, arrivalUs: number): void {
    for (const packet of parseRtcp(compound)) {
      if (packet.type !== 'sr') continue;
      const track = Object.values(this.#tracks).find((each) => each.ssrc === packet.ssrc);
      const timestamp = track?.nearTimestamp(packet.rtpTimestamp);
      if (!track || timestamp === undefined || packet.ntpUs === 0) continue;
      track.reception.senderReport(packet.ntpUs, arrivalUs);
      this.#reports.set(track.media.kind, { ntpUs: packet.ntpUs, timestamp });
      this.#captureClock.senderReport(track.media.kind, packet.ntpUs, timestamp);
    }
  }

  /** A defect met while handling one publisher's packet ends that publisher and nobody else. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#logger.error({ publication: this.id, err: asAnchorNetError(thrown) }, 'publication failed');
      this.close('failed');
    }
  }

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const outlets = [...this.#outlets];
    this.#outlets.clear();
    for (const outlet of outlets) outlet.sourceClosed(reason);
    this.emit('closed', reason);
  }
}

/** Stands for the wall time of a publisher that names none: any fixed point serves to keep its tracks together. */
const FALLBACK_NTP_US: NtpUs = 3_900_000_000_000_000;

function millis(us: number | undefined): number | undefined {
  return us === undefined ? undefined : us / 1000;
}
