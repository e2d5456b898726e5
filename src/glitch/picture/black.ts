import type { PictureDetector, Report } from '../detector.js';
import { standStill } from '../severity.js';
import type { PictureLook } from './picture-look.js';

const MIN_BLACK_MS = 80;
/** Luma of black is 16; dithering and coding lift it a little. */
const BLACK_LUMA = 20;
const BLACK_PEAK = 34;
/** A fade darkens every one of so many pictures, by this much of luma each. */
const FADING_PICTURES = 5;
const FADING_STEP = 0.5;

interface Run {
  readonly from: PictureLook;
  pictures: number;
  lastMs: number;
  /** By what was before it, it may well be meant: the beginning, or the end of a fade. */
  readonly isPrepared: boolean;
}

/** `black`: nothing in the picture. */
export class Black implements PictureDetector {
  readonly #report: Report;
  #run: Run | undefined;
  /** Mean luma of the last pictures. */
  #brightness: readonly number[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  picture(look: PictureLook): void {
    if (!isBlack(look)) this.#end(look);
    else {
      this.#run ??= { from: look, pictures: 0, lastMs: 0, isPrepared: this.#darkens() };
      this.#run.pictures++;
      this.#run.lastMs = look.timeMs;
    }
    this.#brightness = [...this.#brightness, mean(look.luma)].slice(-FADING_PICTURES - 1);
  }

  end(): void {
    this.#end(undefined);
  }

  #darkens(): boolean {
    const last = this.#brightness;
    if (last.length === 0) return true;
    return (
      last.length > FADING_PICTURES &&
      last.every((brightness, i) => i === 0 || brightness < last[i - 1]! - FADING_STEP)
    );
  }

  #end(next: PictureLook | undefined): void {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    const lengthMs = (next?.timeMs ?? run.lastMs) - run.from.timeMs;
    if (lengthMs < MIN_BLACK_MS) return;
    this.#report({
      kind: 'black',
      medium: 'video',
      // A cut to black at the very end is a fade.
      ...standStill(lengthMs, run.isPrepared || next === undefined),
      timeMs: run.from.timeMs,
      durationMs: lengthMs,
      unit: run.from.unit,
      byteOffset: run.from.byteOffset,
      measured: { pictures: run.pictures, lengthMs: Math.round(lengthMs) },
      cause: 'no picture came in: a lost source, or a switch that waited for one',
    });
  }
}

export function isBlack({ luma }: PictureLook): boolean {
  return luma.every((value) => value <= BLACK_PEAK) && mean(luma) <= BLACK_LUMA;
}

function mean(luma: Uint8Array): number {
  let sum = 0;
  for (const value of luma) sum += value;
  return sum / luma.length;
}
