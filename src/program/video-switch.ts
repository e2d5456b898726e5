import type { VideoUnit } from '../media/access-unit.js';
import type { Mode, ProgramSource } from '../media/program-settings.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { isCleanCut } from './cut.js';
import { MixPictures } from './mix-pictures.js';
import type { Who } from './ports.js';
import type { VideoSwitchPort } from './switch-port.js';
import { TickGrid } from './ticker.js';

/** What the program should be made of: the host's own units, the mix, or nothing yet. */
export type Want = 'relay' | 'mix' | 'none';

type Phase =
  | { readonly name: 'idle'; readonly sinceUs: number }
  | { readonly name: 'relay' }
  /** Still relaying; the mixer's decoders warm up. */
  | { readonly name: 'prepare'; readonly deadlineUs: number; warmPts: number; readyUs?: number }
  | { readonly name: 'mix'; readonly grid: TickGrid }
  /** Still mixing; an IDR of the host is awaited. */
  | { readonly name: 'return'; readonly grid: TickGrid }
  /** Still mixing up to `from`; the host's units from there on are kept. */
  | { readonly name: 'drain'; readonly grid: TickGrid; readonly from: number; readonly kept: VideoUnit[] };

/** How long a switch waits for the guests' first pictures; they get placeholders afterwards. */
const PREPARE_US = 250_000;
/** A host that sends nothing gives no clean place to cut; after this the cut is made without. */
const CUT_WAIT_US = 150_000;
/** Pictures are decoded for a switch in portions of this length (1/90000 s), so that the relay is not held up. */
const WARM_UP_STEP = VIDEO_TIMESCALE / 6;
/** No GOP that is kept is longer. */
const MAX_WARM_UP = 30 * VIDEO_TIMESCALE;
/** How long a mix waits for the host's first picture before it begins with a placeholder. */
const FIRST_PICTURE_US = 1_000_000;
/** Host units kept at a switch back; the mix is only its latency behind, so this is never reached in health. */
const MAX_KEPT = 240;
/**
 * Distance from the last relayed to the first mixed picture, in picture durations. The quarter keeps the grid clear of
 * the host's own picture times, so that their jitter does not decide which picture a tick shows.
 */
const CUT_STEP = 1.25;

/** Chooses, picture by picture, between the relay and the mix, and changes over between them. */
export class VideoSwitch {
  readonly #port: VideoSwitchPort;
  readonly #mix: MixPictures;
  #phase: Phase;
  #want: Want = 'none';
  #onAir: { readonly mode: Mode; readonly source: ProgramSource; readonly who: Who } | undefined;

  constructor(port: VideoSwitchPort, nowUs: number) {
    this.#port = port;
    this.#mix = new MixPictures(port);
    this.#phase = { name: 'idle', sinceUs: nowUs };
  }

  get phase(): Phase['name'] {
    return this.#phase.name;
  }

  get lateTicks(): number {
    return this.#mix.lateTicks;
  }

  /** Whether the participants' pictures must be decoded. */
  get decoding(): boolean {
    return this.#phase.name === 'idle' ? this.#want === 'mix' : this.#phase.name !== 'relay';
  }

  /** Whether the mix is what viewers see. */
  get mixing(): boolean {
    return this.#phase.name === 'mix' || this.#phase.name === 'return' || this.#phase.name === 'drain';
  }

  get source(): ProgramSource {
    return this.#onAir?.source ?? 'relay';
  }

  /** The next mixed picture shall be an IDR. */
  wantKeyframe(): void {
    this.#mix.wantKeyframe();
  }

  /** The mixer's encoder is a new one. */
  encoderReplaced(): void {
    if (this.mixing) this.#port.timeline.expectIdr();
  }

  /** The program is over, or has not begun. */
  stop(nowUs: number): void {
    this.#phase = { name: 'idle', sinceUs: nowUs };
    this.#onAir = undefined;
    this.#port.timeline.expectIdr();
  }

  /** Times already are the program's. */
  onHostVideo(unit: VideoUnit, nowUs: number): void {
    const phase = this.#phase;
    switch (phase.name) {
      case 'idle':
        if (this.#want === 'relay' && unit.isIdr) {
          this.#port.begin(unit.pts);
          this.#startRelay([unit]);
        }
        return;
      case 'prepare':
        if (this.#isReady(phase, nowUs) && unit.pts > this.#port.timeline.lastVideoPts && isCleanCut(unit)) {
          this.#cut();
        } else {
          this.#relay(unit);
        }
        return;
      case 'relay':
        this.#relay(unit);
        return;
      case 'mix':
        return;
      case 'return':
        if (unit.isIdr) this.#drainTo(unit, phase.grid);
        return;
      case 'drain':
        phase.kept.push(unit);
        if (phase.kept.length > MAX_KEPT) this.#startRelay(phase.kept);
        return;
    }
  }

