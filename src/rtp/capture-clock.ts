import { VIDEO_TIMESCALE, rescale } from '../media/timestamp.js';
import type { NtpUs } from './ntp.js';
import { TrackClock } from './track-clock.js';

const AUDIO_RATE = 48_000;
/** Most that a refined alignment moves one picture: below what anyone sees. */
const MAX_SLEW_TICKS = (2 * VIDEO_TIMESCALE) / 1_000;
/**
 * The same while sound and picture are further apart than anyone would miss, as after a first packet that came late: a
 * quarter of a picture, so that half a second is made up in two.
 */
const MAX_GROSS_SLEW_TICKS = (8 * VIDEO_TIMESCALE) / 1_000;
/** Detectability of lip-sync errors begins at about 45 ms (ITU-R BT.1359-1). */
const GROSS_TICKS = (40 * VIDEO_TIMESCALE) / 1_000;
/** An alignment by sender reports is good to about this; arrival times are worse. */
const REPORT_TOLERANCE_US = 1_000;
const ARRIVAL_TOLERANCE_US = 6_000;
/** Sender reports that put sound and picture further apart than this against their arrival are wrong. */
const MAX_IMPLAUSIBLE_US = 2_000_000;

/**
 * One media timeline for the tracks of one publisher. Its origin is the first packet's arrival, its pace the audio
 * clock: audio pts are the RTP timestamps plus a constant, so contiguous packets give contiguous samples, and the
 * video is aligned to it, by sender reports where there are some for both, otherwise by arrival times. A refined
 * alignment or a drift between the two clocks moves pictures by at most 2 ms each, unless they are grossly apart.
 *
 * Timestamps are unwrapped RTP timestamps: 48 kHz for audio, 90 kHz for video.
 */
export class CaptureClock {
  readonly #audio = new TrackClock(AUDIO_RATE);
  readonly #video = new TrackClock(VIDEO_TIMESCALE);
  #originUs: number | undefined;
  #lastVideoPts = -Infinity;

  get hasSenderReports(): boolean {
    return this.#audio.report !== undefined || this.#video.report !== undefined;
  }

  /** To be called for each packet as it comes, before its pts is asked for. */
  arrived(kind: 'audio' | 'video', timestamp: number, arrivalUs: number): void {
    this.#originUs ??= arrivalUs;
    this.#track(kind).arrived(timestamp, arrivalUs - this.#originUs);
  }

  senderReport(kind: 'audio' | 'video', ntpUs: NtpUs, timestamp: number): void {
    this.#track(kind).report = { ntpUs, timestamp };
  }

  /** In samples at 48 kHz. */
  audioPts(timestamp: number): number {
    return timestamp + this.#audio.offset;
  }

  /** In 1/90000 s, strictly increasing. To be called once for each picture, in decoding order. */
  videoPts(timestamp: number): number {
    const target = this.#videoTarget();
    if (target) {
      const error = target.offset - this.#video.offset;
      if (Math.abs(error) > rescale(target.toleranceUs, 1_000_000, VIDEO_TIMESCALE)) {
        // A part of the error each time: a target that jitters is smoothed, not followed.
        const step = Math.sign(error) * Math.ceil(Math.abs(error) / 8);
        const most = Math.abs(error) > GROSS_TICKS ? MAX_GROSS_SLEW_TICKS : MAX_SLEW_TICKS;
        this.#video.offset += Math.max(-most, Math.min(most, step));
      }
    }
    const pts = Math.max(timestamp + this.#video.offset, this.#lastVideoPts + 1);
    this.#lastVideoPts = pts;
    return pts;
  }

  /** Where on the timeline a timestamp is by what is known now, without slewing. In microseconds. */
  captureUs(kind: 'audio' | 'video', timestamp: number): number {
    const track = this.#track(kind);
    const offset = kind === 'video' ? (this.#videoTarget()?.offset ?? track.offset) : track.offset;
    return rescale(timestamp + offset, track.clockRate, 1_000_000);
  }

  #track(kind: 'audio' | 'video'): TrackClock {
    return kind === 'audio' ? this.#audio : this.#video;
  }

  /** The video offset that is right by what is known now; nothing while there is no audio to align to. */
  #videoTarget(): { offset: number; toleranceUs: number } | undefined {
    const audioFloorUs = this.#audio.leastTransitUs;
    const videoFloorUs = this.#video.leastTransitUs;
    if (audioFloorUs === undefined || videoFloorUs === undefined) return undefined;
    const audioOffsetUs = rescale(this.#audio.offset, AUDIO_RATE, 1_000_000);
    // The packets that travelled fastest are taken to have travelled equally long.
    const byArrivalUs = videoFloorUs - audioFloorUs + audioOffsetUs;
    const byReportsUs = this.#byReports(audioOffsetUs);
    const trusted = byReportsUs !== undefined && Math.abs(byReportsUs - byArrivalUs) < MAX_IMPLAUSIBLE_US;
    return {
      offset: rescale(Math.round(trusted ? byReportsUs : byArrivalUs), 1_000_000, VIDEO_TIMESCALE),
      toleranceUs: trusted ? REPORT_TOLERANCE_US : ARRIVAL_TOLERANCE_US,
    };
  }

  #byReports(audioOffsetUs: number): number | undefined {
    const audio = this.#audio.report;
    const video = this.#video.report;
    if (!audio || !video) return undefined;
    const audioUs = rescale(audio.timestamp, AUDIO_RATE, 1_000_000) + audioOffsetUs;
    return audioUs + (video.ntpUs - audio.ntpUs) - rescale(video.timestamp, VIDEO_TIMESCALE, 1_000_000);
  }
}
