import { BothSides } from './both-sides.js';
import type { Features } from './forest.js';
import { FACTOR } from './low-band.js';
import { likeAPeriodBefore, repeatAt, type Repeat } from './repeat.js';
import type { Line } from './residual.js';
import { HOP } from './sound.js';
import type { StandOut } from './stand-outs.js';

/** In samples of the low band: left out of its sides, and looked at on either side. */
const LOW_SKIRT = 4;
const LOW_CONTEXT = 256;
/** In samples of all the sound. */
const FULL_SKIRTS = { before: 16, after: 32 };
const FULL_CONTEXT = 1024;
/** A click is a few samples. */
const CLICK = { before: 2, after: 5 };
const TINY = 1e-6;

/** Hops that {@link measureBreak} needs after a place. */
export const LOOKAHEAD = Math.ceil(((LOW_SKIRT + LOW_CONTEXT + 8) * FACTOR) / HOP);

/** What is seen of a place at a glance, by name. */
export function glanceAt(found: StandOut): Features {
  const { size, ratioDb, shareDb, hissStepDb, stepDb, sideStepDb, lowRatioDb, lowShareDb } = found;
  return {
    ...{ size, ratioDb, shareDb, hissStepDb, stepDb, sideStepDb, lowRatioDb, lowShareDb },
    ...numbered('profile', found.profile),
    ...numbered('lowProfile', found.lowProfile),
  };
}

/** What is measured of a place where the sound may break. */
export interface MeasuredBreak {
  /** By name, what forests are asked with. */
  readonly features: Features;
  /** Where it goes on with what has just been heard, if it does. */
  readonly repeat: Repeat;
}

/** The sum of the channels, and the same decimated. */
export interface Lines {
  readonly line: Line;
  readonly low: Line;
}

/**
 * Measures of what sets breaks apart from what is natural: whether both sides are the same sound, whether each side lets the
 * other expect, whether a few free samples would heal it, whether it repeats what was before.
 *
 * @returns undefined where there is not enough sound on either side
 */
export function measureBreak(position: number, { line, low }: Lines): MeasuredBreak | undefined {
  const at = Math.round(position / FACTOR);
  const lows = BothSides.of(low, { at, before: LOW_SKIRT, after: LOW_SKIRT, context: LOW_CONTEXT });
  const full = BothSides.of(line, { at: position, ...FULL_SKIRTS, context: FULL_CONTEXT });
  if (lows === undefined || full === undefined) return undefined;
  const repeat = repeatAt(line, low, { at: position, factor: FACTOR });
  const few = full.healed(CLICK.before, CLICK.after);
  const wide = full.healed(FULL_SKIRTS.before, FULL_SKIRTS.after);
  const lowHealing = lows.healed(LOW_SKIRT, LOW_SKIRT);
  const features = {
    lowSideStepDb: lows.stepDb,
    lowGainDb: lows.gainDb,
    ...ofBoth(
      'lowMissedDb',
      lows.missed.map((share) => 10 * Math.log10(share + TINY)),
    ),
    ...ofBoth('lowUnlikeDb', lows.unlikeDb),
    fullGainDb: full.gainDb,
    ...ofBoth('fullUnlikeDb', full.unlikeDb),
    fewAsIsDb: few.asIsDb,
    fewHealedDb: few.healedDb,
    wideAsIsDb: wide.asIsDb,
    wideHealedDb: wide.healedDb,
    lowAsIsDb: lowHealing.asIsDb,
    lowHealedDb: lowHealing.healedDb,
    repeatMatch: repeat.match,
    repeatMatchBefore: repeat.matchBefore,
    repeatContrastDb: repeat.contrastDb,
    repeatLength: repeat.length,
    likeAPeriodBefore: likeAPeriodBefore(low, at),
  };
  return { features, repeat };
}

function numbered(name: string, values: readonly number[]): Features {
  return Object.fromEntries(values.map((value, n) => [`${name}${n}`, value]));
}

function ofBoth(name: string, values: readonly number[]): Features {
  return { [`${name}Most`]: Math.max(...values), [`${name}Least`]: Math.min(...values) };
}
