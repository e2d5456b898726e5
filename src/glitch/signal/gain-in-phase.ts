import { burg, meanResidual } from '../../signal/burg.js';
import { predictionErrors, predictor } from './prediction.js';
import type { Sound } from './sound.js';

const ORDER = 32;
/** A shorter predictor, quicker made, finds where to look. */
const ROUGH_ORDER = 16;
/** Samples that a predictor is made of. */
const LEARNT = 1024;
/** The newest of them tell how well it predicts. */
const LATE = 512;
/** Samples on either side of a place within which the step is looked for. */
const REACH = 480;
/** What is predicted worse than this many times the usual may be the step. */
const SURPRISE = 9;
const CALM = 4;
/** In nepers of likelihood: how much better the samples after the step are explained by a gain than without. */
const EVIDENCE = 25;
/** And how well: no worse than this many times what is usual for the sound. */
const LEFT = 4;
/** Both directions of time must tell the same gain. */
const AGREE_DB = 0.7;

interface Fit {
  /** What was divided by it goes on as predicted. */
  readonly gain: number;
  readonly evidence: number;
  /** What stays unexplained, over what is usual. */
  readonly left: number;
}

interface Predictor {
  readonly filter: Float64Array;
  /** Mean square of what it does not explain. */
  readonly usual: number;
}

/**
 * A gain that is switched between two samples. The sound goes on in phase: divided by the gain, all that follows is what
 * a predictor made of the sound before expects, and the same backwards. No attack, end or note does so.
 */
export class GainInPhase {
  /** @returns where it is, in samples, and how much in dB, positive where it becomes louder */
  find(sound: Sound, around: number): { readonly position: number; readonly stepDb: number } | undefined {
    const start = around - REACH - LEARNT;
    const end = around + REACH + LEARNT;
    if (start < sound.firstPosition || end > sound.endPosition) return undefined;
    const line = sound.sum(start, end);
    const at = likeliest(line);
    if (at === undefined) return undefined;
    const forward = fitAt(line, at, learn(line, at));
    const mirrored = line.slice().reverse();
    const back = line.length - at;
    const backward = fitAt(mirrored, back, learn(mirrored, back));
    const steps = [forward, backward].map(({ gain }) => 20 * Math.log10(gain));
    const isClear = [forward, backward].every(({ evidence, left }) => evidence > EVIDENCE && left < LEFT);
    if (!isClear || Math.abs(steps[0]! + steps[1]!) > AGREE_DB) return undefined;
    return { position: start + at, stepDb: (steps[0]! - steps[1]!) / 2 };
  }
}

/** Of the samples in the middle that come as a surprise, the one from which on a gain explains most. */
function likeliest(line: Float64Array): number | undefined {
  const coefficients = predictor(line.subarray(0, LEARNT), ROUGH_ORDER);
  if (coefficients === undefined) return undefined;
  const errors = new Float64Array(line.length - LEARNT - (LEARNT - LATE));
  const first = LEARNT - LATE;
  predictionErrors(line, first, coefficients, errors);
  let usual = 1e-14;
  for (let i = 0; i < LATE; i++) usual += errors[i]! ** 2 / LATE;
  const rough = { filter: Float64Array.of(1, ...coefficients.map((x) => -x)), usual };
  let best: number | undefined;
  let most = EVIDENCE / 2;
  let calm = CALM;
  for (let i = LATE; i < errors.length; i++) {
    const isSurprise = errors[i]! ** 2 > SURPRISE * usual;
    if (isSurprise && calm >= CALM) {
      const { evidence } = fitAt(line, first + i, rough);
      if (evidence > most) [most, best] = [evidence, first + i];
    }
    calm = isSurprise ? 0 : calm + 1;
  }
  return best;
}

/** A predictor made of the samples before `at`. */
function learn(line: Float64Array, at: number): Predictor {
  const filter = burg(line.subarray(at - LEARNT, at), ORDER);
  return { filter, usual: meanResidual(filter, line.subarray(at - LATE - ORDER, at)) + 1e-14 };
}

/**
 * The gain that leaves least unexplained in the samples from `at` on whose prediction needs those before it, too: what
 * comes from before is fixed, what comes from after is divided by the gain.
 */
function fitAt(line: Float64Array, at: number, { filter, usual }: Predictor): Fit {
  const order = filter.length - 1;
  let [fixed, mixed, scaled] = [0, 0, 0];
  for (let n = at; n < at + order; n++) {
    let before = 0;
    let after = 0;
    for (let k = 0; k <= n - at; k++) after += filter[k]! * line[n - k]!;
    for (let k = n - at + 1; k <= order; k++) before += filter[k]! * line[n - k]!;
    fixed += before * before;
    mixed += before * after;
    scaled += after * after;
  }
  const divided = -mixed / scaled;
  if (!(divided > 0.1 && divided < 10)) return { gain: 1, evidence: 0, left: Infinity };
  const left = fixed + 2 * divided * mixed + divided * divided * scaled;
  return {
    gain: 1 / divided,
    evidence: (order / 2) * Math.log((fixed + 2 * mixed + scaled) / left),
    left: left / order / usual,
  };
}
