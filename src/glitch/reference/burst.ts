import { difference, energies, HOP, rough, type Part, type Stretch } from './stretch.js';

/** Of a click's energy its largest sample has this share or more; of noise and aliases, in windows of a frame, some 1 %. */
const CREST = 0.06;
/** A sample or two alone have more. */
const SHARP = 0.15;
const CLICK_REACH = 256;
/** And it is no smaller than this of the sound's own peak and of its own largest second difference around. */
const LEAST_SIZE = 0.06;
const LEAST_ROUGH = 1.2;
/** Where codecs make as much noise by themselves, as beside attacks, it is louder and far sharper. */
const LOUD = 0.1;
const ROUGH_IF_LOUD = 6;
/** What is smaller is not heard: −70 dB. */
const LEAST_HEARD = 3e-4;
/** Noise is louder in its highs than the sound it drowns by this factor. */
const LOUDER = 6;
/** Of white noise, second differences have 6 times its power; a codec's low-pass leaves less. */
const WHITE = 0.15;
/** A codec's noise goes before the sound that it belongs to, by less than so many hops. */
const ECHO = 32;
const LEAST_BURST_MS = 2.5;
/** Hops of a burst that by chance are softer. */
const MOST_SOFT = 2;

/** A few wrong samples: where they are, and the largest difference from the reference. */
export interface Click {
  readonly at: number;
  readonly size: number;
}

/**
 * @param isMore whether the error is more than the codec's own noise
 * @param isExact whether the capture is the reference but for defects, so that anything else is one
 */
export function findClick(
  { heard, reference }: Stretch,
  { isMore, isExact }: { readonly isMore: boolean; readonly isExact: boolean },
): Click | undefined {
  const [leastSize, leastRough] = isMore || isExact ? [LEAST_HEARD, LEAST_ROUGH] : [LOUD, ROUGH_IF_LOUD];
  let best: (Click & { readonly crest: number }) | undefined;
  for (const [channel, samples] of heard.entries()) {
    const error = difference(samples, reference[channel]!);
    const high = rough(error);
    let at = 0;
    for (let i = 2; i < high.length; i++) if (Math.abs(high[i]!) > Math.abs(high[at]!)) at = i;
    const around = high.subarray(Math.max(2, at - CLICK_REACH), at + CLICK_REACH);
    const crest = high[at]! ** 2 / (around.reduce((sum, x) => sum + x * x, 0) + 1e-12);
    const size = error
      .subarray(Math.max(0, at - 4), at + 4)
      .reduce((top, x) => Math.max(top, Math.abs(x)), 0);
    const own = reference[channel]!;
    const near = (of: Float32Array): number =>
      peak(of.subarray(Math.max(2, at - CLICK_REACH), at + CLICK_REACH));
    if (size < leastSize) continue;
    const isSmall = size < LEAST_SIZE * near(own) || Math.abs(high[at]!) < leastRough * near(rough(own));
    if (isSmall && !(isExact && crest > SHARP)) continue;
    if (crest > (best?.crest ?? CREST)) best = { at, size, crest };
  }
  return best;
}

/** Where the capture has noise over or instead of the reference's sound. */
export function findBurst({ heard, reference, sampleRate }: Stretch): Part | undefined {
  let best: Part | undefined;
  for (const [channel, samples] of heard.entries()) {
    const wanted = highest(energies(rough(reference[channel]!)));
    const error = difference(samples, reference[channel]!);
    const [noise, high] = [energies(error), energies(rough(error))];
    let from: number | undefined;
    let soft = 0;
    for (let hop = 0; hop <= high.length; hop++) {
      const isNoise =
        hop < high.length && high[hop]! > LOUDER * wanted[hop]! + 1e-6 && high[hop]! > WHITE * noise[hop]!;
      if (isNoise) {
        from ??= hop;
        soft = 0;
        continue;
      }
      if (from === undefined || (++soft <= MOST_SOFT && hop < high.length)) continue;
      const part = { from: from * HOP, to: (hop + 1 - soft) * HOP };
      from = undefined;
      soft = 0;
      const isLong = (part.to - part.from) * 1000 >= LEAST_BURST_MS * sampleRate;
      if (isLong && part.to - part.from > (best ? best.to - best.from : 0)) best = part;
    }
  }
  return best;
}

/** The most within {@link ECHO} hops on either side. */
function highest(means: Float64Array): Float64Array {
  return means.map((_, hop) => Math.max(...means.subarray(Math.max(0, hop - ECHO), hop + ECHO + 1)));
}

function peak(samples: Float32Array): number {
  return samples.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
}
