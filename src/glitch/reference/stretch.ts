/** Samples whose energies are looked at together: 0.67 ms at 48 kHz. */
export const HOP = 32;

/** Steady sound changes by less than this, in power, between windows within {@link STEADY_REACH}. */
const STEADY_RATIO = 3;
const STEADY_WINDOW = 512;
/** A codec's noise goes before what it belongs to by its window, 2048 samples, and is heard in half a frame beside. */
const STEADY_REACH = 2048 + 512;

/** A stretch of a capture and, sample by sample in step, what its reference has there. */
export interface Stretch {
  readonly sampleRate: number;
  /** One array per channel, all of one length. */
  readonly heard: readonly Float32Array[];
  /** As many, at the level of the capture. */
  readonly reference: readonly Float32Array[];
}

/** A part of a stretch, in samples from its beginning. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** Mean squares of one channel, one value per {@link HOP}. */
export function energies(samples: Float32Array): Float64Array {
  const means = new Float64Array(Math.floor(samples.length / HOP));
  for (let hop = 0; hop < means.length; hop++) {
    let sum = 0;
    for (let i = hop * HOP; i < (hop + 1) * HOP; i++) sum += samples[i]! ** 2;
    means[hop] = sum / HOP;
  }
  return means;
}

/** What the capture has that the reference has not. */
export function difference(heard: Float32Array, reference: Float32Array): Float32Array {
  return heard.map((x, i) => x - reference[i]!);
}

/** Second differences: high frequencies, where errors stand out of sound. White noise gets 6 times its power. */
export function rough(samples: Float32Array): Float32Array {
  return samples.map((x, i) => (i < 2 ? 0 : x - 2 * samples[i - 1]! + samples[i - 2]!));
}

/** Means over three hops, so that no zero crossing is a hole. */
export function smooth(means: Float64Array): Float64Array {
  return means.map((x, i) => (x + (means[i - 1] ?? x) + (means[i + 1] ?? x)) / 3);
}

/** Around a place the reference neither begins nor ends. */
export function isSteady({ reference }: Stretch, at: number): boolean {
  return reference.every((samples) =>
    [samples, rough(samples)].every((signal) => {
      const levels: number[] = [];
      for (let from = Math.max(0, at - STEADY_REACH); from < at + STEADY_REACH; from += STEADY_WINDOW) {
        const part = signal.subarray(from, from + STEADY_WINDOW);
        if (part.length === STEADY_WINDOW) levels.push(part.reduce((sum, x) => sum + x * x, 0));
      }
      return Math.max(...levels) <= STEADY_RATIO * Math.min(...levels) + 1e-6;
    }),
  );
}
