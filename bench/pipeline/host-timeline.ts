import type { Broadcaster } from '../../src/demo/broadcaster.js';
import { MICROSECONDS, rescale, VIDEO_TIMESCALE } from '../../src/media/timestamp.js';
import { pictureHash, type ArrivedPicture } from './program-target.js';
import { percentile } from './figures.js';

/** A relayed picture that comes later than this is told from the same picture of the clip's next turn. */
const MAX_DELAY_US = 2_000_000;
const OFFSETS_KEPT = 101;

/** What the host has sent and when, so that what comes out can be told by it. */
export class HostTimeline {
  readonly #sent = new Map<string, { readonly pts: number; readonly sentUs: number }>();
  readonly #offsets: number[] = [];
  /** System clock at the host's media time 0: the least of all sending times, as the sender may be late but not early. */
  #startUs = Infinity;
  /** How much later than its time each picture of the last turn was sent, in µs. */
  readonly #lateUs: number[] = [];

  constructor(host: Broadcaster) {
    host.on('sent', (unit, sentUs) => {
      if (unit.kind !== 'video') return;
      const startUs = sentUs - rescale(unit.pts, VIDEO_TIMESCALE, MICROSECONDS);
      this.#startUs = Math.min(this.#startUs, startUs);
      this.#lateUs.push(startUs - this.#startUs);
      if (this.#lateUs.length > 10_000) this.#lateUs.shift();
      this.#sent.set(pictureHash(unit), { pts: unit.pts, sentUs });
    });
  }

  /** How late the sender itself is, in ms; part of no figure but of its trustworthiness. */
  get senderLateMs(): readonly number[] {
    return this.#lateUs.map((us) => us / 1_000);
  }

  /** @returns µs from the picture's last RTP packet to its RTMP bytes; undefined when it is not the host's own */
  relayedAfterUs({ hash, arrivalUs, pts }: ArrivedPicture): number | undefined {
    const sent = this.#sent.get(hash);
    if (sent === undefined || arrivalUs - sent.sentUs > MAX_DELAY_US) return undefined;
    this.#offsets.push(pts - sent.pts);
    if (this.#offsets.length > OFFSETS_KEPT) this.#offsets.shift();
    return arrivalUs - sent.sentUs;
  }

  /**
   * @returns µs from the instant that the picture's time stands for on the host's timeline to its RTMP bytes;
   *   undefined before anything has been relayed
   */
  sinceCaptureUs({ pts, arrivalUs }: ArrivedPicture): number | undefined {
    if (this.#offsets.length === 0) return undefined;
    const hostPts = pts - percentile(this.#offsets, 50);
    return arrivalUs - this.#startUs - rescale(hostPts, VIDEO_TIMESCALE, MICROSECONDS);
  }
}
