import type { PictureDetector, Report } from '../detector.js';
import { standStill } from '../severity.js';
import { isBlack } from './black.js';
import { FADE_MS, isFade } from './fade.js';
import { cellsOf, isEven, movement } from './movement.js';
import type { PictureLook } from './picture-look.js';
import { MOTION, RecentMotion } from './recent-motion.js';

const MIN_FREEZE_MS = 250;
/** At the end of a capture nothing shows that anything went on meanwhile: only what is as long as this is told. */
const MIN_LAST_FREEZE_MS = 2000;
/** A picture that stays moves by less than this share of what is usual, and, once it has stayed for some pictures, by less than that one. */
const STILL = 0.15;
const STILL_ONCE_SETTLED = 0.3;
const SETTLED_PICTURES = 4;
/** And it stays where it was from the beginning: no further from there than this, or this share of what is usual. */
const DRIFT = 0.02;
const DRIFT_SHARE = 0.5;
/** Its first copies may differ by up to this share, evenly: B-frames come before the picture that refines them. */
const REFINED = 0.6;
const REFINED_PICTURES = 3;
/** What coding a picture anew may come to at a low rate. */
const CODED_ANEW = 1.5;
/** After a freeze more moves at once than from any picture to the next before it. */
const JUMP = 1.25;
/** B-frames blur the end of a freeze: the jump is among so many pictures after it. */
const PICTURES_AHEAD = 3;

/** A picture and what it is like beside the one before. */
interface Shown {
  readonly look: PictureLook;
  readonly before: PictureLook | undefined;
  readonly cells: Float32Array;
  readonly isBlack: boolean;
  /** From the picture before; 0 for the first. */
  readonly movement: number;
  /** Whether it differs from it everywhere alike. */
  readonly isEven: boolean;
}

interface Run {
  readonly from: PictureLook;
  /** What moved before it. */
  readonly motion: RecentMotion;
  /** By what was before it, it may well be meant: a slide, the end of a fade. */
  readonly isPrepared: boolean;
  /** What the pictures are compared with: the first copy, or the last that was coded anew. */
  anchor: Float32Array;
  pictures: number;
  last: Shown;
  /** What would have moved lately if it was meant. */
  motionSince: RecentMotion;
}

/** `freeze`: the same picture again and again, between motion. */
export class Freeze implements PictureDetector {
  readonly #report: Report;
  #ahead: Shown[] = [];
  #newest: Shown | undefined;
  /** The last {@link REFINED_PICTURES}. */
  #shown: readonly Shown[] = [];
  /** Of the last {@link FADE_MS}. */
  #looks: PictureLook[] = [];
  #motion = new RecentMotion();
  #run: Run | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  picture(look: PictureLook): void {
    const cells = cellsOf(look.luma);
    const before = this.#newest;
    this.#newest = {
      ...{ look, before: before?.look, cells, isBlack: isBlack(look) },
      movement: before === undefined ? 0 : movement(before.cells, cells),
      isEven: before !== undefined && isEven(before.cells, cells),
    };
    this.#ahead.push(this.#newest);
    if (this.#ahead.length > PICTURES_AHEAD) this.#show(this.#ahead.shift()!);
  }

  end(): void {
    while (this.#ahead.length > 0) this.#show(this.#ahead.shift()!);
    this.#endRun(undefined);
  }

  #show(shown: Shown): void {
    if (this.#stays(shown)) {
      this.#run ??= this.#begin(shown);
      this.#run.pictures++;
      this.#run.last = shown;
      this.#run.motionSince = this.#run.motionSince.after(step(shown));
      if (shown.look.isIdr) this.#run.anchor = shown.cells;
    } else {
      const isJump = this.#endRun(shown);
      if (shown.before !== undefined) this.#motion = this.#motion.after(step(shown, isJump));
    }
    this.#shown = [...this.#shown, shown].slice(-REFINED_PICTURES);
    // Times that go back, or stand still, are the time stamps' business: it is begun anew.
    if (this.#looks.length > 0 && shown.look.timeMs <= this.#looks.at(-1)!.timeMs) this.#looks = [];
    this.#looks.push(shown.look);
    while (this.#looks.length > 1 && this.#looks[1]!.timeMs <= shown.look.timeMs - FADE_MS)
      this.#looks.shift();
  }

  #stays({ look, before, cells, isBlack: isDark, movement: moved }: Shown): boolean {
    // Black pictures are alike: one finding is enough.
    if (before === undefined || isDark) return false;
    const run = this.#run;
    const { usual } = run?.motion ?? this.#motion;
    if (run === undefined) return moved < Math.max(MOTION, STILL * usual);
    if (look.isIdr) return moved < CODED_ANEW;
    const share = run.pictures < SETTLED_PICTURES ? STILL : STILL_ONCE_SETTLED;
    if (moved >= Math.max(MOTION, share * usual)) return false;
    return movement(run.anchor, cells) < Math.max(DRIFT, DRIFT_SHARE * usual);
  }

  #begin(first: Shown): Run {
    const motion = this.#motion;
    const { before: stays, cells: anchor } = first;
    const isPrepared = !motion.isMotion || motion.isCutTo(stays!.timeMs) || isFade(this.#looks);
    const moved = this.#shown.findLastIndex(
      (shown) => shown.look.isIdr || !shown.isEven || shown.movement >= REFINED * motion.usual,
    );
    const refined = this.#shown.slice(moved + 1);
    const from = refined[0]?.before ?? stays!;
    return {
      from,
      motion,
      isPrepared,
      anchor,
      pictures: 1 + refined.length,
      last: first,
      motionSince: motion,
    };
  }

  /**
   * @param next the first picture that moves again
   * @returns whether it was a freeze, and what moves is what was missed
   */
  #endRun(next: Shown | undefined): boolean {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return false;
    const lengthMs = (next ?? run.last).look.timeMs - run.from.timeMs;
    const isMeant = run.isPrepared || !this.#isMissed(run, lengthMs, next);
    if (lengthMs >= MIN_FREEZE_MS) this.#tell(run, lengthMs, isMeant);
    const isFreeze = lengthMs >= MIN_FREEZE_MS && !isMeant;
    if (!isFreeze) this.#motion = run.motionSince;
    return isFreeze;
  }

  /** Whether something went on meanwhile that is not shown. */
  #isMissed({ motion, last }: Run, lengthMs: number, next: Shown | undefined): boolean {
    if (next === undefined) return lengthMs >= MIN_LAST_FREEZE_MS;
    // The picture with which it goes on may be the IDR that was taken for one more of the same.
    const jumps = [next, ...this.#ahead, ...(last.look.isIdr ? [last] : [])].map((shown) => shown.movement);
    return Math.max(...jumps) > JUMP * motion.largest;
  }

  #tell({ from, pictures }: Run, lengthMs: number, isMeant: boolean): void {
    this.#report({
      kind: 'freeze',
      medium: 'video',
      ...standStill(lengthMs, isMeant),
      timeMs: from.timeMs,
      durationMs: lengthMs,
      unit: from.unit,
      byteOffset: from.byteOffset,
      measured: { pictures, lengthMs: Math.round(lengthMs) },
      cause: 'the sender repeats its last picture: a stalled camera or encoder, or loss hidden by repeating',
    });
  }
}

function step(
  { look, before, movement: moved }: Shown,
  isJump = false,
): Parameters<RecentMotion['after']>[0] {
  const lengthMs = Math.max(0, look.timeMs - (before?.timeMs ?? look.timeMs));
  return { timeMs: look.timeMs, lengthMs, movement: moved, isIdr: look.isIdr, isJump };
}