  /**
   * Does what is due: changes of phase, at most one mixed picture.
   *
   * @returns whether more is due already
   */
  advance(nowUs: number, want: Want): boolean {
    if (want !== this.#want) this.#wantChanged(want, nowUs);
    const phase = this.#phase;
    switch (phase.name) {
      case 'idle':
        if (this.#want === 'mix' && this.#mayBeginMix(phase.sinceUs, nowUs)) this.#beginMix(nowUs);
        return false;
      case 'relay':
        return false;
      case 'prepare':
        if (this.#cutOverdue(phase, nowUs)) this.#cut();
        else return this.#warmUp(phase);
        return false;
      case 'mix':
      case 'return':
        return this.#tick(phase.grid, nowUs);
      case 'drain':
        if (phase.grid.next > phase.from - phase.grid.duration / 2) {
          this.#startRelay(phase.kept);
          return false;
        }
        return this.#tick(phase.grid, nowUs);
    }
  }

  #wantChanged(want: Want, nowUs: number): void {
    this.#want = want;
    const phase = this.#phase;
    if (phase.name === 'idle') {
      this.#phase = { name: 'idle', sinceUs: nowUs };
      if (want === 'mix') this.#port.feedMixer();
      return;
    }
    if (want === 'mix') {
      if (phase.name === 'relay') {
        const warmPts = this.#port.feedMixer();
        this.#phase = { name: 'prepare', deadlineUs: nowUs + PREPARE_US, warmPts };
      } else if (phase.name === 'return' || phase.name === 'drain') {
        this.#phase = { name: 'mix', grid: phase.grid };
        // Whoever asked waits for an answer, although the source has not changed.
        this.#onAir = undefined;
      }
    } else if (want === 'relay') {
      if (phase.name === 'prepare') {
        this.#phase = { name: 'relay' };
        this.#announce('relay', this.#port.timeline.lastVideoPts, true);
      } else if (phase.name === 'mix') {
        this.#phase = { name: 'return', grid: phase.grid };
        this.#port.wantHostIdr();
      }
    }
  }

  #mayBeginMix(sinceUs: number, nowUs: number): boolean {
    return this.#port.hostPicturePts() !== undefined || nowUs - sinceUs > FIRST_PICTURE_US;
  }

  #beginMix(nowUs: number): void {
    const { clock, timeline } = this.#port;
    const now = clock.now(nowUs);
    const wait = this.#port.videoWait();
    const start = this.#port.hostPicturePts() ?? now - wait;
    const pts = Math.max(start, now - 2 * wait, timeline.lastVideoPts + 1, 0);
    this.#port.begin(pts);
    this.#startMix(pts);
  }

  /** Decodes the next few pictures of the GOPs. @returns whether there are more */
  #warmUp(phase: Phase & { name: 'prepare' }): boolean {
    const target = this.#port.timeline.lastVideoPts;
    phase.warmPts = Math.min(target, Math.max(phase.warmPts, target - MAX_WARM_UP) + WARM_UP_STEP);
    this.#port.warmUp(phase.warmPts);
    return phase.warmPts < target;
  }

  #isReady(phase: Phase & { name: 'prepare' }, nowUs: number): boolean {
    const warm = phase.warmPts >= this.#port.timeline.lastVideoPts - WARM_UP_STEP;
    if (nowUs >= phase.deadlineUs || (warm && this.#port.mixReady())) phase.readyUs ??= nowUs;
    return phase.readyUs !== undefined;
  }

  #cutOverdue(phase: Phase & { name: 'prepare' }, nowUs: number): boolean {
    if (!this.#port.hostFlows()) return true;
    return this.#isReady(phase, nowUs) && nowUs - (phase.readyUs ?? nowUs) > CUT_WAIT_US;
  }

  #cut(): void {
    const duration = rescale(1, this.#port.settings().fps, VIDEO_TIMESCALE);
    const step = Math.min(duration, this.#port.hostPictureDuration() ?? duration);
    this.#startMix(this.#port.timeline.lastVideoPts + Math.round(CUT_STEP * step));
  }

  #startMix(pts: number): void {
    this.#port.timeline.expectIdr();
    this.#phase = { name: 'mix', grid: new TickGrid(pts, this.#port.settings().fps) };
  }

  #drainTo(idr: VideoUnit, grid: TickGrid): void {
    if (idr.pts <= this.#port.timeline.lastVideoPts) {
      // The mix is already past it.
      this.#port.wantHostIdr();
      return;
    }
    this.#phase = { name: 'drain', grid, from: idr.pts, kept: [idr] };
  }

  #startRelay(units: readonly VideoUnit[]): void {
    this.#port.timeline.expectIdr();
    this.#phase = { name: 'relay' };
    for (const unit of units) this.#relay(unit);
  }

  #relay(unit: VideoUnit): void {
    if (!this.#port.timeline.video(unit, 'relay')) {
      this.#port.wantHostIdr();
    } else if (this.#phase.name === 'relay') {
      this.#announce('relay', unit.pts);
    }
  }

  #tick(grid: TickGrid, nowUs: number): boolean {
    return this.#mix.tick(grid, nowUs, (source, pts) => this.#announce(source, pts));
  }

  #announce(source: ProgramSource, pts: number, again = false): void {
    const mode = this.#port.mode();
    const who = source === 'relay' ? 'host' : this.#port.scene().who;
    const before = this.#onAir;
    if (!again && before?.mode === mode && before.source === source && before.who === who) return;
    this.#onAir = { mode, source, who };
    const isFinal = this.#phase.name === 'relay' || this.#phase.name === 'mix';
    this.#port.changed({ mode, source, who, pts, isFinal });
  }
}
