import type { Report } from '../detector.js';
import type { Sound } from '../signal/sound.js';
import { findClipped } from './clipped.js';
import { FRAME } from './frame.js';
import { placed, round } from './report-difference.js';
import type { Part, Stretch } from './stretch.js';

/** Only frames with such samples may have peaks that were cut off. */
const LOUD = 0.75;
/** So long without them ends a run; the first peak, hardly cut off, may lie so far before the next. */
const CALM_FRAMES = 14;
const BEFORE_FRAMES = 5;
/** In so many frames they are heard as distortion. */
const OFTEN_FRAMES = 5;

/** Runs of frames in which peaks were cut off that the reference has. */
export class Peaks {
  readonly #report: Report;
  #run: { readonly from: number; to: number; samples: number; overDb: number; frames: number } | undefined;

  #last = { from: -Infinity, to: -Infinity };

  constructor(report: Report) {
    this.#report = report;
  }

  /** @param stretch reads so much of the capture and of the reference at its own level */
  watch(sound: Sound, position: number, stretch: (from: number, length: number) => Stretch): void {
    if (this.#run !== undefined && position > this.#run.to + CALM_FRAMES * FRAME) this.end(sound);
    if (!isLoud(sound, position)) return;
    const before = BEFORE_FRAMES * FRAME;
    const from = position - before;
    const clipped = findClipped(stretch(from, before + FRAME), { from: before, to: before + FRAME });
    if (clipped === undefined) return;
    this.#run ??= { from: from + clipped.first, to: 0, samples: 0, overDb: 0, frames: 0 };
    const run = this.#run;
    run.to = position + FRAME;
    run.frames++;
    run.samples += clipped.samples;
    run.overDb = Math.max(run.overDb, clipped.overDb);
  }

  /** Whether a part of the capture lies in the last run, or the return from it. */
  explains({ from, to }: Part): boolean {
    const run = this.#run ?? this.#last;
    return from < run.to + CALM_FRAMES * FRAME && to > run.from - FRAME;
  }

  end(sound: Sound): void {
    if (this.#run === undefined) return;
    const { from, to, samples, overDb, frames } = this.#run;
    this.#last = { from, to };
    this.#run = undefined;
    const isOften = frames >= OFTEN_FRAMES;
    this.#report({
      ...placed(sound, from),
      severity: isOften ? 'major' : 'minor',
      reason: isOften ? 'peaks are cut off again and again: heard as distortion' : 'some peaks are cut off',
      kind: 'clipping',
      durationMs: sound.ms(to - from),
      measured: { samplesCutOff: samples, overFullScaleDb: round(overDb) },
      cause: 'too much gain on the way: peaks of the reference are flat in the capture',
    });
  }
}

function isLoud(sound: Sound, position: number): boolean {
  for (let channel = 0; channel < sound.channels; channel++) {
    if (sound.view(channel, position, position + FRAME).some((x) => x > LOUD || x < -LOUD)) return true;
  }
  return false;
}
