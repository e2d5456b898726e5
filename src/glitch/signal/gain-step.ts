import { PowerSpectrum } from './fft.js';
import type { Sound } from './sound.js';

const SIZE = 1024;
/** Edges of the bands in Hz, critical bands of the ear (Zwicker 1961) where there are voices and notes. */
const EDGES_HZ = [
  ...[100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400],
  ...[5300, 6400, 7700, 9500],
];
/** Bands further below the loudest one, or quieter than this, tell more of noise than of the sound. */
const HEARD_DB = 35;
const QUIETEST_DB = -75;
const MIN_BANDS = 8;
/** Half of the bands step by as much as the middle one, but for this, and four of five but for that. */
const HALF_DB = 1;
const MOST_DB = 2.6;
/** The bands' middle steps by no more than this right before and right after. */
const STEADY_DB = 2.5;

/**
 * The step of a gain in sound that is not steady: a note, a consonant or an end of sound changes some bands more than
 * others, or goes on changing; a gain lifts or lowers them all by as much at one place, and that once.
 */
export class GainStep {
  readonly #spectrum = new PowerSpectrum(SIZE);
  readonly #power = new Float64Array(SIZE / 2);

  /** @returns the step at `position` in dB, positive where it becomes louder; undefined when it is none of a gain */
  at(sound: Sound, position: number): number | undefined {
    const [before, after] = [this.#bands(sound, position - SIZE), this.#bands(sound, position)];
    const steps = stepsOf(before, after);
    if (steps.length < MIN_BANDS) return undefined;
    const step = middle(steps);
    const off = steps.map((one) => Math.abs(one - step)).sort((a, b) => a - b);
    if (middle(off) > HALF_DB || off[Math.floor(off.length * 0.8)]! > MOST_DB) return undefined;
    const earlier = stepsOf(this.#bands(sound, position - 2 * SIZE), before);
    const later = stepsOf(after, this.#bands(sound, position + SIZE));
    const isSteady = [earlier, later].every((own) => own.length > 0 && Math.abs(middle(own)) <= STEADY_DB);
    return isSteady ? step : undefined;
  }

  /** Levels of the sum of the channels in `SIZE` samples. */
  #bands(sound: Sound, from: number): number[] {
    const mono = new Float32Array(SIZE);
    for (let channel = 0; channel < sound.channels; channel++) {
      sound.view(channel, from, from + SIZE).forEach((x, i) => (mono[i]! += x));
    }
    const power = this.#spectrum.of(mono, this.#power);
    const bin = (hz: number): number => Math.ceil((hz * SIZE) / sound.sampleRate);
    return EDGES_HZ.slice(1).map((to, band) => {
      let sum = 0;
      for (let k = bin(EDGES_HZ[band]!); k < bin(to); k++) sum += power[k] ?? 0;
      return 10 * Math.log10(sum / (SIZE / 4) ** 2 + 1e-12);
    });
  }
}

/** How much each band that is heard before and after changes, in order of size. */
function stepsOf(before: readonly number[], after: readonly number[]): number[] {
  const isHeard = (levels: readonly number[], band: number): boolean =>
    levels[band]! > Math.max(Math.max(...levels) - HEARD_DB, QUIETEST_DB);
  return before
    .flatMap((level, band) => (isHeard(before, band) && isHeard(after, band) ? [after[band]! - level] : []))
    .sort((a, b) => a - b);
}

function middle(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1]!;
}
