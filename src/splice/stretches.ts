import { FRAME, type SplicePiece } from './piece.js';
import { MIN_PASSED_FRAMES, type SplicePlan } from './plan.js';

/** Frames of the program that are a piece's own units. */
export interface PassedStretch {
  readonly piece: number;
  /** Frame numbers on the program's grid, both included. */
  readonly from: number;
  readonly to: number;
  /** Frame number less unit index. */
  readonly unitShift: number;
  /** The program begins, or ends, with it. */
  readonly opens: boolean;
  readonly closes: boolean;
}

/**
 * Where the plan lets units through. A unit spans two frames of time: what it shares with the frame before it, and with
 * the one after it, has to be its piece's own sound, and a decoder has to have been able to decode it there.
 */
export function passedStretches(
  plan: SplicePlan,
  pieces: readonly SplicePiece[],
  options: { readonly trims: boolean },
): PassedStretch[] {
  const found: PassedStretch[] = [];
  for (const region of plan.regions) {
    const piece = pieces[region.piece];
    const units = piece?.units;
    if (piece === undefined || units === undefined) continue;
    const shift = (plan.starts[region.piece] ?? 0) - piece.start + region.offset;
    const unitShift = Math.round((units.origin + shift - plan.gridPhase) / FRAME);
    const frameAt = (time: number): number => Math.floor((time - plan.gridPhase) / FRAME);
    const isFirst = region.piece === 0 && region.start === 0;
    const isLast = region.piece === pieces.length - 1 && region.end === plan.length;
    const opens =
      isFirst && units.origin + shift <= 0 && (options.trims || piece.start <= piece.available.from);
    const closes =
      isLast &&
      units.origin + units.count * FRAME >= piece.start + piece.length &&
      (options.trims || piece.start + piece.length >= piece.available.to);
    const from = opens
      ? Math.max(unitShift, frameAt(0) - 1)
      : Math.max(unitShift + 1, Math.ceil((region.start - plan.gridPhase) / FRAME));
    const to = closes
      ? Math.min(unitShift + units.count - 1, frameAt(region.end - 1))
      : Math.min(unitShift + units.count - 2, frameAt(region.end) - 2);
    const isWhole = opens && closes && to >= from;
    if (isWhole || to - from + 1 >= MIN_PASSED_FRAMES) {
      found.push({ piece: region.piece, from, to, unitShift, opens, closes });
    }
  }
  return found;
}
