import type { VideoUnit } from '../media/access-unit.js';
import type { Mode, ProgramSettings, ProgramSource } from '../media/program-settings.js';
import type { RenderVideoOptions, Who } from './ports.js';
import type { ProgramClock } from './program-clock.js';
import type { ProgramTimeline } from './timeline.js';

/** What the making of mixed pictures asks of the program around it. */
export interface MixPort {
  readonly clock: ProgramClock;
  readonly timeline: ProgramTimeline;
  settings(): ProgramSettings;
  /** Whose pictures are mixed, and whether the host is gone. */
  scene(): { readonly who: Who; readonly slate: boolean };
  /** Whether everybody on air whose pictures keep coming has one of `pts` or later. */
  hasPictures(pts: number): boolean;
  /** How long after its time a picture is waited for, in 1/90000 s. */
  videoWait(): number;
  /** How far the reading of units is behind their arrival, in 1/90000 s. */
  backlog(): number;
  /** @returns `undefined` when the mixer failed */
  render(pts: number, options: RenderVideoOptions): VideoUnit | undefined;
}

/** What the switch asks of the program around it. */
export interface VideoSwitchPort extends MixPort {
  mode(): Mode;
  /**
   * Gives the mixer the current GOPs of everybody on air.
   *
   * @returns where the oldest of them begins, in program time
   */
  feedMixer(): number;
  /** Whether everybody on air shows a recent picture, as far as they send any. */
  mixReady(): boolean;
  /** Program time of the newest picture of the host that is known. */
  hostPicturePts(): number | undefined;
  /** Whether the host's pictures keep coming. */
  hostFlows(): boolean;
  /** Usual distance of the host's pictures in 1/90000 s. */
  hostPictureDuration(): number | undefined;
  /** An IDR of the host is needed, until one arrives. */
  wantHostIdr(): void;
  /** Decodes up to `pts` in the shadow of the relay. */
  warmUp(pts: number): void;
  /** The first picture of the program is about to go out. */
  begin(pts: number): void;
  /** From `pts` on the program has this source and scene. */
  changed(change: SourceChange): void;
}

export interface SourceChange {
  readonly mode: Mode;
  readonly source: ProgramSource;
  readonly who: Who;
  readonly pts: number;
  /** Whether this is where the program was asked to go, or only a station on the way back to the relay. */
  readonly isFinal: boolean;
}
