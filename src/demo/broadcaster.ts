import { EventEmitter } from 'node:events';
import { systemClock, type Clock } from '../base/clock.js';
import type { AccessUnit } from '../media/access-unit.js';
import { MICROSECONDS, rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { ntpFromUnixMs } from '../rtp/ntp.js';
import { parseRtcp } from '../rtp/rtcp.js';
import { RtcClient } from '../webrtc/rtc-client.js';
import { LoopClip } from './loop-clip.js';
import { OutgoingTrack } from './outgoing-track.js';

export interface BroadcasterOptions {
  /** WHIP endpoint. */
  readonly url: string;
  readonly token?: string;
  /** One MP4 of H.264 and Opus, or several renditions of it (see {@link LoopClip}). */
  readonly clip: string | readonly string[];
  /** Send sender reports. Default true; some encoders (OBS) send none. */
  readonly senderReports?: boolean;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface BroadcasterStats {
  readonly pictures: number;
  readonly frames: number;
  readonly keyframeRequests: number;
  readonly retransmissions: number;
}

export interface BroadcasterEvents {
  /**
   * The last packet of a unit has been handed to the socket. The unit's times are the sender's own; `sentUs` is on the
   * broadcaster's clock.
   */
  sent: [unit: AccessUnit, sentUs: number];
  closed: [reason: string];
}

const REPORT_INTERVAL_US = 1_000_000;
/** A frame of audio can be sent when its last sample has been captured. */
const AUDIO_DELAY_US = 20_000;
/** Units that are late by more, as after the machine slept, are left out instead of sent in a burst. */
const MAX_LATE_US = 500_000;

/**
 * A synthetic broadcaster: sends a clip in a loop over WHIP with times that only grow, paced as live, answering PLI
 * and NACK and sending sender reports as a browser does.
 */
export class Broadcaster extends EventEmitter<BroadcasterEvents> {
  readonly #client: RtcClient;
  readonly #clip: LoopClip;
  readonly #clock: Clock;
  readonly #video: OutgoingTrack | undefined;
  readonly #audio: OutgoingTrack | undefined;
  readonly #cname = `anchornet-demo-${process.pid}`;
  readonly #startUs: number;
  /** Wall clock at the media time 0. */
  readonly #startNtpUs: number;
  #timer: NodeJS.Timeout | undefined;
  #nextReportUs: number;
  #picture = 0;
  #frame = 0;
  #rendition = 0;
  #keyframeWanted = false;
  #awaitingIdr = false;
  #keyframeRequests = 0;
  #retransmissions = 0;

  private constructor(client: RtcClient, clip: LoopClip, options: BroadcasterOptions) {
    super();
    this.#client = client;
    this.#clip = clip;
    this.#clock = options.clock ?? systemClock;
    const { video, audio } = client.media;
    this.#video = video === undefined ? undefined : new OutgoingTrack(client, video);
    this.#audio = audio === undefined || !clip.hasAudio ? undefined : new OutgoingTrack(client, audio);
    this.#startUs = this.#clock.nowUs();
    this.#startNtpUs = ntpFromUnixMs(Date.now());
    this.#nextReportUs = options.senderReports === false ? Infinity : this.#startUs;
    client.on('rtcp', (compound) => this.#onRtcp(compound));
    client.on('closed', (reason) => {
      clearTimeout(this.#timer);
      this.emit('closed', reason);
    });
  }

  /**
   * Connects and begins to send.
   *
   * @throws DestinationError when the endpoint refuses or cannot be reached, CancelledError
   * @throws UnsupportedMediaError when the clip is not what WebRTC carries
   */
  static async open(options: BroadcasterOptions): Promise<Broadcaster> {
    const paths = typeof options.clip === 'string' ? [options.clip] : options.clip;
    const clip = await LoopClip.read(paths);
    const client = await RtcClient.publish({
      url: options.url,
      audio: clip.hasAudio,
      ...(options.token === undefined ? {} : { token: options.token }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const broadcaster = new Broadcaster(client, clip, options);
    broadcaster.#sendDue();
    return broadcaster;
  }

  get isOpen(): boolean {
    return this.#client.state !== 'closed';
  }

  stats(): BroadcasterStats {
    return {
      pictures: this.#picture,
      frames: this.#frame,
      keyframeRequests: this.#keyframeRequests,
      retransmissions: this.#retransmissions,
    };
  }

  /** Ends the WHIP session. Idempotent. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #sendDue(): void {
    if (!this.isOpen) return;
    const elapsedUs = this.#clock.nowUs() - this.#startUs;
    for (let dueUs = this.#pictureDueUs(); dueUs <= elapsedUs; dueUs = this.#pictureDueUs()) {
      if (elapsedUs - dueUs <= MAX_LATE_US) this.#sendPicture();
      else this.#awaitingIdr = true;
      this.#picture++;
    }
    for (let dueUs = this.#frameDueUs(); dueUs <= elapsedUs; dueUs = this.#frameDueUs()) {
      if (elapsedUs - dueUs <= MAX_LATE_US) this.#send(this.#audio, this.#clip.frame(this.#frame));
      this.#frame++;
    }
    if (this.#clock.nowUs() >= this.#nextReportUs) this.#sendReports();
    const waitUs = Math.min(this.#pictureDueUs(), this.#frameDueUs()) - (this.#clock.nowUs() - this.#startUs);
    this.#timer = setTimeout(() => this.#sendDue(), Math.max(0, waitUs / 1_000));
  }

  #sendPicture(): void {
    if (this.#keyframeWanted) {
      const rendition = this.#clip.renditionWithIdr(this.#picture);
      if (rendition !== undefined) {
        this.#rendition = rendition;
        this.#keyframeWanted = false;
      }
    }
    const picture = this.#clip.picture(this.#picture, this.#rendition);
    // After a gap the pictures refer to ones that were never sent.
    if (this.#awaitingIdr && !picture.isIdr) return;
    this.#awaitingIdr = false;
    this.#send(this.#video, picture);
  }

  #send(track: OutgoingTrack | undefined, unit: AccessUnit): void {
    if (track === undefined) return;
    track.send(unit);
    this.emit('sent', unit, this.#clock.nowUs());
  }

  #pictureDueUs(): number {
    if (this.#video === undefined) return Infinity;
    return rescale(
      this.#clip.picture(this.#picture, this.#rendition).pts,
      VIDEO_TIMESCALE,
      MICROSECONDS,
      'ceil',
    );
  }

  #frameDueUs(): number {
    if (this.#audio === undefined) return Infinity;
    const { pts } = this.#clip.frame(this.#frame);
    return rescale(pts, this.#audio.clockRate, MICROSECONDS, 'ceil') + AUDIO_DELAY_US;
  }

  #sendReports(): void {
    const elapsedUs = this.#clock.nowUs() - this.#startUs;
    for (const track of [this.#audio, this.#video]) {
      if (track === undefined) continue;
      const pts = rescale(elapsedUs, MICROSECONDS, track.clockRate);
      track.report(this.#startNtpUs + elapsedUs, pts, this.#cname);
    }
    this.#nextReportUs += REPORT_INTERVAL_US;
  }

  #onRtcp(compound: Buffer): void {
    for (const packet of parseRtcp(compound)) {
      if (packet.type === 'pli' || packet.type === 'fir') {
        this.#keyframeRequests++;
        this.#keyframeWanted = true;
      } else if (packet.type === 'nack') {
        const track = [this.#audio, this.#video].find((candidate) => candidate?.ssrc === packet.mediaSsrc);
        this.#retransmissions += packet.lost.length;
        track?.retransmit(packet.lost);
      }
    }
  }
}
