import { FRAME } from './frame.js';
import { decibels } from '../signal/levels.js';
import { median, QUIET, sum, type GainChange, type LevelFrame } from './change.js';

/** Frames with sound on either side of a change, over which levels are taken. */
const SIDE = 8;
/** Frames between the two: windows reach over the change. */
const APART = 2;
/** Bands that say something lie no further below the loudest one: 45 dB. */
const BESIDE = 10 ** -4.5;
/** And below the level of all by no more: the rest was left out by the codec before. */
const WAS_THERE_DB = -8;
const LEAST_BANDS = 4;
/** A gain lifts or lowers most bands by as much. */
const LEAST_STEP_DB = 2.5;
const MOST_STEP_DB = 20;
const ALIKE_DB = 2;
const ALIKE_SHARE = 0.7;
/** Frames that have the level of their side. */
const STEADY_DB = 2;
const STEADY_SHARE = 0.7;
/** The capture still follows the reference's line. */
const COHERENT = 0.6;
/** A larger step may come within so many frames, as the sides come clear of the change. */
const WAITS = 3;

/** A gain of one channel that is another from some moment on. */
export class LevelStep {
  #frames: LevelFrame[] = [];
  #best: GainChange | undefined;
  #since = 0;

  /** Frames from here on were compared with the wrong place of the reference. */
  forget(from: number): void {
    this.#frames = this.#frames.filter(({ position }) => position < from);
    this.#best = undefined;
  }

  /** @returns a change, some frames after it */
  add(frame: LevelFrame): GainChange | undefined {
    if (sum(frame.reference) < 8 * QUIET) return undefined;
    this.#frames.push(frame);
    if (this.#frames.length > 2 * SIDE + APART) this.#frames.shift();
    if (this.#frames.length < 2 * SIDE + APART) return undefined;
    const found = stepBetween(this.#frames.slice(0, SIDE), this.#frames.slice(-SIDE));
    if (found !== undefined && Math.abs(found.stepDb) > Math.abs(this.#best?.stepDb ?? 0)) {
      const { position } = this.#frames[SIDE]!;
      const searched = (SIDE + APART) * FRAME;
      this.#best = { ...found, kind: 'level-jump', from: position - searched, to: position + searched };
      this.#since = 0;
      return undefined;
    }
    if (this.#best === undefined || ++this.#since < WAITS) return undefined;
    const best = this.#best;
    this.#best = undefined;
    // All that came after it.
    this.#frames = this.#frames.slice(-(SIDE + APART + WAITS - 1));
    return best;
  }
}

function stepBetween(
  before: readonly LevelFrame[],
  after: readonly LevelFrame[],
): Pick<GainChange, 'stepDb' | 'beforeDb'> | undefined {
  if (coherence(after) < COHERENT * coherence(before)) return undefined;
  const [early, late] = [before, after].map(bandsOf) as [Bands, Bands];
  const least = Math.max(SIDE * QUIET, BESIDE * Math.max(...early.reference, ...late.reference));
  const steps = early.reference.flatMap((power, band) => {
    if (Math.min(power, late.reference[band]!) < least) return [];
    if (early.ratiosDb[band]! - early.levelDb < WAS_THERE_DB) return [];
    return [late.ratiosDb[band]! - early.ratiosDb[band]!];
  });
  if (steps.length < LEAST_BANDS) return undefined;
  const stepDb = median(steps);
  if (Math.abs(stepDb) < LEAST_STEP_DB || Math.abs(stepDb) > MOST_STEP_DB) return undefined;
  const alike = steps.filter((one) => Math.abs(one - stepDb) <= ALIKE_DB).length;
  if (alike < ALIKE_SHARE * steps.length) return undefined;
  if (![before, after].every(isSteady) || !explains(stepDb, after)) return undefined;
  return { stepDb, beforeDb: early.levelDb };
}

interface Bands {
  readonly reference: readonly number[];
  readonly ratiosDb: readonly number[];
  readonly levelDb: number;
}

function bandsOf(frames: readonly LevelFrame[]): Bands {
  const reference = totals(frames.map((frame) => frame.reference));
  const heard = totals(frames.map((frame) => frame.heard));
  const ratiosDb = heard.map((power, band) =>
    decibels((power + QUIET / 10) / (reference[band]! + QUIET / 10)),
  );
  return { reference, ratiosDb, levelDb: decibels(sum(heard) / sum(reference)) };
}

/** Of each band. */
function totals(frames: readonly (readonly number[])[]): number[] {
  const powers = frames[0]!.map(() => 0);
  for (const frame of frames) for (let band = 0; band < powers.length; band++) powers[band]! += frame[band]!;
  return powers;
}

/** Whether the level is that of the whole side in most of its frames. */
function isSteady(frames: readonly LevelFrame[]): boolean {
  const levels = frames.map(({ heard, reference }) => decibels(sum(heard) / sum(reference)));
  const level = median(levels);
  return levels.filter((one) => Math.abs(one - level) <= STEADY_DB).length >= STEADY_SHARE * frames.length;
}

/** Whether less differs from the reference if its gain is changed by so much. */
function explains(stepDb: number, frames: readonly LevelFrame[]): boolean {
  const error = (gain: number): number =>
    frames.reduce(
      (total, { energy: { heard, product, reference } }) =>
        total + heard - 2 * gain * product + gain * gain * reference,
      0,
    );
  return error(10 ** (stepDb / 20)) < error(1);
}

/** How alike the waveforms of capture and reference are, −1 to 1. */
function coherence(frames: readonly LevelFrame[]): number {
  let [product, one, other] = [0, 0, 0];
  for (const { energy } of frames) {
    product += energy.product;
    one += energy.heard;
    other += energy.reference;
  }
  return product / Math.sqrt(one * other + 1e-12);
}
