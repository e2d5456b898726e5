import { Fft } from '../signal/fft.js';

/** Window of the model, in samples. */
export const MASK_WINDOW = 2048;
/** Edges of the critical bands in Hz (Zwicker 1961), up to 15.5 kHz and what is above. */
export const bandEdges = [
  ...[0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700],
  ...[3150, 3700, 4400, 5300, 6400, 7700, 9500, 12_000, 15_500, 22_050],
];
/** So many powers, of 1e-9 to 1e7 each, are multiplied before a logarithm is taken: logarithms are dear. */
const LOG_BINS = 16;
/** Loudness of a full-scale sine at which the threshold in quiet is taken. */
const FULL_SCALE_DB_SPL = 96;

export interface MaskedFrame {
  /** Mean ratio of noise to mask; 1 is where noise begins to be heard. */
  readonly ratio: number;
  /** Powers in critical bands of the reference, and of reference and error together. */
  readonly reference: readonly number[];
  readonly heard: readonly number[];
}

/**
 * How far an error lies over what the sound masks, after J. D. Johnston, "Transform Coding of Audio Signals Using
 * Perceptual Noise Criteria", IEEE JSAC 6(2), 1988: power in critical bands, spread over its neighbours (Schroeder, Atal,
 * Hall 1979), lowered by 14.5 + band dB for tones and 5.5 dB for noise by spectral flatness, not below the threshold in
 * quiet (Terhardt 1979). The ratio is the mean over the bands of noise by mask, as the NMR of ITU-R BS.1387-1 §4.5.
 */
export class NoiseToMask {
  readonly #fft = Fft.of(MASK_WINDOW);
  readonly #window = Float64Array.from(
    { length: MASK_WINDOW },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / MASK_WINDOW),
  );
  readonly #re = new Float64Array(MASK_WINDOW);
  readonly #im = new Float64Array(MASK_WINDOW);
  readonly #signal = new Float64Array(MASK_WINDOW / 2);
  readonly #noise = new Float64Array(MASK_WINDOW / 2);
  readonly #both = new Float64Array(MASK_WINDOW / 2);
  /** First bin of each band, and one more. */
  readonly #bins: readonly number[];
  readonly #quiet: readonly number[];
  readonly #spread: readonly (readonly number[])[];

  constructor(sampleRate: number) {
    const binHz = sampleRate / MASK_WINDOW;
    const top = sampleRate / 2;
    const edges = [...bandEdges.filter((edge) => edge < top), top];
    this.#bins = edges.map((edge) => Math.min(MASK_WINDOW / 2, Math.round(edge / binHz)));
    const fullScale = (MASK_WINDOW / 4) ** 2 * 1.5;
    const bands = edges.length - 1;
    this.#quiet = Array.from({ length: bands }, (_, band) => {
      const centre = (edges[band]! + edges[band + 1]!) / 2;
      return fullScale * 10 ** ((quietDbSpl(centre) - FULL_SCALE_DB_SPL) / 10);
    });
    this.#spread = Array.from({ length: bands }, (_, to) => {
      const gains = Array.from({ length: bands }, (_, from) => 10 ** (spreadingDb(to - from) / 10));
      // Renormalised, so that noise of one level keeps it.
      const sum = gains.reduce((total, gain) => total + gain, 0);
      return gains.map((gain) => gain / sum);
    });
  }

  /**
   * @param signal {@link MASK_WINDOW} samples of the reference
   * @param error as many of what the capture differs by
   */
  measure(signal: Float32Array, error: Float32Array): MaskedFrame {
    this.#transform(signal, error);
    const powers = this.#bandPowers(this.#signal);
    const noises = this.#bandPowers(this.#noise);
    const tonality = this.#tonality();
    let sum = 0;
    for (let band = 0; band < powers.length; band++) {
      const gains = this.#spread[band]!;
      let spread = 0;
      for (let from = 0; from < gains.length; from++) spread += gains[from]! * powers[from]!;
      const offsetDb = tonality * (14.5 + band) + (1 - tonality) * 5.5;
      const mask = Math.max(spread * 10 ** (-offsetDb / 10), this.#quiet[band]!);
      sum += noises[band]! / mask;
    }
    return { ratio: sum / powers.length, reference: powers, heard: this.#bandPowers(this.#both) };
  }

  /** Power spectra of both and of their sum, by one complex transform. */
  #transform(signal: Float32Array, error: Float32Array): void {
    const [re, im, window] = [this.#re, this.#im, this.#window];
    const { reversed } = this.#fft;
    for (let i = 0; i < MASK_WINDOW; i++) {
      const to = reversed[i]!;
      re[to] = signal[i]! * window[i]!;
      im[to] = error[i]! * window[i]!;
    }
    this.#fft.butterflies(re, im);
    for (let k = 0; k < MASK_WINDOW / 2; k++) {
      const m = (MASK_WINDOW - k) & (MASK_WINDOW - 1);
      // 2S = Z[k] + Z*[−k], 2jE = Z[k] − Z*[−k].
      const sr = (re[k]! + re[m]!) / 2;
      const si = (im[k]! - im[m]!) / 2;
      const er = (im[k]! + im[m]!) / 2;
      const ei = (re[m]! - re[k]!) / 2;
      this.#signal[k] = sr * sr + si * si;
      this.#noise[k] = er * er + ei * ei;
      this.#both[k] = (sr + er) ** 2 + (si + ei) ** 2;
    }
  }

  #bandPowers(spectrum: Float64Array): number[] {
    return this.#bins.slice(1).map((end, band) => {
      let power = 0;
      for (let bin = this.#bins[band]!; bin < end; bin++) power += spectrum[bin]!;
      return power;
    });
  }

  /** 0 for noise, 1 from a spectral flatness of −60 dB on. */
  #tonality(): number {
    const signal = this.#signal;
    const bins = signal.length - 1;
    let logs = 0;
    let sum = 0;
    for (let from = 1; from <= bins; from += LOG_BINS) {
      const end = Math.min(bins + 1, from + LOG_BINS);
      let product = 1;
      for (let bin = from; bin < end; bin++) {
        const power = signal[bin]! + 1e-9;
        product *= power;
        sum += power;
      }
      logs += Math.log10(product);
    }
    const flatnessDb = 10 * (logs / bins - Math.log10(sum / bins));
    return Math.min(1, Math.max(0, flatnessDb / -60));
  }
}

/** Of a masker `bark` bands below, relative to it. */
function spreadingDb(bark: number): number {
  return 15.81 + 7.5 * (bark + 0.474) - 17.5 * Math.sqrt(1 + (bark + 0.474) ** 2);
}

function quietDbSpl(hz: number): number {
  const khz = Math.max(0.02, hz / 1000);
  return 3.64 * khz ** -0.8 - 6.5 * Math.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz ** 4;
}
