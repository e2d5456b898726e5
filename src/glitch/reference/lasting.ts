import { FRAME } from './frame.js';
import type { ChannelLevels } from './frame-errors.js';
import { PowerSpectrum } from '../signal/fft.js';
import type { Stretch } from './stretch.js';
import { switchPoint } from './switch-point.js';
import { bandEdges, MASK_WINDOW } from './noise-to-mask.js';

/** Frames with sound on either side of a change, over which levels are taken. */
const SIDE = 8;
/** Frames between the two: windows reach over the change. */
const APART = 2;
/** Powers of a band that say nothing: −80 dB of full scale, and −45 dB of the loudest band. */
const QUIET = 1e-8 * (MASK_WINDOW / 4) ** 2;
const BESIDE = 10 ** -4.5;
/** Highs are softer: −62 dB. */
const HIGHS_BESIDE = 10 ** -6.2;
const LEAST_BANDS = 4;
/** A gain lifts or lowers most bands by as much. */
const LEAST_STEP_DB = 2.5;
const MOST_STEP_DB = 20;
const ALIKE_DB = 2;
const ALIKE_SHARE = 0.7;
/** Below the edge bands stay where they were, above it so much is missing. */
const STAYS_DB = 3.5;
const MISSING_DB = 11;
/** One band alone comes and goes with what a codec has bits for. */
const LEAST_MISSING = 2;
/** What lies so far below the reference was left out by the codec before. */
const WAS_THERE_DB = -8;
/** Frames that have the level of their side. */
const STEADY_DB = 2;
const STEADY_SHARE = 0.7;
/** The capture still follows the reference's line. */
const COHERENT = 0.6;

const PLACE_WINDOW = 256;
const PLACE_STEP = 64;
/** Frames on either side of where a change seems to be, to be searched. */
export const SEARCHED = SIDE + APART;

/** Levels of one channel in one frame. */
export interface LevelFrame extends ChannelLevels {
  readonly position: number;
}

export interface Change {
  /** Position of the frame from which on it holds. */
  readonly position: number;
  /** The same gain for all bands; or what is missing above the edge. */
  readonly kind: 'level-jump' | 'bandwidth-drop';
  /** Of the level, or of the bands above the edge. */
  readonly stepDb: number;
  /** Level of the capture against the reference before it: of all bands, or of those above the edge. */
  readonly beforeDb: number;
  readonly edgeHz?: number;
}

/** Changes of one channel against its reference that last: a gain, or highs that stay away. */
export class Lasting {
  #frames: LevelFrame[] = [];
  #best: Change | undefined;
  #since = 0;
  #hollowAt = -Infinity;

  /** Frames from here on were compared with the wrong place of the reference. */
  forget(from: number): void {
    this.#frames = this.#frames.filter(({ position }) => position < from);
    this.#best = undefined;
  }

