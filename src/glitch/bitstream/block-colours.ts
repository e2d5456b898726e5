import { risingHalf } from '../../codec/aac/window.js';
import type { WindowShape } from '../../codec/aac/channel-stream.js';
import { Fft } from '../signal/fft.js';
import type { Sound } from '../signal/sound.js';

const FRAME = 1024;
const HALF = FRAME / 2;
/** Upper edges of bands in Hz, two to three critical bands of the ear each. */
const EDGES_HZ = [200, 400, 650, 900, 1250, 1650, 2150, 2800, 3600, 4600, 6000, 8000, 10_500, 13_000, 16_000];
const BANDS = EDGES_HZ.length;
/** Bands further below the loudest, or softer than this mean square, hold noise of the codec or nothing. */
const HEARD_DB = 55;
const QUIETEST_DB = -90;

/** Levels of bands in dB, of what the two blocks of an overlap hold of it. */
interface Colours {
  readonly position: number;
  readonly before: Float64Array;
  readonly after: Float64Array;
}

export type ColourMeasures = Readonly<Record<'share' | 'evidence' | 'betterDb', number>> &
  Readonly<Record<string, number>>;

/**
 * The colours of both blocks in an overlap. Each block holds one combination of every mirrored pair of its samples: of sound
 * that goes on, both have about the same colour whatever the sound does; of unrelated blocks, each that of its own side.
 */
export class BlockColours {
  readonly #spectrum = new FoldedSpectrum();
  /** Newest overlaps. */
  readonly #kept: Colours[] = [];

  /**
   * How far the blocks' colours differ, and how far in the way in which the sound after the overlap differs from that before
   * it; by name. Undefined where there is too little sound.
   *
   * @param position of the first sample of the overlap; there must be a frame of sound on either side of it
   */
  measure(sound: Sound, position: number, shape: WindowShape): ColourMeasures | undefined {
    const [last, own, next] = [position - FRAME, position, position + FRAME].map((at) =>
      this.#at(sound, at, shape),
    );
    const loudest = Math.max(...last!.before, ...last!.after, ...next!.before, ...next!.after);
    const floor = Math.max(loudest - HEARD_DB, QUIETEST_DB);
    const sums = { bands: 0, sides: 0, blocks: 0, both: 0, level: 0, own: 0, beforeOff: 0, afterOff: 0 };
    let [crossed, usual, blend] = [0, 0, 0];
    for (let band = 0; band < BANDS; band++) {
      const past = (last!.before[band]! + last!.after[band]!) / 2;
      const future = (next!.before[band]! + next!.after[band]!) / 2;
      if (Math.max(past, future) < floor) continue;
      const [a, b] = [Math.max(past, floor), Math.max(future, floor)];
      const [u, v] = [Math.max(own!.before[band]!, floor), Math.max(own!.after[band]!, floor)];
      sums.bands++;
      sums.sides += (b - a) ** 2;
      sums.blocks += (v - u) ** 2;
      sums.both += (v - u) * (b - a);
      sums.level += b - a;
      sums.own += v - u;
      sums.beforeOff += (u - a) ** 2;
      sums.afterOff += (v - b) ** 2;
      crossed += (u - b) ** 2 + (v - a) ** 2;
      usual +=
        (last!.after[band]! - last!.before[band]!) ** 2 + (next!.after[band]! - next!.before[band]!) ** 2;
      blend += ((u + v - a - b) / 2) ** 2;
    }
    const { bands } = sums;
    if (bands < 3) return undefined;
    const root = (square: number): number => Math.sqrt(square / bands);
    return {
      bands,
      sidesDb: root(sums.sides),
      blocksDb: root(sums.blocks),
      usualBlocksDb: root(usual / 2),
      alike: sums.both / Math.sqrt(sums.sides * sums.blocks + 1e-9),
      share: sums.both / (sums.sides + 1e-9),
      evidence: sums.both,
      levelDb: sums.level / bands,
      blocksLevelDb: sums.own / bands,
      beforeOffDb: root(sums.beforeOff),
      afterOffDb: root(sums.afterOff),
      crossedDb: root(crossed / 2),
      blendDb: root(blend),
      betterDb: root(crossed / 2) - root((sums.beforeOff + sums.afterOff) / 2),
      loudestDb: loudest,
    };
  }

