import { rescale, MICROSECONDS, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { AccessUnit, AudioUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import type { PcmBlock } from '../media/pcm.js';
import { ClockMap, type MediaKind } from './clock-map.js';
import { GopBuffer } from './gop-buffer.js';
import type { ProgramMixInput } from './ports.js';

/** A lost request or a lost IDR must not wedge anything: ask until one comes. */
const ASK_AGAIN_US = 300_000;
/** Pictures of which the usual distance is taken. */
const PTS_KEPT = 16;
/** A medium that pauses for this long has stalled: nothing more of it is waited for. */
const STALL_US = 400_000;
/** The same in picture durations, for participants that send few pictures. */
const STALL_PICTURES = 4;
const MAX_STALL_US = 2_500_000;

/** When the last unit of a kind came, and when it was read. */
export class LastUnit {
  constructor(
    readonly arrivalUs: number,
    readonly readUs: number,
  ) {}

  /** For how long none has come since, as far as has been heard; what waits to be read is no silence. */
  silenceUs(nowUs: number, heardUs: number): number {
    return Math.min(nowUs - this.readUs, heardUs - this.arrivalUs);
  }
}

/** One participant as the program sees it: its clock, the GOP under way, its place in the mixer. */
export class ParticipantMedia {
  readonly id: string;
  settings: ParticipantSettings;
  canRequestKeyframe: boolean;
  input: ProgramMixInput;
  readonly gop = new GopBuffer();
  /** Whether a media session is under way. */
  active = false;
  /** System clock when the last IDR of the session arrived. */
  lastIdrUs: number | undefined;
  /** System clock of the first unit of the session. */
  firstUnitUs: number | undefined;
  #map = new ClockMap();
  #last: Partial<Record<MediaKind, LastUnit>> = {};
  #wantsIdr = false;
  #askedUs = -Infinity;
  #recentPts: number[] = [];

  constructor(id: string, settings: ParticipantSettings, input: ProgramMixInput) {
    this.id = id;
    this.settings = settings;
    this.canRequestKeyframe = false;
    this.input = input;
  }

  get map(): ClockMap {
    return this.#map;
  }

  /** A new media session: another timeline, nothing of the old one counts. */
  beginSession(): void {
    this.endSession();
    this.active = true;
    this.input.reset();
  }

  endSession(): void {
    this.active = false;
    this.#map = new ClockMap();
    this.gop.clear();
    this.#recentPts = [];
    this.#wantsIdr = false;
    this.#last = {};
    this.lastIdrUs = undefined;
    this.firstUnitUs = undefined;
  }

  /** Whether the session has brought any of this kind. */
  has(kind: MediaKind): boolean {
    return this.#last[kind] !== undefined;
  }

  /** The session's last unit of either kind. */
  get newest(): LastUnit | undefined {
    const { audio, video } = this.#last;
    return (audio?.arrivalUs ?? -Infinity) > (video?.arrivalUs ?? -Infinity) ? audio : video;
  }

  /** A pause of the pictures that is longer than this is no longer jitter, in µs. */
  get stallUs(): number {
    const usual = rescale(this.pictureDuration ?? 0, VIDEO_TIMESCALE, MICROSECONDS);
    return Math.min(MAX_STALL_US, Math.max(STALL_US, STALL_PICTURES * usual));
  }

  /** Whether units of this kind keep coming. */
  flows(kind: MediaKind, nowUs: number, heardUs: number): boolean {
    const last = this.#last[kind];
    if (last === undefined) return false;
    return last.silenceUs(nowUs, heardUs) < (kind === 'video' ? this.stallUs : STALL_US);
  }

  /** Takes note of a unit that is read at `nowUs`; nothing is decoded yet. */
  observe(unit: AccessUnit, arrivalUs: number, nowUs: number): void {
    this.firstUnitUs ??= arrivalUs;
    this.#last[unit.kind] = new LastUnit(arrivalUs, nowUs);
    this.#map.observe(unit.kind, completeAtUs(unit), arrivalUs);
    if (unit.kind === 'audio') return;
    if (unit.isIdr) {
      this.lastIdrUs = arrivalUs;
      this.#wantsIdr = false;
    }
    this.gop.push(unit);
    this.#recentPts.push(unit.pts);
    if (this.#recentPts.length > PTS_KEPT) this.#recentPts.shift();
  }

  /** Decodes what of the current GOP the mixer has not seen. */
  feedVideo(offset: number): void {
    for (const unit of this.gop.takeNew()) this.input.pushVideo(unit, offset);
  }

  feedAudio(unit: AudioUnit, offset: number): PcmBlock | undefined {
    return this.input.pushAudio(unit, offset);
  }

  /** The usual distance of two pictures in 1/90000 s; `undefined` until some have come. */
  get pictureDuration(): number | undefined {
    if (this.#recentPts.length < 4) return undefined;
    const sorted = this.#recentPts.toSorted((a, b) => a - b);
    const steps = sorted.slice(1).map((pts, i) => pts - sorted[i]!);
    return steps.toSorted((a, b) => a - b)[steps.length >> 1];
  }

  /** Wants an IDR until one arrives. */
  wantIdr(): void {
    this.#wantsIdr = true;
  }

  /** @returns whether to ask the publisher for an IDR now */
  takeIdrRequest(nowUs: number): boolean {
    if (!this.#wantsIdr || !this.canRequestKeyframe || !this.active) return false;
    if (nowUs - this.#askedUs < ASK_AGAIN_US) return false;
    this.#askedUs = nowUs;
    return true;
  }
}

/** Time on the participant's timeline by which a live source can have sent the unit. */
function completeAtUs(unit: AccessUnit): number {
  if (unit.kind === 'video') return rescale(unit.dts, VIDEO_TIMESCALE, MICROSECONDS);
  return rescale(unit.pts + unit.durationSamples, unit.config.sampleRate, MICROSECONDS);
}
