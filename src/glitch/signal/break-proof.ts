import { BothSides } from './both-sides.js';
import { FACTOR } from './low-band.js';
import type { Healed } from '../../signal/interpolation.js';
import { likeAPeriodBefore, repeatAt, type Repeat } from './repeat.js';
import type { Line } from './residual.js';
import { HOP } from './sound.js';
import type { StandOut } from './stand-outs.js';

/** What the sound does after a break. */
export interface BreakProof {
  /** `on` as if nothing had been; `again` with what has just been heard. */
  readonly goes: 'on' | 'again' | 'elsewhere';
  /** Where it goes again. */
  readonly repeat: Repeat | undefined;
}

/** The sum of the channels, and the same decimated. */
export interface Lines {
  readonly line: Line;
  readonly low: Line;
}

/** In samples of the low band: left out of its sides, and looked at on either side. */
const LOW_SKIRT = 4;
const LOW_CONTEXT = 256;
/** In samples of all the sound. */
const FULL_SKIRTS = { before: 16, after: 32 };
const FULL_CONTEXT = 1024;
/** A click is a few samples. */
const CLICK = { before: 2, after: 5 };

/** Hops that {@link proveBreak} needs after a place. */
export const LOOKAHEAD = Math.ceil(((LOW_SKIRT + LOW_CONTEXT + 8) * FACTOR) / HOP);

/** From a break no side's prediction is off by more than the other phase would be, and a little; before an attack it is. */
const MOST_MISSED = 12;

/** A predictor gains less of noise, and more of anything else. */
const NOISE_GAIN_DB = 7;

/** Tells breaks from what is natural. Undefined when it is none, or not proven. */
export function proveBreak(found: StandOut, lines: Lines): BreakProof | undefined {
  const at = Math.round(found.position / FACTOR);
  const sides = BothSides.of(lines.low, { at, before: LOW_SKIRT, after: LOW_SKIRT, context: LOW_CONTEXT });
  if (sides === undefined || Math.max(...sides.missed) > MOST_MISSED) return undefined;
  const candidate = new Candidate(found, sides, lines);
  const repeat = repeatAt(lines.line, lines.low, { at: found.position, factor: FACTOR });
  if (candidate.isRepeat(repeat)) return { goes: 'again', repeat };
  // In noise only what is larger than the noise is a break: one stretch of it goes with any other.
  if (sides.gainDb < NOISE_GAIN_DB && found.shareDb < 0) {
    return found.lowShareDb >= 0 && candidate.isBroken() ? { goes: 'on', repeat: undefined } : undefined;
  }
  if (candidate.isBlip()) return { goes: 'on', repeat: undefined };
  if (!candidate.isBroken() && !candidate.isBrokenLow()) return undefined;
  return { goes: candidate.heals() ? 'on' : 'elsewhere', repeat: undefined };
}

class Candidate {
  readonly #found: StandOut;
  readonly #sides: BothSides;
  readonly #lines: Lines;
  /** A note's beginning bends the waveform: it heals when a millisecond is free, not when a few samples are. */
  readonly #isKink: () => boolean;
  /** If a few samples were free. */
  readonly #few: () => Healed | undefined;
  readonly #healsAtOnce: () => boolean;
  readonly #isFarOff: () => boolean;
  readonly #wideHealing: () => Healed;

