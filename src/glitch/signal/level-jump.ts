import type { Report, SoundDetector } from '../detector.js';
import { Forest, type Features, type Watch } from './forest.js';
import { gainInPhase } from './gain-in-phase.js';
import { GainStep } from './gain-step.js';
import { gainForest, gainGlance } from './forests.js';
import { HeldPlaces } from './held-places.js';
import { BLUR } from './levels.js';
import { Partials } from './partials.js';
import { Phases } from './phases.js';
import type { Sound } from './sound.js';
import { SteadyLevels } from './steady-levels.js';
import { levelStep, STEP_AHEAD_MS, type LevelStep } from './step-features.js';
import { SuddenSteps } from './sudden-steps.js';

/** Less is hardly noticed where sound is not steady; more is an end or a beginning of sound. */
const MIN_GAIN_DB = 4;
const MAX_GAIN_DB = 20;
/** One change is told once. */
const APART_MS = 60;
/** What a step is compared with on either side: gains are switched seldom, notes begin time and again. */
const SECONDS_AROUND = 3;
/** From these odds on a step is told: {@link Forest}; and from these on where the sound is steady on both sides of it. */
const LEAST_LOG_ODDS = 1.5;
const LEAST_IF_STEADY = -1.5;
/** As far may a step between steady levels be from where it is sudden. */
const SAME_MS = 25;

interface Step extends LevelStep {
  /** Of a gain, if it may be one. */
  readonly gain: { readonly gainDb: number; readonly features: Features } | undefined;
}

/**
 * A sudden, lasting change of gain: between two samples while the sound goes on in phase, in all bands at once, or between
 * steady sound and steady sound of the same colour. Which steps are those of a gain, a forest tells that has learned it
 * from labelled sets.
 */
export class LevelJump implements SoundDetector {
  readonly #report: Report;
  readonly #watch: Watch | undefined;
  readonly #sudden = new SuddenSteps();
  readonly #bands = new GainStep();
  readonly #partials = new Partials();
  readonly #phases = new Phases(BLUR);
  readonly #steady = new SteadyLevels();
  readonly #mayBeGain = new Forest(gainGlance);
  readonly #isGain = new Forest(gainForest);
  readonly #waiting: number[] = [];
  readonly #steps = new HeldPlaces<Step>();
  /** Steps between steady sound, of late. */
  readonly #steadySteps: number[] = [];
  readonly #told: number[] = [];

  constructor(report: Report, watch?: Watch) {
    this.#report = report;
    this.#watch = watch;
  }

  advance(sound: Sound): void {
    this.#waiting.push(...this.#sudden.advance(sound));
    const ahead = (STEP_AHEAD_MS * sound.sampleRate) / 1000;
    while (this.#waiting.length > 0 && this.#waiting[0]! + ahead < sound.endPosition)
      this.#measure(sound, this.#waiting.shift()!);
    this.#steadySteps.push(...this.#steady.advance(sound));
    this.#judge(sound, sound.endPosition);
  }

  end(sound: Sound): void {
    this.#judge(sound, Infinity);
  }

  #measure(sound: Sound, position: number): void {
    const step = levelStep(sound, position);
    const glance = { ...step.features, asLargeBefore: this.#asLarge(step, sound).length };
    this.#watch?.glance?.(position, glance);
    const mayBeGain = this.#watch !== undefined || this.#mayBeGain.logOdds(glance) >= 0;
    this.#steps.add({ ...step, gain: mayBeGain ? this.#gainAt(sound, step, glance) : undefined });
  }

  #gainAt(sound: Sound, { position, stepDb }: LevelStep, glance: Features): Step['gain'] {
    const bands = this.#bands.compare(sound, position);
    if (bands !== undefined && !isGain(bands.stepDb)) return undefined;
    const inPhase = gainInPhase(sound, position);
    if (inPhase === undefined) return undefined;
    if (inPhase.isClear && isGain(inPhase.stepDb)) this.#tell(sound, inPhase);
    if (bands === undefined) return undefined;
    const gainDb = bands.stepDb;
    const sign = Math.sign(stepDb);
    const features = {
      ...glance,
      gainDb: sign * gainDb,
      ...this.#bands.measure(sound, bands),
      inPhaseDb: sign * inPhase.stepDb,
      ...inPhase.features,
      ...this.#partials.measure(sound, position, gainDb),
    };
    return { gainDb, features };
  }

  /** Those around which all is known; the sound reaches to `end`. */
  #judge(sound: Sound, end: number): void {
    const oldest = this.#steps.judge(end, SECONDS_AROUND * sound.sampleRate, (step) => {
      const { position, gain } = step;
      if (gain === undefined) return;
      const large = this.#asLarge(step, sound);
      const alike = large.filter(({ stepDb }) => stepDb * step.stepDb > 0);
      const features = {
        ...gain.features,
        asLarge: large.length,
        asLargeAndAlike: alike.length,
        ...this.#phases.measure(sound, position),
      };
      this.#watch?.look(position, features);
      const least = this.#isBetweenSteady(sound, position) ? LEAST_IF_STEADY : LEAST_LOG_ODDS;
      if (this.#isGain.logOdds(features) >= least) this.#tell(sound, { position, stepDb: gain.gainDb });
    });
    while (this.#steadySteps.length > 0 && this.#steadySteps[0]! < oldest) this.#steadySteps.shift();
  }

  #isBetweenSteady(sound: Sound, position: number): boolean {
    return this.#steadySteps.some((other) => sound.ms(Math.abs(other - position)) < SAME_MS);
  }

  /** The others around a step that are as large. */
  #asLarge(step: LevelStep, sound: Sound): Step[] {
    const least = 0.7 * Math.abs(step.stepDb);
    const others = this.#steps.around(step, SECONDS_AROUND * sound.sampleRate);
    return others.filter(({ stepDb }) => Math.abs(stepDb) > least);
  }

  #tell(sound: Sound, { position, stepDb }: { position: number; stepDb: number }): void {
    const apart = (APART_MS * sound.sampleRate) / 1000;
    if (this.#told.some((other) => Math.abs(other - position) < apart)) return;
    this.#told.push(position);
    if (this.#told.length > 8) this.#told.shift();
    const place = sound.locate(position);
    this.#report({
      kind: 'level-jump',
      medium: 'audio',
      severity: Math.abs(stepDb) >= 10 ? 'major' : 'minor',
      reason: `the level ${stepDb > 0 ? 'rises' : 'falls'} by ${Math.abs(stepDb).toFixed(1)} dB at once`,
      timeMs: place.timeMs,
      durationMs: 0,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: { jumpDb: Math.round(stepDb * 10) / 10 },
      cause: 'two sources of different loudness were joined, or a gain was switched',
    });
  }
}

function isGain(stepDb: number): boolean {
  return Math.abs(stepDb) >= MIN_GAIN_DB && Math.abs(stepDb) <= MAX_GAIN_DB;
}
