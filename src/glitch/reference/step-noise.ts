import { BANDS, STEP, STEPS, type ShortTimePowers } from './short-time.js';
import { FRAME } from './frame.js';

/** A codec's noise lies where the sound was within its windows: this many steps on either side. */
const REACH = FRAME / STEP;
const KEPT = 128;
const REMEMBER = 1 - 1 / 64;
/** Until so many frames are in, a codec of low bitrate is assumed. */
const LEAST = 12;
const ASSUMED_SHARE = 0.5;
/** What rounding and interpolation leave. */
const LEAST_SHARE = 1e-4;
const ASSUMED_HIGH_DB = 8;
/** Over the usual, and over the mean, from which a step is a defect. */
const OVER_HIGH_DB = 3;
const OVER_MEAN_DB = 11;
/** As much for all bands together, which chance moves less. */
const OVER_WIDE_DB = 1.5;
const LEAST_WIDE_DB = 3.5;
/** What is never heard: −84 dB of a full-scale sine in a band. */
const FLOOR = 4e-9 * (STEP / 2) ** 2;
/** So little of the reference in a step is a hole. */
const HOLE_SHARE = 0.1;

/** Why a frame may be a defect. */
export interface Excess {
  /** Of the step that stands out of the codec's own noise the most. */
  readonly channel: number;
  /** All bands of the frame together stand out. */
  readonly isWide: boolean;
}

/** What the codec makes noise of in each octave of a channel, and how far single steps lie over it. */
export class StepNoise {
  readonly #bands: readonly {
    signal: number;
    error: number;
    readonly highs: number[];
    /** Worst step of the frame that was measured last, in dB over the mean. */
    top: number;
  }[];

  /** Mean over the bands of all the error of a frame over the usual, in dB: of those of late, and of the last one. */
  readonly #wides: number[] = [];
  /** Powers of the reference in the band that is looked at: of three frames. */
  readonly #around = new Float32Array(3 * STEPS);
  #wide = 0;

  constructor(channels: number) {
    this.#bands = Array.from({ length: channels * BANDS }, () => ({
      signal: 0,
      error: 0,
      highs: [],
      top: 0,
    }));
  }

  /**
   * @param frames the one before, the one in question, and the one after; each with one entry per channel
   * @returns undefined when it is no defect
   */
  measure(frames: readonly (readonly ShortTimePowers[])[]): Excess | undefined {
    let worst = { channel: 0, db: 0 };
    let [wide, bands] = [0, 0];
    const reference = this.#around;
    for (const [index, band] of this.#bands.entries()) {
      const channel = Math.floor(index / BANDS);
      const into = index % BANDS;
      const share =
        band.highs.length < LEAST ? ASSUMED_SHARE : Math.max(LEAST_SHARE, band.error / (band.signal + 1e-12));
      const bar = Math.max(highOf(band.highs) + OVER_HIGH_DB, OVER_MEAN_DB);
      for (let frame = 0; frame < 3; frame++) {
        const powers = frames[frame]![channel]!.reference;
        for (let step = 0; step < STEPS; step++)
          reference[frame * STEPS + step] = powers[step * BANDS + into]!;
      }
      const { error } = frames[1]![channel]!;
      let around = 0;
      let total = 0;
      let [sum, top] = [0, 0];
      for (let step = STEPS - REACH; step < STEPS + REACH; step++) around += reference[step]!;
      for (let step = 0; step < STEPS; step++) {
        around += reference[STEPS + REACH + step]!;
        const usual = (share * around) / (2 * REACH + 1) + FLOOR;
        const own = error[step * BANDS + into]!;
        total += usual;
        sum += own;
        top = Math.max(top, (own + 1e-12) / usual);
        around -= reference[STEPS - REACH + step]!;
      }
      band.top = 10 * Math.log10(top);
      if (band.top - bar > worst.db) worst = { channel, db: band.top - bar };
      if (total < 4 * STEPS * FLOOR) continue;
      wide += 10 * Math.log10((sum + 1e-12) / total);
      bands++;
    }
    this.#wide = wide / Math.max(1, bands);
    const isWide = this.#wide > Math.max(highOf(this.#wides) + OVER_WIDE_DB, LEAST_WIDE_DB);
    const hollow = frames[1]!.findIndex((powers) => powers.leastLeft < HOLE_SHARE);
    if (worst.db === 0 && !isWide && hollow < 0) return undefined;
    return { channel: worst.db > 0 ? worst.channel : Math.max(0, hollow), isWide };
  }

  /** Of the power of the sound, what the codec makes noise of; all of it while nothing is known. */
  get shareLeft(): number {
    const [signal, error] = [
      this.#bands.reduce((total, band) => total + band.signal, 0),
      this.#bands.reduce((total, band) => total + band.error, 0),
    ];
    return signal === 0 ? 1 : Math.min(1, error / signal);
  }

  /** The frame measured last was no defect. */
  learn(frame: readonly ShortTimePowers[]): void {
    this.#wides.push(this.#wide);
    if (this.#wides.length > KEPT) this.#wides.shift();
    for (const [index, band] of this.#bands.entries()) {
      const { reference, error } = frame[Math.floor(index / BANDS)]!;
      band.signal *= REMEMBER;
      band.error *= REMEMBER;
      for (let at = index % BANDS; at < STEPS * BANDS; at += BANDS) {
        band.signal += reference[at]!;
        band.error += error[at]!;
      }
      band.highs.push(band.top);
      if (band.highs.length > KEPT) band.highs.shift();
    }
  }
}

/** The most of late. */
function highOf(highs: readonly number[]): number {
  return highs.length < LEAST
    ? ASSUMED_HIGH_DB
    : highs.reduce((most, high) => Math.max(most, high), -Infinity);
}
