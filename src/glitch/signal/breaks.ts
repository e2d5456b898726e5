import type { GlitchKind, Verdict } from '../finding.js';
import type { Report, SoundDetector } from '../detector.js';
import { glanceAt, LOOKAHEAD, measureBreak, type MeasuredBreak } from './break-features.js';
import { breakForest, breakGlance, clickForest } from './forests.js';
import { Forest, type Features, type Watch } from './forest.js';
import { HeldPlaces } from './held-places.js';
import { BLUR } from './levels.js';
import type { LowBand } from './low-band.js';
import { Phases } from './phases.js';
import type { Line } from './residual.js';
import type { Sound } from './sound.js';
import { StandOuts, type StandOut } from './stand-outs.js';

/** Of a break that stands out less, little is heard; it is told where the sound repeats itself exactly. */
const FAINT_DB = 4;
/** A click that stands out so far is heard by anyone. */
const LOUD_DB = 15.5;
/** Against the level of the sound; what is softer is hardly heard beside it unless its lows break, too. */
const SOFT_DB = -12;
/** What a place is compared with on either side: breaks are rare, and what comes again and again is music or crackle. */
const SECONDS_AROUND = [1, 3] as const;
const MOST_SECONDS = Math.max(...SECONDS_AROUND);
const NEARLY_DB = 3;
/** An encoder codes its first blocks badly, whatever was recorded. */
const COLD_MS = 64;
/** From these odds on a place is told: {@link Forest}. */
const LEAST_LOG_ODDS = 1.5;
/** And from these on where the sound becomes so much louder, so that it may begin there. */
const LEAST_AT_ONSET = 3;
const ONSET_DB = 10;
const LEAST_REPEAT = { match: 0.97, contrastDb: 10, before: 0.9 };

interface Place {
  readonly position: number;
  readonly found: StandOut;
  readonly glance: Features;
  /** Undefined where it cannot be a break, or too little sound is around it. */
  readonly measured: MeasuredBreak | undefined;
  readonly standsOutDb: number;
}

interface ProvenBreak extends Place {
  readonly measured: MeasuredBreak;
  readonly isClick: boolean;
}

/**
 * `click`: a break after which the sound goes on as if nothing had been. `skip`: a break after which it does not: some of
 * it is missing. `repeat`: what follows has just been heard. Held back until what follows is known: a break is nothing that
 * the sound has time and again. What is a break, and which, forests tell that have learned it from labelled sets.
 */
export class Breaks implements SoundDetector {
  readonly #report: Report;
  readonly #low: LowBand;
  readonly #watch: Watch | undefined;
  readonly #standOuts: StandOuts;
  readonly #mayBeBreak = new Forest(breakGlance);
  readonly #isBreak = new Forest(breakForest);
  readonly #isClick = new Forest(clickForest);
  #line: Line | undefined;
  readonly #phases = new Phases(BLUR);
  readonly #places = new HeldPlaces<Place>();

  /** @param low may be shared: whoever comes first brings it up to date */
  constructor(report: Report, low: LowBand, watch?: Watch) {
    this.#report = report;
    this.#low = low;
    this.#watch = watch;
    this.#standOuts = new StandOuts(low);
  }

