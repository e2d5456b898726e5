import type { Report } from './detector.js';
import type { Finding, GlitchKind } from './finding.js';

/** Findings come up to this long after their place was passed: detectors look ahead. */
const HOLD_MS = 4000;
/** The edges of one defect lie this close to it. */
const NEAR_MS = 25;
/** One defect may be found in both channels, or twice by windows that overlap. */
const SAME_MS = 8;

/** What explains what, where both are found in one place. A damaged frame is heard as a gap with clicks at its edges. */
const weights: Partial<Record<GlitchKind, number>> = {
  'damaged-frame': 9,
  'priming-leak': 8,
  'silence-run': 7,
  gap: 6,
  'bad-seam': 5,
  'channel-dropout': 5,
  'noise-burst': 5,
  clipping: 5,
  'level-jump': 4,
  repeat: 3,
  skip: 2,
  click: 1,
};
const cuts: ReadonlySet<GlitchKind> = new Set(['skip', 'repeat']);
/** What is guessed from the sound alone. */
export const soundKinds: ReadonlySet<GlitchKind> = new Set([
  'gap',
  'silence-run',
  'channel-dropout',
  'noise-burst',
  'level-jump',
  'bandwidth-drop',
  'clipping',
  'repeat',
  'skip',
  'click',
]);

/** What begins with another defect, such as the tick or the gain that came with it, and is told beside it. */
const lastingKinds: ReadonlySet<GlitchKind> = new Set(['clipping', 'bandwidth-drop']);

/** What lasts for a while, and has ticks at its ends. */
const holeKinds: ReadonlySet<GlitchKind> = new Set(['gap', 'silence-run', 'channel-dropout']);

/** What the reference may tell of a hole: its edge, or that there are no highs in it. */
const partsOfHoles: ReadonlySet<GlitchKind> = new Set(['click', 'bandwidth-drop']);

/** Of several findings about one defect, the one that explains the others goes on. */
export class Merge {
  readonly #report: Report;
  /** In the order in which they were found; those that were told stay for a while, to explain others. */
  #held: Held[] = [];
  #nowMs = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  take(finding: Finding): void {
    this.#held.push({ finding, heardMs: this.#nowMs, isDone: false });
  }

  /** @param nowMs how much of the capture has gone by; only grows */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#held.length === 0 || this.#held[0]!.heardMs + HOLD_MS > nowMs) return;
    this.#release(nowMs - HOLD_MS);
    this.#held = this.#held.filter(({ heardMs }) => heardMs + 2 * HOLD_MS > nowMs);
  }

  end(): void {
    this.#release(Infinity);
    this.#held = [];
  }

  #release(heardBefore: number): void {
    for (const [index, one] of this.#held.entries()) {
      if (one.isDone || one.heardMs > heardBefore) continue;
      one.isDone = true;
      const isExplained = this.#held.some((other, place) =>
        explains(other.finding, one.finding, place < index),
      );
      if (!isExplained) this.#report(one.finding);
    }
  }
}

interface Held {
  readonly finding: Finding;
  /** How much of the capture had gone by when it was found. */
  readonly heardMs: number;
  isDone: boolean;
}

function explains(one: Finding, other: Finding, isFirst: boolean): boolean {
  if (one === other || one.medium !== other.medium) return false;
  const [isKnown, isOtherKnown] = [one.isByReference === true, other.isByReference === true];
  // What was measured against the reference needs no guess.
  const isGuess = !isOtherKnown && (one.kind === other.kind || soundKinds.has(other.kind));
  // But of a hole the reference may tell an edge or a part alone.
  if (isHoleOf(one, other)) return isNear(one, other);
  const isMore = (lastingKinds.has(other.kind) && one.kind !== other.kind) || isHoleOf(other, one);
  if (isKnown && soundKinds.has(one.kind) && isGuess && !isMore) return isNear(one, other);
  if (isOtherKnown && !isKnown && soundKinds.has(one.kind) && soundKinds.has(other.kind)) return false;
  // How much was lost or inserted is told whatever it sounds like.
  if (isOtherKnown && cuts.has(other.kind)) return false;
  if (one.kind === other.kind) {
    if (weights[one.kind] === undefined || Math.abs(one.timeMs - other.timeMs) > SAME_MS) return false;
    // The first of two alike, so that one of them stays.
    return one.timeMs < other.timeMs || (one.timeMs === other.timeMs && isFirst);
  }
  // A seam does not change the level for good: where both are found, two sounds of different loudness were joined.
  if (one.kind === 'bad-seam' && other.kind === 'level-jump') return false;
  // What two sounds alias has dips.
  if (isDipOf(other, one)) return false;
  if (isDipOf(one, other)) return isNear(one, other);
  const [stronger, weaker] = [weights[one.kind] ?? 0, weights[other.kind] ?? 0];
  if (weaker === 0 || stronger <= weaker) return false;
  return isNear(one, other);
}

/** Whether one that was guessed is the whole of what the reference tells. */
function isHoleOf(hole: Finding, known: Finding): boolean {
  if (hole.isByReference === true || known.isByReference !== true) return false;
  if (known.kind === 'gap') return hole.kind === 'silence-run';
  return partsOfHoles.has(known.kind) && holeKinds.has(hole.kind);
}

/** Whether the second lies within the first. */
function isDipOf(seam: Finding, gap: Finding): boolean {
  return seam.kind === 'bad-seam' && gap.kind === 'gap' && gap.durationMs < seam.durationMs;
}

function isNear(one: Finding, other: Finding): boolean {
  return other.timeMs >= one.timeMs - NEAR_MS && other.timeMs <= one.timeMs + one.durationMs + NEAR_MS;
}
