import { burg, meanResidual } from '../../signal/burg.js';
import { predictionErrors, predictor } from './prediction.js';
import type { Features } from './forest.js';
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
/** And how well: no worse than this over what is usual for the sound. */
const LEFT_DB = 6;
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

/** The gain that explains a place best. */
export interface GainInPhase {
  /** In samples. */
  readonly position: number;
  /** In dB; positive where it becomes louder. */
  readonly stepDb: number;
  /** Whether it explains nearly all, so that no more need be known. */
  readonly isClear: boolean;
  /** By name: how far both directions of time agree, how much the gain explains in either, and how much it leaves. */
  readonly features: Features;
}

/**
 * A gain that is switched between two samples. The sound goes on in phase: divided by the gain, all that follows is what
 * a predictor made of the sound before expects, and the same backwards. No attack, end or note does so.
 *
 * @returns undefined where there is too little sound around, or silence before
 */
export function gainInPhase(sound: Sound, around: number): GainInPhase | undefined {
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
  const [ahead, behind] = [forward, backward].map(({ gain }) => 20 * Math.log10(gain)) as [number, number];
  const evidence = [forward.evidence, backward.evidence].sort((a, b) => a - b) as [number, number];
  const leftDb = [forward.left, backward.left]
    .map((left) => 10 * Math.log10(left + 1e-3))
    .sort((a, b) => a - b) as [number, number];
  const disagreeDb = Math.abs(ahead + behind);
  const isClear = evidence[0] > EVIDENCE && leftDb[1] < LEFT_DB && disagreeDb < AGREE_DB;
  return {
    position: start + at,
    stepDb: (ahead - behind) / 2,
    isClear,
    features: {
      inPhaseDisagreeDb: disagreeDb,
      inPhaseEvidenceLeast: evidence[0],
      inPhaseEvidenceMost: evidence[1],
      inPhaseLeftDbLeast: leftDb[0],
      inPhaseLeftDbMost: leftDb[1],
      inPhaseAway: Math.abs(start + at - around),
    },
  };
}

/** Of the samples in the middle that come as a surprise, the one from which on a gain explains most; or the middle. */
function likeliest(line: Float64Array): number | undefined {
  const coefficients = predictor(line.subarray(0, LEARNT), ROUGH_ORDER);
  if (coefficients === undefined) return undefined;
  const errors = new Float64Array(line.length - LEARNT - (LEARNT - LATE));
  const first = LEARNT - LATE;
  predictionErrors(line, first, coefficients, errors);
  let usual = 1e-14;
  for (let i = 0; i < LATE; i++) usual += errors[i]! ** 2 / LATE;
  const rough = { filter: Float64Array.of(1, ...coefficients.map((x) => -x)), usual };
  let best = line.length >> 1;
  let most = 0;
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
  if (!(divided > 0.1 && divided < 10)) return { gain: 1, evidence: 0, left: 1e6 };
  const left = fixed + 2 * divided * mixed + divided * divided * scaled;
  return {
    gain: 1 / divided,
    evidence: (order / 2) * Math.log((fixed + 2 * mixed + scaled) / left),
    left: left / order / usual,
  };
}
