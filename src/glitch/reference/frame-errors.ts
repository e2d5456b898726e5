import type { Sound } from '../signal/sound.js';
import { FRAME, SKIRT } from './frame.js';
import { MASK_WINDOW, NoiseToMask } from './noise-to-mask.js';
import { ShortTime, type ShortTimePowers } from './short-time.js';

/** Less than this of the power of the reference is a hole, whatever the gain: −25 dB. */
const HOLLOW = 0.003;

/** How one frame differs from the reference. */
export interface FrameError {
  /** Of the worse channel. */
  readonly noiseToMaskDb: number;
  /** Energies over both channels. */
  readonly signal: number;
  readonly error: number;
  /** One entry per channel each. */
  readonly levels: readonly ChannelLevels[];
  readonly shortTime: readonly ShortTimePowers[];
}

/** Of one channel in one frame. */
export interface ChannelLevels {
  /** Powers in critical bands of the reference as it is, and of the capture. */
  readonly reference: readonly number[];
  readonly heard: readonly number[];
  /** It has a hole, or a part of one. */
  readonly isHollow: boolean;
  /** Of the waveforms. */
  readonly energy: { readonly product: number; readonly heard: number; readonly reference: number };
}

/** Averages over all frames, one value per channel. */
export interface AverageErrors {
  /** Level of the capture against the reference. */
  readonly gainDb: readonly number[];
  /** Error against the signal. */
  readonly errorDb: readonly number[];
  readonly noiseToMaskDb: readonly number[];
}

/** What frames differ by, beyond the gain of each channel, which is followed. */
export class FrameErrors {
  readonly #model: NoiseToMask;
  readonly #shortTime = new ShortTime();
  readonly #sums: { gain: number; usual: number; signal: number; error: number; ratio: number }[];
  readonly #scaled = new Float32Array(MASK_WINDOW);
  readonly #differences = new Float32Array(MASK_WINDOW);
  #frames = 0;

  constructor({ sampleRate, channels }: { readonly sampleRate: number; readonly channels: number }) {
    this.#model = new NoiseToMask(sampleRate);
    this.#sums = Array.from({ length: channels }, () => ({
      gain: 1,
      usual: 0,
      signal: 0,
      error: 0,
      ratio: 0,
    }));
  }

  /** Compared so far. */
  get frames(): number {
    return this.#frames;
  }

  get averages(): AverageErrors {
    return {
      gainDb: this.#sums.map(({ gain }) => db(gain ** 2)),
      errorDb: this.#sums.map(({ error, signal }) => db(error / Math.max(1e-12, signal))),
      noiseToMaskDb: this.#sums.map(({ ratio }) => db(ratio / Math.max(1, this.#frames))),
    };
  }

  gainOf(channel: number): number {
    return this.#sums[channel]!.gain;
  }

  /** The level of a channel has changed at once. */
  turn(channel: number, stepDb: number): void {
    this.#sums[channel]!.gain *= 10 ** (stepDb / 20);
  }

  /** Mean of the channels' gains. */
  get gain(): number {
    return this.#sums.reduce((sum, { gain }) => sum + gain, 0) / this.#sums.length;
  }

  /** Learns the gain of each channel where the capture was found: sound may have been turned down for good. */
  begin(sound: Sound, from: number, references: readonly Float32Array[]): void {
    references.forEach((reference, channel) => {
      const heard = sound.view(channel, from, from + reference.length);
      let products = 0;
      let squares = 0;
      for (let i = 0; i < heard.length; i++) {
        products += heard[i]! * reference[i]!;
        squares += reference[i]! ** 2;
      }
      if (squares > 1e-4) this.#sums[channel]!.gain = products / squares;
    });
  }

  /** @param references per channel, {@link MASK_WINDOW} samples from `position` − {@link SKIRT} on */
  measure(sound: Sound, position: number, references: readonly Float32Array[]): FrameError {
    const [scaled, differences] = [this.#scaled, this.#differences];
    let worst = 0;
    let [signal, error] = [0, 0];
    const levels: ChannelLevels[] = [];
    const shortTime: ShortTimePowers[] = [];
    references.forEach((reference, channel) => {
      const sums = this.#sums[channel]!;
      const { gain } = sums;
      const heard = windowed(sound, channel, position - SKIRT);
      for (let i = 0; i < MASK_WINDOW; i++) {
        scaled[i] = gain * reference[i]!;
        differences[i] = heard[i]! - scaled[i]!;
      }
      const { ratio, ...bands } = this.#model.measure(scaled, differences);
      const powers = this.#shortTime.of(scaled, differences);
      shortTime.push(powers);
      // As it was before it was brought to the level of the capture.
      const undone = 1 / Math.max(1e-6, gain ** 2);
      levels.push({
        reference: bands.reference.map((power) => power * undone),
        heard: bands.heard,
        isHollow: powers.leastLeft < HOLLOW,
        energy: {
          product: product(scaled, heard),
          heard: energy(heard),
          reference: energy(scaled),
        },
      });
      worst = Math.max(worst, ratio);
      const [signalHere, errorHere] = [energy(scaled), energy(differences)];
      sums.ratio += ratio;
      sums.signal += signalHere;
      sums.error += errorHere;
      signal += signalHere;
      error += errorHere;
    });
    this.#frames++;
    return {
      noiseToMaskDb: 10 * Math.log10(Math.max(1e-6, worst)),
      signal,
      error,
      levels,
      shortTime,
    };
  }

  /**
   * Gain and clock change slowly: each good frame tells a little of them.
   *
   * @returns how many samples the capture lies late; undefined where the sound does not tell
   */
  follow(sound: Sound, position: number, references: readonly Float32Array[]): number | undefined {
    let top = 0;
    let bottom = 0;
    for (const [channel, reference] of references.entries()) {
      const sums = this.#sums[channel]!;
      const { gain } = sums;
      const heard = sound.view(channel, position, position + FRAME);
      let products = 0;
      let squares = 0;
      for (let i = 0; i < heard.length; i++) {
        const r = reference[SKIRT + i]!;
        products += heard[i]! * r;
        squares += r * r;
        const slope = (gain * (reference[SKIRT + i + 1]! - reference[SKIRT + i - 1]!)) / 2;
        top += (heard[i]! - gain * r) * slope;
        bottom += slope * slope;
      }
      sums.usual += 0.02 * (squares - sums.usual);
      // Soft sound is left out by codecs, and tells nothing of a gain.
      if (squares > Math.max(1e-4, 0.2 * sums.usual))
        sums.gain += 0.02 * Math.max(-0.5, Math.min(0.5, products / squares - gain));
    }
    return bottom < 1e-4 ? undefined : Math.max(-0.5, Math.min(0.5, top / bottom));
  }
}

/** {@link MASK_WINDOW} samples; 0 before the first and after the last one. */
function windowed(sound: Sound, channel: number, from: number): Float32Array {
  const samples = new Float32Array(MASK_WINDOW);
  const first = Math.max(from, sound.firstPosition);
  samples.set(sound.view(channel, first, from + MASK_WINDOW), first - from);
  return samples;
}

/** Of the frame, without its skirts. */
function energy(window: Float32Array): number {
  return product(window, window);
}

function product(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let i = SKIRT; i < SKIRT + FRAME; i++) sum += one[i]! * other[i]!;
  return sum;
}

function db(ratio: number): number {
  return Math.round(1000 * Math.log10(Math.max(1e-12, ratio))) / 100;
}
