import { SpectrumPair, windowAfter } from './fft.js';
import type { Features } from './forest.js';
import { BLUR } from './levels.js';
import type { Sound } from './sound.js';
import { loudestPeaks } from './spectral-peaks.js';

const SIZE = 2048;
/** A spectrum's window rises over this many samples next to the step. */
const RISE = 192;
/** The partials that are looked at. */
const HEARD = { first: 2, most: 16, quietestDb: -95, heardDb: 50 };
const UP_TO_HZ = 6000;

/** Samples on either side of a place that are looked at. */
const REACH = BLUR + SIZE;

/** The partials of the sound right before a place and right after it: a gain leaves them where they are, a note has others. */
export class Partials {
  readonly #spectra = new SpectrumPair(windowAfter(SIZE, RISE));

  /**
   * By name, in dB: by how much the middle one of the partials before, and four of five of them, change otherwise than by
   * `gainDb`; and the same of those after.
   */
  measure(sound: Sound, position: number, gainDb: number): Features {
    // What is before is looked at backwards.
    const earlier = sound.sum(position - REACH, position - BLUR).toReversed();
    this.#spectra.transform(earlier, sound.sum(position + BLUR, position + REACH));
    const bins = Math.min(SIZE / 2, Math.ceil((UP_TO_HZ * SIZE) / sound.sampleRate));
    const [before, after] = ([0, 1] as const).map((side) =>
      Float64Array.from({ length: bins }, (_, k) => (k === 0 ? -Infinity : this.#spectra.level(side, k))),
    );
    const [fates, origins] = [changes(before!, after!, gainDb), changes(after!, before!, -gainDb)];
    return {
      partials: fates.length,
      fateDb: fates[fates.length >> 1] ?? 0,
      fateMostDb: fates[Math.floor(fates.length * 0.8)] ?? 0,
      originDb: origins[origins.length >> 1] ?? 0,
      originMostDb: origins[Math.floor(origins.length * 0.8)] ?? 0,
    };
  }
}

/** By how much the partials of one spectrum are off in the other, in order. */
function changes(from: Float64Array, to: Float64Array, gainDb: number): number[] {
  return loudestPeaks(from, HEARD)
    .map((k) => Math.abs(Math.max(to[k - 1]!, to[k]!, to[k + 1]!) - from[k]! - gainDb))
    .sort((a, b) => a - b);
}
