import { PowerSpectrum } from '../signal/fft.js';
import type { Change, GainChange, LostHighs } from './change.js';
import type { Stretch } from './stretch.js';
import { switchPoint } from './switch-point.js';

const WINDOW = 256;
const STEP = 64;
/** Power of highs that say nothing: −90 dB of full scale. */
const LEAST = 1e-9 * (WINDOW / 4) ** 2;
const QUIET = LEAST / 10;
/** So far off is as good as anything. */
const FAR_DB = 15;

/** Where in a stretch of one channel a change lies, in samples from its beginning. */
export function changePlace({ heard, reference, sampleRate }: Stretch, change: Change): number {
  const isGain = change.kind === 'level-jump';
  const spectrum = new PowerSpectrum(WINDOW);
  const first = isGain ? 0 : Math.ceil((change.edgeHz * WINDOW) / sampleRate) + 1;
  const powers = (samples: Float32Array): Float64Array =>
    Float64Array.from({ length: Math.floor((samples.length - WINDOW) / STEP) }, (_, i) =>
      spectrum
        .of(samples.subarray(i * STEP, i * STEP + WINDOW))
        .subarray(first)
        .reduce((total, power) => total + power, 0),
    );
  const sides = [powers(heard[0]!), powers(reference[0]!)] as const;
  const step = isGain ? gainPlace(...sides, change) : highsPlace(...sides, change);
  return step * STEP + WINDOW / 2;
}

/** Amplitudes on either side of it are those of the reference times the gain of that side. */
function gainPlace(heard: Float64Array, reference: Float64Array, { beforeDb, stepDb }: GainChange): number {
  const errors = (db: number): Float32Array =>
    Float32Array.from(
      heard,
      (power, i) => (Math.sqrt(power) - 10 ** (db / 20) * Math.sqrt(reference[i]!)) ** 2,
    );
  return switchPoint(errors(beforeDb), errors(beforeDb + stepDb), Infinity).leaves;
}

/**
 * Levels on either side are close to those of the reference and its level on that side. What is so soft that the codec left
 * it out before says nothing. Of the places that fit as well it is the last, where something is first missing.
 */
function highsPlace(
  heard: Float64Array,
  reference: Float64Array,
  { beforeDb, stepDb, from, after }: LostHighs,
): number {
  const levels = reference.map(
    (power, i) => 10 * Math.log10((heard[i]! + QUIET) / (power + QUIET)) - beforeDb,
  );
  const known = Math.floor((after - from) / STEP);
  const least = reference.reduce(
    (most, power, i) => (i < known && levels[i]! < stepDb / 2 ? Math.max(most, power) : most),
    LEAST,
  );
  let best = { cost: Infinity, at: known };
  let cost = 0;
  for (let i = known; i <= reference.length; i++) {
    if (cost <= best.cost) best = { cost, at: i };
    if ((reference[i] ?? 0) <= least) continue;
    // Halfway between the two levels it says nothing.
    cost -= Math.max(-FAR_DB, Math.min(FAR_DB, levels[i]! - stepDb / 2));
  }
  return best.at;
}
