import type { PictureDetector, Report } from '../detector.js';
import { standStill } from '../severity.js';
import { MOTION, RecentMotion } from './recent-motion.js';
import type { PictureLook } from './picture-look.js';

const MIN_FREEZE_MS = 250;
const MIN_BLACK_MS = 80;
/** Luma of black is 16; dithering and coding lift it a little. */
const BLACK_LUMA = 20;
const BLACK_PEAK = 34;
/** Coding noise on a still, as the mean over the small picture's luma. */
const STILL_DIFFERENCE = 0.06;
/** An encoder takes a picture or two to bring a still to its final quality: they differ, but nothing moves in them. */
const MAX_REFINED = 2;

interface Run {
  readonly from: PictureLook;
  pictures: number;
  lastMs: number;
  /** How much moved right before it. */
  readonly motion: number;
  /** By what was before it, it may well be meant: a slide, the end of a fade. */
  readonly isPrepared: boolean;
}

/** What may turn out to be the beginning of a still. */
interface Settling {
  readonly from: PictureLook;
  readonly pictures: number;
}

/** `freeze`: the same picture again and again. `black`: nothing in it. */
export class Stills implements PictureDetector {
  readonly #report: Report;
  #last: PictureLook | undefined;
  #freeze: Run | undefined;
  #black: Run | undefined;
  /** How much moved last. */
  #motion = 0;
  readonly #recent = new RecentMotion();
  #settling: Settling | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  picture(look: PictureLook): void {
    const difference = this.#last === undefined ? 255 : meanDifference(this.#last.luma, look.luma);
    const isBlack = isBlackPicture(look.luma);
    if (isBlack) {
      const isPrepared = this.#black === undefined && this.#recent.darkens();
      this.#black = grow(this.#black, look, { start: look, pictures: 0, motion: this.#motion, isPrepared });
    } else this.#endBlack(look);
    // Black pictures are alike: one finding is enough.
    if (difference < STILL_DIFFERENCE && !isBlack && this.#last !== undefined) {
      const { from = this.#last, pictures = 0 } = this.#settling ?? {};
      this.#settling = undefined;
      const isPrepared = this.#freeze === undefined && !this.#recent.movesUpTo(from.timeMs);
      this.#freeze = grow(this.#freeze, look, { start: from, pictures, motion: this.#motion, isPrepared });
    } else {
      this.#endFreeze(look, difference);
      this.#move(difference);
    }
    if (this.#last !== undefined) this.#recent.add(look, difference);
    this.#last = look;
  }

  /** A picture that differs so much from the last one; before the first nothing moved. */
  #move(difference: number): void {
    if (this.#last === undefined) return;
    const { from = this.#last, pictures = 0 } = this.#settling ?? {};
    if (difference < MOTION && this.#motion >= MOTION && pictures < MAX_REFINED) {
      this.#settling = { from, pictures: pictures + 1 };
      return;
    }
    this.#settling = undefined;
    this.#motion = difference;
  }

  end(): void {
    this.#endBlack(undefined);
    this.#endFreeze(undefined, 0);
  }

  #endFreeze(next: PictureLook | undefined, motionAfter: number): void {
    const run = this.#freeze;
    this.#freeze = undefined;
    if (run === undefined) return;
    const lengthMs = (next?.timeMs ?? run.lastMs) - run.from.timeMs;
    if (lengthMs < MIN_FREEZE_MS) return;
    const isPlausible = run.isPrepared || run.motion < MOTION || (next !== undefined && motionAfter < MOTION);
    this.#tell('freeze', run, {
      lengthMs,
      isPlausible,
      cause: 'the sender repeats its last picture: a stalled camera or encoder, or loss hidden by repeating',
    });
  }

  #endBlack(next: PictureLook | undefined): void {
    const run = this.#black;
    this.#black = undefined;
    if (run === undefined) return;
    const lengthMs = (next?.timeMs ?? run.lastMs) - run.from.timeMs;
    if (lengthMs < MIN_BLACK_MS) return;
    this.#tell('black', run, {
      lengthMs,
      // A cut to black at the very beginning or end is a fade.
      isPlausible: run.isPrepared || next === undefined || run.motion === 0,
      cause: 'no picture came in: a lost source, or a switch that waited for one',
    });
  }

  #tell(
    kind: 'freeze' | 'black',
    run: Run,
    { lengthMs, isPlausible, cause }: { lengthMs: number; isPlausible: boolean; cause: string },
  ): void {
    this.#report({
      kind,
      medium: 'video',
      ...standStill(lengthMs, isPlausible),
      timeMs: run.from.timeMs,
      durationMs: lengthMs,
      unit: run.from.unit,
      byteOffset: run.from.byteOffset,
      measured: { pictures: run.pictures + 1, lengthMs: Math.round(lengthMs) },
      cause,
    });
  }
}

function grow(
  run: Run | undefined,
  look: PictureLook,
  first: Pick<Run, 'pictures' | 'motion' | 'isPrepared'> & { readonly start: PictureLook },
): Run {
  const { start, ...others } = first;
  const grown = run ?? { ...others, from: start, lastMs: look.timeMs };
  grown.pictures++;
  grown.lastMs = look.timeMs;
  return grown;
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

function isBlackPicture(luma: Uint8Array): boolean {
  let sum = 0;
  for (const value of luma) {
    if (value > BLACK_PEAK) return false;
    sum += value;
  }
  return sum / luma.length <= BLACK_LUMA;
}
