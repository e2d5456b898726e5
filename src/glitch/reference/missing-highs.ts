import { FRAME } from './frame.js';
import { decibels } from '../signal/levels.js';
import { median, QUIET, sum, type LevelFrame, type LostHighs } from './change.js';
import { bandEdges } from './noise-to-mask.js';

/** Frames with sound in a band, on either side of a change: highs come and go with notes and consonants. */
const BEFORE = 8;
const AFTER = 4;
/** There is sound in a band that is no softer than this beside the loudest band of late: −62 dB. */
const BESIDE = 10 ** -6.2;
const FADES = 0.97;
/** Below the edge bands stay where they were, above it so much is missing. */
const STAYS_DB = 3.5;
const STAYS_SHARE = 0.65;
const LEAST_BELOW = 2;
const MISSING_DB = 11;
/** One band alone comes and goes with what a codec has bits for. */
const LEAST_MISSING = 2;
/** What lies so far below the reference was left out by the codec before. */
const WAS_THERE_DB = -8;
/** Frames in which both is in a window. */
const MIXED = 2;
/** A band that is gone waits no longer for the others, in frames. */
const LONGEST = 96;
/** Frames before it that tell what the codec leaves out by itself. */
const LEARNT = 24;
/** Bands of which it is not known yet may come in within so many frames. */
const WAITS = 8;

interface BandFrame {
  readonly position: number;
  readonly reference: number;
  readonly heard: number;
}

/** Levels of a band against the reference. */
interface BandStep {
  readonly band: number;
  readonly beforeDb: number;
  readonly afterDb: number;
  /** In no frame after is it there. */
  readonly isGone: boolean;
  /** Positions of the last frame that has the band, and of the next one. */
  readonly last: number;
  readonly next: number;
}

interface Missing {
  readonly change: LostHighs;
  /** How many are missing. */
  readonly bands: number;
}

/** One band, by the frames in which the reference has sound in it. */
class Band {
  readonly #band: number;
  #frames: BandFrame[] = [];
  /** Since it is gone, what it was before stays known. */
  #gone: BandStep | undefined;

  constructor(band: number) {
    this.#band = band;
  }

  step(position: number): BandStep | undefined {
    if (this.#gone !== undefined && position > this.#gone.next + LONGEST * FRAME) this.#gone = undefined;
    return this.#gone ?? this.#measured();
  }

  add(frame: BandFrame): void {
    this.#frames.push(frame);
    if (this.#frames.length > BEFORE + AFTER) this.#frames.shift();
    const step = this.#gone ?? this.#measured();
    if (step === undefined) return;
    const afterDb = levelOf(this.#frames.slice(-AFTER));
    const isGone = step.isGone && afterDb - step.beforeDb <= -MISSING_DB && !isThere(frame, step.beforeDb);
    this.#gone = isGone ? { ...step, afterDb } : undefined;
  }

  forget(from: number): void {
    this.#frames = this.#frames.filter(({ position }) => position < from);
    this.#gone = undefined;
  }

  /** A change was told: what is now is as it was. */
  settle(): void {
    this.#frames = this.#frames.slice(-AFTER);
    this.#gone = undefined;
  }

  #measured(): BandStep | undefined {
    const [early, late] = [this.#frames.slice(0, -AFTER), this.#frames.slice(-AFTER)];
    if (early.length < AFTER) return undefined;
    const beforeDb = levelOf(early);
    const last = early.findLastIndex((frame) => isThere(frame, beforeDb));
    return {
      band: this.#band,
      beforeDb,
      afterDb: levelOf(late),
      isGone: !late.some((frame) => isThere(frame, beforeDb)),
      last: this.#frames[Math.max(0, last)]!.position,
      next: this.#frames[last + 1]!.position,
    };
  }
}

/** Highs of one channel that its reference has and that stay away from some moment on. */
export class MissingHighs {
  readonly #bands: Band[] = [];
  #loudest = 0;
  #best: Missing | undefined;
  #since = 0;

  /** Frames from here on were compared with the wrong place of the reference. */
  forget(from: number): void {
    for (const band of this.#bands) band.forget(from);
    this.#best = undefined;
  }

  /** @returns a change, some frames after it */
  add({ position, reference, heard }: LevelFrame): LostHighs | undefined {
    this.#loudest = Math.max(FADES * this.#loudest, ...reference);
    const least = Math.max(QUIET, BESIDE * this.#loudest);
    for (const [band, power] of reference.entries()) {
      this.#bands[band] ??= new Band(band);
      if (power >= least) this.#bands[band].add({ position, reference: power, heard: heard[band]! });
    }
    const found = missing(this.#bands.flatMap((band) => band.step(position) ?? []));
    if (found !== undefined && found.bands > (this.#best?.bands ?? 0)) {
      this.#best = found;
      this.#since = 0;
    }
    if (this.#best === undefined || ++this.#since < WAITS) return undefined;
    const { change } = this.#best;
    this.#best = undefined;
    for (const band of this.#bands) band.settle();
    return change;
  }
}

function levelOf(frames: readonly BandFrame[]): number {
  const [heard, reference] = [
    sum(frames.map((frame) => frame.heard)),
    sum(frames.map((frame) => frame.reference)),
  ];
  return decibels((heard + QUIET / 10) / (reference + QUIET / 10));
}

function isThere(frame: BandFrame, beforeDb: number): boolean {
  return levelOf([frame]) > beforeDb - MISSING_DB / 2;
}

function missing(all: readonly BandStep[]): Missing | undefined {
  const levelDb = median(all.map(({ beforeDb }) => beforeDb));
  const steps = all.filter(({ beforeDb }) => beforeDb - levelDb >= WAS_THERE_DB);
  const isMissing = ({ beforeDb, afterDb, isGone }: BandStep): boolean =>
    isGone && afterDb - Math.min(beforeDb, levelDb) <= -MISSING_DB;
  const first = steps.findLastIndex((step) => !isMissing(step)) + 1;
  const above = steps.slice(first);
  if (above.length < LEAST_MISSING) return undefined;
  // The band in which the edge lies has a part of its power left.
  const below = steps.slice(0, Math.max(0, first - 1));
  const staying = below.filter(({ beforeDb, afterDb }) => Math.abs(afterDb - beforeDb) <= STAYS_DB).length;
  if (below.length < LEAST_BELOW || staying < STAYS_SHARE * below.length) return undefined;
  const [last, next] = [
    Math.max(...above.map((step) => step.last)),
    Math.min(...above.map((step) => step.next)),
  ];
  if (last > next + MIXED * FRAME) return undefined;
  const change = {
    kind: 'bandwidth-drop' as const,
    from: last - LEARNT * FRAME,
    after: last,
    to: Math.max(last, next) + (MIXED + 1) * FRAME,
    stepDb: median(above.map(({ beforeDb, afterDb }) => afterDb - beforeDb)),
    beforeDb: median(above.map(({ beforeDb }) => beforeDb)),
    edgeHz: bandEdges[above[0]!.band]!,
  };
  return { change, bands: above.length };
}
