import type { Report, SoundDetector } from '../detector.js';
import { GainInPhase } from './gain-in-phase.js';
import { GainStep } from './gain-step.js';
import { mean } from './levels.js';
import { HOP, type Sound } from './sound.js';
import { SteadyLevels } from './steady-levels.js';
import { SuddenSteps } from './sudden-steps.js';

/** Less is hardly noticed where sound is not steady; more is an end or a beginning of sound. */
const MIN_GAIN_DB = 4;
const MAX_GAIN_DB = 20;
/** A sudden step waits for this much sound after it. */
const AHEAD_MS = 60;
/** A gain steps all bands, so that level and highs next to it step the same way by no less than this. */
const LEAST_BESIDE_DB = 2.5;
const BESIDE_MS = [3, 11] as const;
/** One change is told once. */
const APART_MS = 60;
/** A step lasts where there is this share of the power after it later on. */
const LASTS = 0.05;
const SOON_MS = [3, 15] as const;
const LATE_MS = [25, 55] as const;

/**
 * A sudden, lasting change of gain: between two samples while the sound goes on in phase, in all bands at once, or between
 * steady sound and steady sound of the same colour.
 */
export class LevelJump implements SoundDetector {
  readonly #report: Report;
  readonly #sudden = new SuddenSteps();
  readonly #inPhase = new GainInPhase();
  readonly #bands = new GainStep();
  readonly #steady = new SteadyLevels();
  readonly #waiting: number[] = [];
  readonly #told: number[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    this.#waiting.push(...this.#sudden.advance(sound));
    const ahead = (AHEAD_MS * sound.sampleRate) / 1000;
    while (this.#waiting.length > 0 && this.#waiting[0]! + ahead < sound.endPosition) {
      const position = this.#waiting.shift()!;
      const gain = this.#inPhase.find(sound, position) ?? this.#inAllBands(sound, position);
      if (gain === undefined || Math.abs(gain.stepDb) < MIN_GAIN_DB || Math.abs(gain.stepDb) > MAX_GAIN_DB)
        continue;
      this.#tell(sound, gain);
    }
    for (const step of this.#steady.advance(sound)) this.#tell(sound, step);
  }

  #inAllBands(sound: Sound, position: number): { position: number; stepDb: number } | undefined {
    // Most end here: spectra take far longer.
    if (!stepsBeside(sound, position)) return undefined;
    const stepDb = this.#bands.at(sound, position);
    return stepDb === undefined || !lasts(sound, position) ? undefined : { position, stepDb };
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

/** Whether the level and the highs step the same way, next to what a codec blurs. */
function stepsBeside(sound: Sound, position: number): boolean {
  const at = Math.round(position / HOP) - sound.firstHop;
  const [near, far] = BESIDE_MS.map((ms) => sound.hops(ms));
  const steps = (['energy', 'rough'] as const).map((measure) => {
    let [before, after] = [1e-9, 1e-9];
    for (const { [measure]: series } of sound.measures) {
      for (let i = near!; i <= far!; i++) {
        before += series[at - 1 - i]!;
        after += series[at + i]!;
      }
    }
    return 10 * Math.log10(after / before);
  });
  return Math.min(...steps) > LEAST_BESIDE_DB || Math.max(...steps) < -LEAST_BESIDE_DB;
}

/** Whether there is sound for some time after a place: an end of sound falls, too. */
function lasts(sound: Sound, position: number): boolean {
  const at = Math.round(position / HOP);
  const [soon, late] = [SOON_MS, LATE_MS].map(([from, to]) =>
    mean(sound, undefined, at + sound.hops(from), at + sound.hops(to)),
  );
  return late! > LASTS * soon!;
}
