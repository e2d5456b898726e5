import type { Report, SoundDetector } from '../detector.js';
import { Forest, type Features, type WatchFeatures } from './forest.js';
import { GainInPhase } from './gain-in-phase.js';
import { GainStep } from './gain-step.js';
import { gainForest } from './forests.js';
import type { Sound } from './sound.js';
import { SteadyLevels } from './steady-levels.js';
import { measureStep, STEP_AHEAD_MS, type MeasuredStep } from './step-features.js';
import { SuddenSteps } from './sudden-steps.js';

/** Less is hardly noticed where sound is not steady; more is an end or a beginning of sound. */
const MIN_GAIN_DB = 4;
const MAX_GAIN_DB = 20;
/** One change is told once. */
const APART_MS = 60;
/** What a step is compared with on either side: gains are switched seldom, notes begin time and again. */
const SECONDS_AROUND = 3;
/** From these odds on a step is told: {@link Forest}; and from these on where the sound is steady on both sides of it. */
const LEAST_LOG_ODDS = 1;
const LEAST_IF_STEADY = -2.5;
/** As far may a step between steady levels be from where it is sudden. */
const SAME_MS = 25;

interface Step {
  readonly position: number;
  readonly measured: MeasuredStep;
}

/**
 * A sudden, lasting change of gain: between two samples while the sound goes on in phase, in all bands at once, or between
 * steady sound and steady sound of the same colour. Which steps are those of a gain, a forest tells that has learned it
 * from labelled sets.
 */
export class LevelJump implements SoundDetector {
  readonly #report: Report;
  readonly #watch: WatchFeatures | undefined;
  readonly #sudden = new SuddenSteps();
  readonly #inPhase = new GainInPhase();
  readonly #bands = new GainStep();
  readonly #steady = new SteadyLevels();
  readonly #isGain = new Forest(gainForest);
  readonly #waiting: number[] = [];
  /** In order; those before `#judged` stay as what others are compared with. */
  readonly #steps: Step[] = [];
  #judged = 0;
  /** Steps between steady sound, of late. */
  readonly #steadySteps: number[] = [];
  readonly #told: number[] = [];

  constructor(report: Report, watch?: WatchFeatures) {
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
    const gain = this.#inPhase.find(sound, position);
    if (gain !== undefined && isGain(gain.stepDb)) this.#tell(sound, gain);
    const measured = measureStep(sound, position, { bands: this.#bands });
    if (measured !== undefined) this.#steps.push({ position, measured });
  }

  /** Those around which all is known; the sound reaches to `end`. */
  #judge(sound: Sound, end: number): void {
    const span = SECONDS_AROUND * sound.sampleRate;
    for (; this.#judged < this.#steps.length; this.#judged++) {
      const step = this.#steps[this.#judged]!;
      const { position, measured } = step;
      if (position + span > end) break;
      if (!isGain(measured.stepDb)) continue;
      const features = { ...measured.features, ...this.#around(step, span) };
      this.#watch?.(position, features);
      const least = this.#isBetweenSteady(sound, position) ? LEAST_IF_STEADY : LEAST_LOG_ODDS;
      if (this.#isGain.logOdds(features) >= least) this.#tell(sound, { position, stepDb: measured.stepDb });
    }
    const oldest = this.#steps[this.#judged]?.position ?? end;
    while (this.#steadySteps.length > 0 && this.#steadySteps[0]! < oldest - span) this.#steadySteps.shift();
    while (this.#judged > 0 && this.#steps[0]!.position < oldest - span) {
      this.#steps.shift();
      this.#judged--;
    }
  }

  #isBetweenSteady(sound: Sound, position: number): boolean {
    return this.#steadySteps.some((other) => sound.ms(Math.abs(other - position)) < SAME_MS);
  }

  /** How many steps around one are as large, all of them and those of the same sign. */
  #around({ position, measured }: Step, span: number): Features {
    const size = Math.abs(measured.stepDb);
    const large = this.#steps.filter(
      (other) =>
        other.position !== position &&
        Math.abs(other.position - position) < span &&
        Math.abs(other.measured.stepDb) > 0.7 * size,
    );
    const same = large.filter((other) => other.measured.stepDb * measured.stepDb > 0);
    return { asLarge: large.length, asLargeAndAlike: same.length };
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
