import { Fft } from '../signal/fft.js';
import { FRAME, SKIRT } from './frame.js';

/** Samples from one short-time spectrum to the next: 2.7 ms at 48 kHz. */
export const STEP = 128;
export const STEPS = FRAME / STEP;
const WINDOW = 2 * STEP;
/** Each band ends here, in bins of 187.5 Hz at 48 kHz: octaves from 0.75 kHz on. */
const BAND_ENDS = [4, 8, 16, 32, 64, 128];
export const BANDS = BAND_ENDS.length;

/** Powers of one channel in one frame; index them by step × {@link BANDS} + band. */
export interface ShortTimePowers {
  readonly reference: Float32Array;
  readonly error: Float32Array;
  /** Of both together: the capture. */
  readonly heard: Float32Array;
  /** Share of the power of the reference, in the step that has least of it. */
  readonly leastLeft: number;
}

/** Powers in a step from which on there is sound to have a hole in; beside the mean of its frame, too. */
const SOUND = 1e-6 * STEP ** 2;
const SOUND_BESIDE = 0.1;

/** The least share of the power of the reference that is left in a step; 1 where no step has sound. */
function leastLeft({ reference, heard }: Omit<ShortTimePowers, 'leastLeft'>): number {
  let mean = 0;
  for (const power of reference) mean += power / STEPS;
  let least = 1;
  for (let step = 0; step < STEPS; step++) {
    let [due, own] = [0, 0];
    for (let at = step * BANDS; at < (step + 1) * BANDS; at++) {
      due += reference[at]!;
      own += heard[at]!;
    }
    if (due > Math.max(SOUND, SOUND_BESIDE * mean)) least = Math.min(least, own / due);
  }
  return least;
}

/** Spectra short enough to show a defect of a few milliseconds beside what a codec spreads over its windows. */
export class ShortTime {
  readonly #fft = Fft.of(WINDOW);
  readonly #window = Float64Array.from(
    { length: WINDOW },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / WINDOW),
  );
  readonly #re = new Float64Array(WINDOW);
  readonly #im = new Float64Array(WINDOW);

  /**
   * Both in one complex transform.
   *
   * @param reference a frame and its skirts on either side
   * @param error as much of what the capture differs by
   */
  of(reference: Float32Array, error: Float32Array): ShortTimePowers {
    const [own, other, both] = [0, 1, 2].map(() => new Float32Array(STEPS * BANDS));
    const powers = { reference: own!, error: other!, heard: both! };
    for (let step = 0; step < STEPS; step++) this.#step(step, { reference, error, powers });
    return { ...powers, leastLeft: leastLeft(powers) };
  }

  #step(
    step: number,
    sound: { reference: Float32Array; error: Float32Array; powers: Omit<ShortTimePowers, 'leastLeft'> },
  ): void {
    const { reference, error, powers } = sound;
    const [re, im, window] = [this.#re, this.#im, this.#window];
    const { reversed } = this.#fft;
    const from = SKIRT + step * STEP - STEP / 2;
    for (let i = 0; i < WINDOW; i++) {
      const to = reversed[i]!;
      const weight = window[i]!;
      re[to] = reference[from + i]! * weight;
      im[to] = error[from + i]! * weight;
    }
    this.#fft.butterflies(re, im);
    let k = 1;
    for (const [band, end] of BAND_ENDS.entries()) {
      let [one, other, both] = [0, 0, 0];
      for (; k < end; k++) {
        const m = WINDOW - k;
        // 2R = Z[k] + Z*[−k], 2jE = Z[k] − Z*[−k].
        const [a, b, c, d] = [re[k]!, im[k]!, re[m]!, im[m]!];
        one += (a + c) ** 2 + (b - d) ** 2;
        other += (a - c) ** 2 + (b + d) ** 2;
        both += (a + c + b + d) ** 2 + (b - d - a + c) ** 2;
      }
      powers.reference[step * BANDS + band] = one / 4;
      powers.error[step * BANDS + band] = other / 4;
      powers.heard[step * BANDS + band] = both / 4;
    }
  }
}