  /** @returns a change, some frames after it */
  add(frame: LevelFrame): Change | undefined {
    const { position, isHollow } = frame;
    const last = this.#frames.at(-1)?.position ?? -Infinity;
    if (position <= last) return undefined;
    // The windows of the frames beside a hole reach into it.
    if (isHollow) this.#hollowAt = position;
    if (isHollow && last === position - FRAME) this.#frames.pop();
    if (position <= this.#hollowAt + FRAME || sum(frame.reference) < 8 * QUIET) return undefined;
    this.#frames.push(frame);
    if (this.#frames.length > 2 * SIDE + APART) this.#frames.shift();
    if (this.#frames.length < 2 * SIDE + APART) return undefined;
    const found = changeBetween(this.#frames.slice(0, SIDE), this.#frames.slice(-SIDE));
    if (found !== undefined && Math.abs(found.stepDb) > Math.abs(this.#best?.stepDb ?? 0)) {
      this.#best = { ...found, position: this.#frames[SIDE]!.position };
      this.#since = 0;
      return undefined;
    }
    if (this.#best === undefined || ++this.#since < 3) return undefined;
    const best = this.#best;
    this.#best = undefined;
    this.#frames = this.#frames.filter(({ position }) => position > best.position);
    return best;
  }
}

/**
 * Where in a stretch of one channel a change lies: on either side of it the amplitudes above the edge, or all of them,
 * are those of the reference times the gain of that side.
 */
export function changePlace(
  { heard, reference, sampleRate }: Stretch,
  { beforeDb, stepDb, edgeHz = 0 }: Change,
): number {
  const spectrum = new PowerSpectrum(PLACE_WINDOW);
  const first = Math.ceil((edgeHz * PLACE_WINDOW) / sampleRate) + (edgeHz > 0 ? 1 : 0);
  const amplitudes = (samples: Float32Array): number[] =>
    Array.from({ length: Math.floor((samples.length - PLACE_WINDOW) / PLACE_STEP) }, (_, i) => {
      const powers = spectrum.of(samples.subarray(i * PLACE_STEP, i * PLACE_STEP + PLACE_WINDOW));
      return Math.sqrt(powers.subarray(first).reduce((total, power) => total + power, 0));
    });
  const [own, wanted] = [amplitudes(heard[0]!), amplitudes(reference[0]!)];
  const errors = (db: number): Float32Array =>
    Float32Array.from(own, (x, i) => (x - 10 ** (db / 20) * wanted[i]!) ** 2);
  const { leaves } = switchPoint(errors(beforeDb), errors(beforeDb + stepDb), Infinity);
  return leaves * PLACE_STEP + PLACE_WINDOW / 2;
}

function changeBetween(
  before: readonly LevelFrame[],
  after: readonly LevelFrame[],
): Omit<Change, 'position'> | undefined {
  if (coherence(after) < COHERENT * coherence(before)) return undefined;
  const [early, late] = [before, after].map(bandsOf) as [Bands, Bands];
  const loudest = Math.max(...early.reference, ...late.reference);
  const steps = early.reference.flatMap((power, band) => {
    const least = Math.min(power, late.reference[band]!);
    if (least < Math.max(SIDE * QUIET, HIGHS_BESIDE * loudest)) return [];
    if (early.ratiosDb[band]! - early.levelDb < WAS_THERE_DB) return [];
    const [was, is] = [early.ratiosDb[band]!, late.ratiosDb[band]!];
    // What was more than the level is a defect of its own that has passed.
    const isLoud = least > BESIDE * loudest;
    return [{ band, isLoud, db: is - was, beforeDb: was, missingDb: is - Math.min(was, early.levelDb) }];
  });
  const beforeDb = early.levelDb;
  const loud = steps.filter(({ isLoud }) => isLoud);
  return levelStep(loud, { before, after, beforeDb }) ?? missingHighs(steps);
}

interface BandStep {
  readonly band: number;
  readonly db: number;
  readonly missingDb: number;
  /** So that a change of level shows in it. */
  readonly isLoud: boolean;
  readonly beforeDb: number;
}

function levelStep(
  steps: readonly BandStep[],
  sides: {
    readonly before: readonly LevelFrame[];
    readonly after: readonly LevelFrame[];
    readonly beforeDb: number;
  },
): Omit<Change, 'position'> | undefined {
  const { before, after, beforeDb } = sides;
  if (steps.length < LEAST_BANDS) return undefined;
  const stepDb = median(steps.map(({ db }) => db));
  if (Math.abs(stepDb) < LEAST_STEP_DB || Math.abs(stepDb) > MOST_STEP_DB) return undefined;
  const alike = steps.filter(({ db }) => Math.abs(db - stepDb) <= ALIKE_DB).length;
  if (alike < ALIKE_SHARE * steps.length) return undefined;
  if (![before, after].every(isSteady) || !explains(stepDb, after)) return undefined;
  return { kind: 'level-jump', stepDb, beforeDb };
}

function missingHighs(steps: readonly BandStep[]): Omit<Change, 'position'> | undefined {
  let first = steps.length;
  while (first > 0 && steps[first - 1]!.missingDb <= -MISSING_DB) first--;
  const above = steps.slice(first);
  if (above.length < LEAST_MISSING) return undefined;
  // The band in which the edge lies has a part of its power left.
  const below = steps.slice(0, Math.max(0, first - 1));
  const staying = below.filter(({ db }) => Math.abs(db) <= STAYS_DB).length;
  if (below.length < 2 || staying < 0.8 * below.length) return undefined;
  const edgeHz = bandEdges[above[0]!.band]!;
  return {
    kind: 'bandwidth-drop',
    stepDb: median(above.map(({ db }) => db)),
    beforeDb: median(above.map(({ beforeDb }) => beforeDb)),
    edgeHz,
  };
}

interface Bands {
  readonly reference: readonly number[];
  readonly ratiosDb: readonly number[];
  readonly levelDb: number;
}

function bandsOf(frames: readonly LevelFrame[]): Bands {
  const reference = totals(frames.map((frame) => frame.reference));
  const heard = totals(frames.map((frame) => frame.heard));
  const ratiosDb = heard.map((power, band) => db((power + QUIET / 10) / (reference[band]! + QUIET / 10)));
  return { reference, ratiosDb, levelDb: db(sum(heard) / sum(reference)) };
}

/** Of each band. */
function totals(frames: readonly (readonly number[])[]): number[] {
  const powers = frames[0]!.map(() => 0);
  for (const frame of frames) for (let band = 0; band < powers.length; band++) powers[band]! += frame[band]!;
  return powers;
}

/** Whether the level is that of the whole side in most of its frames. */
function isSteady(frames: readonly LevelFrame[]): boolean {
  const levels = frames.map(({ heard, reference }) => db(sum(heard) / sum(reference)));
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

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function db(ratio: number): number {
  return 10 * Math.log10(Math.max(1e-12, ratio));
}