  constructor(found: StandOut, sides: BothSides, lines: Lines) {
    this.#found = found;
    this.#sides = sides;
    this.#lines = lines;
    const full = once(() =>
      BothSides.of(lines.line, { at: found.position, ...FULL_SKIRTS, context: FULL_CONTEXT }),
    );
    this.#few = once(() => full()?.healed(CLICK.before, CLICK.after));
    this.#healsAtOnce = once(() => isHealed(this.#few()));
    this.#wideHealing = once(
      () => full()?.healed(FULL_SKIRTS.before, FULL_SKIRTS.after) ?? { asIsDb: 0, healedDb: 0 },
    );
    this.#isFarOff = () => (this.#few()?.healedDb ?? 0) > 40;
    this.#isKink = once(() => (this.#few()?.healedDb ?? 0) > 3 && this.#wideHealing().healedDb < 1);
  }

  isRepeat({ length, match, matchBefore, contrastDb }: Repeat): boolean {
    if (match < 0.995 && this.#found.ratioDb >= 8 && this.#healsAtOnce()) return false;
    if (match < 0.97 || matchBefore >= 0.9 || contrastDb < 10) return false;
    const { position, ratioDb, shareDb, lowRatioDb } = this.#found;
    // Short stretches, of one beat or none, are alike by chance: there has to be a break, too.
    if (length < 512 && ratioDb < 6 && lowRatioDb < 4) return false;
    // The edges of a square wave are alike, too: they are no larger than others around them.
    if (length < 512 && ratioDb < 4 && shareDb > -18) return false;
    if (length < 512 && (match < (length < 100 ? 0.975 : 0.985) || this.#isKink())) return false;
    // Another note has its edges as far apart by chance.
    if (Math.min(...this.#sides.unlikeDb) > 10) return false;
    return likeAPeriodBefore(this.#lines.low, Math.round(position / FACTOR)) < 0.9;
  }

  /** Each side is what the other lets expect, and only what lies between is not. */
  isBlip(): boolean {
    return this.#isSpike() || this.#isSmeared();
  }

  /** A few samples that tower over the sound. */
  #isSpike(): boolean {
    const { ratioDb, shareDb } = this.#found;
    if (ratioDb < 7 || shareDb < 0 || Math.max(...this.#sides.missed) > 0.6) return false;
    const few = this.#few();
    return few !== undefined && few.asIsDb >= 12 && few.healedDb <= 1;
  }

  /** As a codec leaves a click: milliseconds of the low band. */
  #isSmeared(): boolean {
    const { lowRatioDb, lowShareDb } = this.#found;
    const { missed, unlikeDb, stepDb } = this.#sides;
    if (lowRatioDb < 5 || lowShareDb < -10) return false;
    if (Math.max(...missed) > 0.7 || Math.min(...missed) > 0.25) return false;
    if (Math.max(...unlikeDb) > 6 || Math.abs(stepDb) > 3) return false;
    const { asIsDb, healedDb } = this.#lowHealing();
    return asIsDb - healedDb >= 10;
  }

  /** By the residual of all the sound. */
  isBroken(): boolean {
    const { ratioDb, shareDb, stepDb, sideStepDb, hissStepDb } = this.#found;
    if (ratioDb < 8 || shareDb < -16 || sideStepDb > 24) return false;
    const isLoud = shareDb >= -8;
    const [before, after] = this.#sides.unlikeDb;
    const isAlike = Math.min(before, after);
    if (Math.abs(stepDb) <= 6 && Math.abs(hissStepDb) < 8 && isAlike < 12 && (isLoud || ratioDb >= 11))
      return isLoud || !this.#isKink();
    if (ratioDb < 13 || shareDb < -13 || Math.abs(stepDb) > 21 || isAlike > 10) return false;
    return Math.abs(this.#sides.stepDb) < 17 && (isLoud || !this.#isKink());
  }

  /** By the residual of the low band. */
  isBrokenLow(): boolean {
    const { ratioDb, shareDb, lowRatioDb, lowShareDb, hissStepDb, sideStepDb } = this.#found;
    const isSeenTwice = ratioDb >= 7;
    if (lowRatioDb < (isSeenTwice ? 3 : 5) || sideStepDb > 12) return false;
    if (ratioDb < 4 && shareDb > -8) return false;
    if (Math.abs(hissStepDb) > (lowRatioDb >= 8 || isSeenTwice ? 8 : 4)) return false;
    const step = Math.abs(this.#sides.stepDb);
    const { asIsDb, healedDb } = this.#lowHealing();
    const unlike = Math.max(...this.#sides.unlikeDb);
    if (lowRatioDb >= 9 && asIsDb >= 20 && healedDb > 15 && lowShareDb >= -6 && step < 6 && unlike < 15)
      return true;
    if (asIsDb < 8 || step > 6 || unlike > (lowRatioDb < 9 ? 6.5 : 10)) return false;
    if (lowShareDb >= -8) return true;
    // Steady sound that goes on unchanged in either direction.
    return lowRatioDb >= 6 && Math.max(...this.#sides.missed) < 0.06 && healedDb < asIsDb - 6;
  }

  /** Whether the sound after it goes with that before it. */
  heals(): boolean {
    if (this.#healsAtOnce() || Math.max(...this.#sides.missed) < 0.35) return true;
    if (this.#isKink() || this.#isFarOff()) return false;
    const { shareDb, lowShareDb } = this.#found;
    if (Math.max(shareDb, lowShareDb) > 11) return true;
    const { asIsDb, healedDb } = this.#lowHealing();
    const gain = asIsDb - healedDb;
    if (asIsDb >= 8) return healedDb <= 10 && (gain >= 13 || (gain >= 9 && healedDb <= 2));
    const wide = this.#wideHealing();
    return wide.asIsDb - wide.healedDb >= 15 && wide.healedDb >= 5;
  }

  #lowHealing(): Healed {
    return this.#sides.healed(LOW_SKIRT, LOW_SKIRT);
  }
}

/** Nothing but a few samples was changed. */
function isHealed(healing: Healed | undefined): boolean {
  return healing !== undefined && healing.asIsDb >= 8 && healing.healedDb <= 0.13 * healing.asIsDb;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
