import { RateMeter } from '../base/rate-meter.js';
import { VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { ProgramUnit } from '../media/program-sink.js';
import type { TimelineEntry } from './room-api.js';

/** Entries kept of the mode timeline. */
const TIMELINE_LENGTH = 100;
/** A picture may be skipped when the source skips it; more is a gap that viewers see. */
const MAX_PICTURE_DURATIONS = 2.5;
/** Pictures held back so that B-frames are seen in the order they are shown. */
const REORDER_PICTURES = 4;

export interface PtsGap {
  readonly medium: 'audio' | 'video';
  readonly gapMs: number;
}

/** What is remembered of a running program: when it began, its switches, its bitrate, and steps in its timestamps. */
export class ProgramJournal {
  readonly startedAt = new Date().toISOString();
  readonly #pictureDuration: number;
  readonly #bits = new RateMeter();
  readonly #timeline: TimelineEntry[] = [];
  /** Newest pictures' pts, ascending. */
  readonly #newestPts: number[] = [];
  #shownPts: number | undefined;
  #audioEnd: number | undefined;

  /** @param fps of the program; a slower host is not in breach until it is slower than half of it */
  constructor(fps: number) {
    this.#pictureDuration = VIDEO_TIMESCALE / fps;
  }

  get timeline(): readonly TimelineEntry[] {
    return this.#timeline;
  }

  get bitrateBps(): number {
    return Math.round(this.#bits.perSecond());
  }

  noteSwitch(entry: Omit<TimelineEntry, 'at'>): void {
    this.#timeline.push({ at: new Date().toISOString(), ...entry });
    if (this.#timeline.length > TIMELINE_LENGTH) this.#timeline.shift();
  }

  /** @returns the gap before this unit, if there is one */
  noteUnit(unit: ProgramUnit): PtsGap | undefined {
    this.#bits.add(unit.data.length * 8);
    return unit.kind === 'video' ? this.#videoStep(unit.pts) : this.#audioStep(unit);
  }

  #videoStep(pts: number): PtsGap | undefined {
    this.#newestPts.push(pts);
    this.#newestPts.sort((a, b) => a - b);
    if (this.#newestPts.length <= REORDER_PICTURES) return undefined;
    const shown = this.#newestPts.shift() ?? pts;
    const step = this.#shownPts === undefined ? 0 : shown - this.#shownPts;
    this.#shownPts = shown;
    if (step <= this.#pictureDuration * MAX_PICTURE_DURATIONS) return undefined;
    return { medium: 'video', gapMs: (step * 1000) / VIDEO_TIMESCALE };
  }

  #audioStep(unit: ProgramUnit & { kind: 'audio' }): PtsGap | undefined {
    const gap = this.#audioEnd === undefined ? 0 : unit.pts - this.#audioEnd;
    this.#audioEnd = unit.pts + unit.durationSamples;
    return gap === 0 ? undefined : { medium: 'audio', gapMs: (gap * 1000) / unit.config.sampleRate };
  }
}
