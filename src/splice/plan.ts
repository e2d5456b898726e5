import { FRAME } from './piece.js';

/** Faster or slower than this is heard as a change of pitch (JND about 0.2–0.35 %). */
export const MAX_RATE_CHANGE = 0.002;
/** What is enough where there is so much sound that {@link STRETCHED_SHARE} of it will do. */
const EASY_RATE_CHANGE = 0.001;
/** Of the sound before a seam, more than this is stretched only where that is too fast: the rest is passed through. */
const STRETCHED_SHARE = 0.25;
/** A stretch that is passed through has at least this many frames: fewer are not worth two bridges. */
export const MIN_PASSED_FRAMES = 10;

export interface PieceToPlan {
  readonly length: number;
  /** Where the piece's units begin, in samples from its in point; any unit will do. Absent: nothing can be passed. */
  readonly gridOffset?: number | undefined;
}

/**
 * A stretch in which program time t plays the sound of true time `trueStart + (t − start) * rate`. True time is that of
 * the pieces laid end to end, sample by sample. Without `trueStart` it is silent.
 */
export interface WarpSegment {
  readonly start: number;
  readonly end: number;
  readonly trueStart: number | undefined;
  readonly rate: number;
}

/** Where a piece is on the grid, so that its own units can be passed through. Program time. */
export interface GridRegion {
  readonly piece: number;
  readonly start: number;
  readonly end: number;
  /** Program time less true time; positive is late. At most half a frame. */
  readonly offset: number;
}

export interface SplicePlan {
  /** Frames of the program begin at this plus multiples of {@link FRAME}; 0…FRAME−1. */
  readonly gridPhase: number;
  readonly segments: readonly WarpSegment[];
  readonly regions: readonly GridRegion[];
  /** Of each piece in true time. */
  readonly starts: readonly number[];
  /** Offset at which each piece's sound ends up (the first one's is 0). */
  readonly offsets: readonly number[];
  /** Length of the program in program time. */
  readonly length: number;
}

interface Transition {
  /** True time in which the offset changes. */
  readonly from: number;
  readonly to: number;
  readonly offsetAfter: number;
}

/**
 * Lays pieces end to end and brings the units of each onto one grid. Each piece is rounded to the nearest frame from its
 * true time, so offsets never add up; the change from one offset to the next is spread over so much sound, before the
 * seam and where that is short after it, that nobody hears it. A piece that is too short for that is not put on the
 * grid: all of it is encoded anew.
 *
 * @param options.rescale false leaves changes of offset unspread: silence where one is positive, a cut where negative
 */
export function planSplice(
  pieces: readonly PieceToPlan[],
  options: { readonly rescale: boolean },
): SplicePlan {
  const starts: number[] = [];
  let trueEnd = 0;
  for (const { length } of pieces) {
    starts.push(trueEnd);
    trueEnd += length;
  }
  const borders = pieces.map(({ gridOffset }, i) =>
    gridOffset === undefined ? undefined : modulo(gridOffset + (starts[i] ?? 0), FRAME),
  );
  const gridPhase = borders.find((border) => border !== undefined) ?? 0;
  const transitions: Transition[] = [];
  const gridded: { piece: number; from: number; offset: number }[] = [];
  const offsets: number[] = [];
  let offset = 0;
  // No transition may begin before this, so that the piece on the grid before it keeps some frames.
  let earliest = 0;
  for (const [index, { length }] of pieces.entries()) {
    const start = starts[index] ?? 0;
    const border = borders[index];
    if (border !== undefined) {
      const wanted = nearest(modulo(gridPhase - border, FRAME));
      const transition = transitionTo(wanted, { offset, start, length, earliest, rescale: options.rescale });
      if (transition !== undefined) {
        if (wanted !== offset) transitions.push(transition);
        offset = wanted;
        gridded.push({ piece: index, from: transition.to, offset });
        earliest = transition.to + MIN_PASSED_FRAMES * FRAME;
      }
    }
    offsets.push(offset);
  }
  const regions = gridded.map(({ piece, from, offset: at }): GridRegion => {
    const end = (starts[piece] ?? 0) + (pieces[piece]?.length ?? 0);
    const next = transitions.find((one) => one.from > from || (one.from === from && one.to > from));
    return { piece, start: from + at, end: Math.min(end, next?.from ?? end) + at, offset: at };
  });
  const segments = warp(transitions, trueEnd);
  return { gridPhase, segments, regions, starts, offsets, length: segments.at(-1)?.end ?? 0 };
}

/** How much of program time from `start` to `end` plays faster or slower, in samples. */
export function stretchedSamples({ segments }: SplicePlan, start: number, end: number): number {
  return segments
    .filter(({ rate }) => rate !== 1)
    .reduce((sum, one) => sum + Math.max(0, Math.min(one.end, end) - Math.max(one.start, start)), 0);
}

/** @returns undefined when there is not enough sound to spread the change over */
function transitionTo(
  wanted: number,
  at: {
    readonly offset: number;
    readonly start: number;
    readonly length: number;
    readonly earliest: number;
    readonly rescale: boolean;
  },
): Transition | undefined {
  const change = at.rescale ? Math.abs(wanted - at.offset) : 0;
  const least = Math.ceil(change / MAX_RATE_CHANGE);
  const most = Math.ceil(change / EASY_RATE_CHANGE);
  const room = Math.max(0, at.start - at.earliest);
  const before = Math.min(room, most, Math.max(least, Math.floor(room * STRETCHED_SHARE)));
  const after = Math.max(0, least - before);
  if (after > 0 && after + MIN_PASSED_FRAMES * FRAME > at.length) return undefined;
  return { from: at.start - before, to: at.start + after, offsetAfter: wanted };
}

function warp(transitions: readonly Transition[], trueEnd: number): WarpSegment[] {
  const segments: WarpSegment[] = [];
  let at = 0;
  let offset = 0;
  const add = (start: number, end: number, trueStart: number | undefined, rate: number): void => {
    if (end > start) segments.push({ start, end, trueStart, rate });
  };
  for (const { from, to, offsetAfter } of transitions) {
    add(at + offset, from + offset, at, 1);
    if (to > from) {
      const start = from + offset;
      const end = to + offsetAfter;
      add(start, end, from, (to - from) / (end - start));
      at = to;
    } else {
      add(from + offset, from + offsetAfter, undefined, 1);
      at = from + Math.max(0, offset - offsetAfter);
    }
    offset = offsetAfter;
  }
  add(at + offset, trueEnd + offset, at, 1);
  return segments;
}

/** 0…FRAME−1 as the nearest equivalent offset. */
function nearest(remainder: number): number {
  return remainder > FRAME / 2 ? remainder - FRAME : remainder;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