  advance(sound: Sound): void {
    const line = (this.#line ??= lineOf(sound));
    const low = this.#low;
    low.advance(sound);
    this.#standOuts.advance(sound, line, {
      lookahead: LOOKAHEAD,
      take: (found) => {
        const standsOutDb = Math.max(found.ratioDb, found.lowRatioDb);
        const { position } = found;
        const span = MOST_SECONDS * sound.sampleRate;
        const alike = this.#places.around(found, span).filter(standingOut(standsOutDb - NEARLY_DB)).length;
        const glance = { standsOutDb, alike, ...glanceAt(found) };
        this.#watch?.glance?.(position, glance);
        const mayBeBreak = this.#watch !== undefined || this.#mayBeBreak.logOdds(glance) >= 0;
        const measured = mayBeBreak ? measureBreak(position, { line, low }) : undefined;
        this.#places.add({ position, found, glance, measured, standsOutDb });
      },
    });
    this.#judge(sound, sound.endPosition);
  }

  end(sound: Sound): void {
    this.#judge(sound, Infinity);
  }

  /** Those around which all is known; the sound reaches to `end`. */
  #judge(sound: Sound, end: number): void {
    this.#places.judge(end, MOST_SECONDS * sound.sampleRate, (place) => {
      const { position, measured } = place;
      if (measured === undefined) return;
      const features = {
        ...place.glance,
        ...measured.features,
        ...this.#around(place, sound.sampleRate),
        ...this.#phases.measure(sound, position),
      };
      this.#watch?.look(position, features);
      if (sound.ms(position) < COLD_MS) return;
      const isSure = isBlip(features);
      const least = place.found.stepDb > ONSET_DB ? LEAST_AT_ONSET : LEAST_LOG_ODDS;
      if (!isSure && this.#isBreak.logOdds(features) < least) return;
      const isClick = isSure || this.#isClick.logOdds(features) > 0;
      this.#tell(sound, { ...place, measured, isClick });
    });
  }

  /** How many places around one stand out as far, nearly as far, and with half as much residual. */
  #around(place: Place, sampleRate: number): Features {
    const { found, standsOutDb } = place;
    const counts: Record<string, number> = {};
    for (const seconds of SECONDS_AROUND) {
      const others = this.#places.around(place, seconds * sampleRate);
      counts[`asFar${seconds}`] = others.filter(standingOut(standsOutDb)).length;
      counts[`nearlyAsFar${seconds}`] = others.filter(standingOut(standsOutDb - NEARLY_DB)).length;
      counts[`asLarge${seconds}`] = others.filter((other) => other.found.size >= found.size / 2).length;
    }
    return counts;
  }

  #tell(sound: Sound, { found, measured, standsOutDb, isClick }: ProvenBreak): void {
    const { timeMs, unit, byteOffset } = sound.locate(found.position);
    const { match, contrastDb, matchBefore, length } = measured.repeat;
    const { match: least, contrastDb: contrast, before } = LEAST_REPEAT;
    const isAgain = match >= least && contrastDb >= contrast && matchBefore < before;
    const { kind, cause } = names[isClick ? 'on' : isAgain ? 'again' : 'elsewhere'];
    this.#report({
      kind,
      medium: 'audio',
      timeMs,
      unit,
      byteOffset,
      ...verdictOn(kind, found),
      durationMs: kind === 'repeat' ? sound.ms(length) : 0,
      measured: {
        standsOutDb: round(standsOutDb),
        residual: round(found.size),
        ...(kind === 'repeat' ? { repeatedSamples: length, match: round(match) } : {}),
      },
      cause,
    });
  }
}

function standingOut(leastDb: number): (place: Place) => boolean {
  return ({ standsOutDb }) => standsOutDb >= leastDb;
}

/** Sound that either side lets expect of the other one, with something between: no set is needed to tell it. */
function isBlip(features: Features): boolean {
  return features['nearlyAsFar3']! <= 2 && (isBlipOfLows(features) || isTick(features));
}

function isBlipOfLows({
  lowRatioDb,
  lowMissedDbMost,
  lowUnlikeDbMost,
  lowAsIsDb,
  lowHealedDb,
}: Features): boolean {
  return (
    lowRatioDb! >= 8 && lowMissedDbMost! <= -15 && lowUnlikeDbMost! <= 3 && lowAsIsDb! - lowHealedDb! >= 10
  );
}

/** A few samples, with which alone both sides would be one sound. */
function isTick({ ratioDb, fewAsIsDb, fewHealedDb, fullUnlikeDbMost, stepDb }: Features): boolean {
  return (
    ratioDb! >= 12 &&
    fewHealedDb! <= 3 &&
    fewAsIsDb! - fewHealedDb! >= 15 &&
    fullUnlikeDbMost! <= 2 &&
    Math.abs(stepDb!) <= 1
  );
}

const names = {
  on: { kind: 'click', cause: 'a few wrong samples: an overrun buffer, a bad cable, a damaged block' },
  again: { kind: 'repeat', cause: 'a buffer was played twice' },
  elsewhere: {
    kind: 'skip',
    cause: 'samples are missing or do not belong here: a lost buffer, or a cut',
  },
} as const;

function verdictOn(kind: GlitchKind, { ratioDb, lowRatioDb, shareDb }: StandOut): Verdict {
  if (Math.max(ratioDb, lowRatioDb) < FAINT_DB)
    return { severity: 'info', reason: 'hardly more of a break than the sound around it has by itself' };
  if (lowRatioDb < FAINT_DB && shareDb < SOFT_DB)
    return { severity: 'info', reason: 'a tick far softer than the sound around it, in its highs alone' };
  if (kind !== 'click')
    return { severity: 'minor', reason: 'the waveform breaks: heard as a tick or a stumble' };
  return ratioDb >= LOUD_DB && shareDb >= SOFT_DB
    ? { severity: 'major', reason: 'a loud click, far above what is around it' }
    : { severity: 'minor', reason: 'a click that stands out of what is around it' };
}

/** The sum of the channels. */
function lineOf(sound: Sound): Line {
  return {
    get first() {
      return sound.firstPosition;
    },
    get end() {
      return sound.endPosition;
    },
    samples: (from, to) => sound.sum(from, to),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