  #at(sound: Sound, position: number, shape: WindowShape): Colours {
    const known = this.#kept.find((one) => one.position === position);
    if (known !== undefined) return known;
    const colours = { position, ...this.#spectrum.of(sound, position, risingHalf('long', shape, FRAME)) };
    this.#kept.push(colours);
    if (this.#kept.length > 4) this.#kept.shift();
    return colours;
  }
}

/** Folds an overlap as its two blocks do, and transforms what either holds. */
class FoldedSpectrum {
  readonly #fft = Fft.of(HALF / 2);
  readonly #folded = [new Float64Array(HALF), new Float64Array(HALF)] as const;
  readonly #re = new Float64Array(HALF / 2);
  readonly #im = new Float64Array(HALF / 2);
  readonly #powers = new Float64Array(HALF);
  #sampleRate = 0;
  /** The first bin of each band. */
  #edges: readonly number[] = [];
  readonly #before = turns(0.25);
  readonly #after = turns(0);
  /** Most of the weight lies near the centre, where blocks that belong together differ least. */
  readonly #weight = Float64Array.from({ length: HALF }, (_, n) => Math.sin((Math.PI * (n + 0.5)) / FRAME));

  of(sound: Sound, position: number, rising: Float64Array): { before: Float64Array; after: Float64Array } {
    const samples = sound.sum(position, position + FRAME);
    const [before, after] = this.#folded;
    const weights = this.#weight;
    for (let n = 0, m = FRAME - 1; n < HALF; n++, m--) {
      const weight = weights[n]!;
      const up = weight * rising[n]!;
      const down = weight * rising[m]!;
      // Even around the centre, and odd: so do the transform's own ends.
      before[HALF - 1 - n] = down * samples[n]! + up * samples[m]!;
      after[n] = up * samples[n]! - down * samples[m]!;
    }
    return { before: this.#levels(before, sound), after: this.#levels(after, sound) };
  }

  #bands(sampleRate: number): readonly number[] {
    if (this.#sampleRate !== sampleRate) {
      this.#sampleRate = sampleRate;
      const firstBin = (hz: number): number => Math.min(HALF, Math.ceil((hz * FRAME) / sampleRate - 0.5));
      this.#edges = [0, ...EDGES_HZ.map(firstBin)];
    }
    return this.#edges;
  }

  /** By a cosine transform of type IV. */
  #levels(samples: Float64Array, { sampleRate, channels }: Sound): Float64Array {
    const re = this.#re;
    const im = this.#im;
    const powers = this.#powers;
    const { reversed } = this.#fft;
    const { cos, sin } = this.#before;
    for (let n = 0; n < HALF / 2; n++) {
      const to = reversed[n]!;
      const even = samples[2 * n]!;
      const odd = samples[HALF - 1 - 2 * n]!;
      const c = cos[n]!;
      const s = sin[n]!;
      re[to] = even * c - odd * s;
      im[to] = even * s + odd * c;
    }
    this.#fft.butterflies(re, im);
    const { cos: turnedCos, sin: turnedSin } = this.#after;
    for (let k = 0; k < HALF / 2; k++) {
      const x = re[k]!;
      const y = im[k]!;
      const c = turnedCos[k]!;
      const s = turnedSin[k]!;
      const low = x * c - y * s;
      const high = x * s + y * c;
      powers[2 * k] = low * low;
      powers[HALF - 1 - 2 * k] = high * high;
    }
    const edges = this.#bands(sampleRate);
    const levels = new Float64Array(BANDS);
    const scale = (HALF * HALF * channels ** 2) / 4;
    for (let band = 0; band < BANDS; band++) {
      let sum = 0;
      for (let bin = edges[band]!; bin < edges[band + 1]!; bin++) sum += powers[bin]!;
      levels[band] = 10 * Math.log10(sum / scale + 1e-12);
    }
    return levels;
  }
}

/** Factors that turn each of the transform's values a little further. */
function turns(offset: number): { readonly cos: Float64Array; readonly sin: Float64Array } {
  const angles = Float64Array.from({ length: HALF / 2 }, (_, n) => (-Math.PI * (n + offset)) / HALF);
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}
