const KEPT = 64;
/** Until so many frames are in, a codec of low bitrate is assumed. */
const LEAST = 12;
const ASSUMED_DB = 3;
/** Excess of a frame over what is usual from which it is a defect: transients reach some 8 dB. */
const LEAST_EXCESS_DB = 10;
/** Of noise over mask; what is less is not heard. */
const LEAST_NOISE_DB = 0;

/** The codec's own noise: what the frames of late that are no defects have. */
export class Baseline {
  readonly #recent: number[] = [];

  add(noiseToMaskDb: number): void {
    this.#recent.push(noiseToMaskDb);
    if (this.#recent.length > KEPT) this.#recent.shift();
  }

  /** @returns how far a frame lies over the usual; undefined when that is no defect */
  excessDb(noiseToMaskDb: number): number | undefined {
    if (noiseToMaskDb < LEAST_NOISE_DB) return undefined;
    const sorted = [...this.#recent].sort((a, b) => a - b);
    const isKnown = sorted.length >= LEAST;
    const median = isKnown ? sorted[sorted.length >> 1]! : ASSUMED_DB;
    // What one in sixteen frames reaches is usual, too.
    const high = isKnown ? sorted[Math.floor(sorted.length * 0.94)]! : ASSUMED_DB;
    const excess = noiseToMaskDb - median;
    return excess >= LEAST_EXCESS_DB && noiseToMaskDb >= high + LEAST_EXCESS_DB / 2 ? excess : undefined;
  }
}
