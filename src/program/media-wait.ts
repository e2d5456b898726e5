import type { ProgramSettings } from '../media/program-settings.js';
import { MICROSECONDS, rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { MediaKind } from './clock-map.js';
import type { MixStage } from './mix-stage.js';
import type { ParticipantMedia } from './participant-media.js';
import type { Who } from './ports.js';
import type { ProgramClock } from './program-clock.js';

/**
 * The longest that the program waits for a late unit, whatever the network is like, unless the room is set to wait
 * longer. A lost packet is asked for again for 300 ms at most; the rest is for jitter on top of that.
 */
const MAX_WAIT_US = 500_000;
/** On top of the lateness that was seen. */
const MARGIN_US = 20_000;
/**
 * A missing piece of a relayed host's sound is waited for at least so long, with no jitter seen: as long as a lost packet
 * is asked for again. Pictures go on meanwhile, and players hold more than that in store.
 */
const MIN_RELAY_WAIT_US = 300_000;
/** Silence follows the clock by so much where a relayed host sends no sound. */
const SILENCE_WAIT_US = 80_000;
/** Pictures older than this (1/90000 s) do not make a guest ready for a switch. */
const RECENT = VIDEO_TIMESCALE / 2;

export interface MediaWaitOptions {
  readonly stage: MixStage;
  readonly clock: ProgramClock;
  readonly settings: () => ProgramSettings;
  /** Whose pictures are mixed. */
  readonly seen: () => Who;
  /** System time, and that up to which what arrived has been read; both in µs. */
  readonly nowUs: () => number;
  readonly heardUs: () => number;
}

/**
 * What of everybody's media is there, and how long what is late is waited for: as long as the recent units of those
 * whose media keep coming were late. So a jittery network costs latency instead of holes, and a good one nothing,
 * since nothing waits for what is there.
 */
export class MediaWait {
  readonly #options: MediaWaitOptions;

  constructor(options: MediaWaitOptions) {
    this.#options = options;
  }

  /** How long after its time a picture is waited for, in 1/90000 s. */
  video(): number {
    const flowing = this.#flowing('video', this.#options.stage.onAir(this.#options.seen()));
    return usToVideoTicks(waitUs(flowing, 'video', this.#leastUs()));
  }

  /** Whether everybody on air whose pictures keep coming has one of program time `pts` or later. */
  hasPictures(pts: number): boolean {
    return this.#flowing('video', this.sendingPictures()).every(
      ({ input }) => (input.newestPicturePts ?? -Infinity) >= pts,
    );
  }

  /** Whether everybody on air shows a recent picture, as far as they send any. */
  mixReady(): boolean {
    const recent = this.#options.clock.now(this.#options.heardUs()) - RECENT;
    return this.sendingPictures().every(({ input }) => (input.newestPicturePts ?? -Infinity) >= recent);
  }

  /**
   * Program time (samples) up to which sound can be made: as far as everybody's is there, and where some is late as far
   * as it has been waited for.
   *
   * @param who is heard
   * @param relayed whether it is a host who is relayed
   */
  audioLimit(who: Who, relayed: boolean): number {
    const { stage, clock } = this.#options;
    const { audioSampleRate } = this.#options.settings();
    const flowing = this.#flowing(
      'audio',
      stage.onAir(who).filter(({ settings: { muted } }) => !muted),
    );
    const now = clock.now(this.#options.heardUs());
    const toSamples = (pts: number): number => rescale(pts, VIDEO_TIMESCALE, audioSampleRate);
    const relayUs = flowing.length === 0 ? SILENCE_WAIT_US : MIN_RELAY_WAIT_US;
    const leastUs = relayed ? relayUs : this.#leastUs();
    const overdue = toSamples(now - usToVideoTicks(waitUs(flowing, 'audio', leastUs)));
    if (flowing.length === 0) return overdue;
    const complete = Math.min(...flowing.map(({ input }) => input.audioEndPts ?? overdue));
    // Sound that claims to be from the future does not drag the program there.
    return Math.max(overdue, Math.min(complete, toSamples(now + VIDEO_TIMESCALE)));
  }

  sendingPictures(): ParticipantMedia[] {
    return this.#options.stage.onAir(this.#options.seen()).filter((participant) => participant.has('video'));
  }

  #leastUs(): number {
    return rescale(this.#options.settings().mixLatencyMs, 1_000, MICROSECONDS);
  }

  #flowing(kind: MediaKind, participants: readonly ParticipantMedia[]): ParticipantMedia[] {
    const nowUs = this.#options.nowUs();
    const heardUs = this.#options.heardUs();
    return participants.filter((participant) => participant.flows(kind, nowUs, heardUs));
  }
}

/** @param leastUs waited for in any case, in µs */
function waitUs(participants: readonly ParticipantMedia[], kind: MediaKind, leastUs: number): number {
  const lateness = Math.max(0, ...participants.map(({ map }) => map.latenessUs(kind)));
  return Math.max(leastUs, Math.min(MAX_WAIT_US, lateness + MARGIN_US));
}

export function usToVideoTicks(us: number): number {
  return rescale(Math.round(us), MICROSECONDS, VIDEO_TIMESCALE);
}
