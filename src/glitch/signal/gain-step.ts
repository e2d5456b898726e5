import { SpectrumPair, windowAfter } from './fft.js';
import type { Features } from './forest.js';
import { BLUR } from './levels.js';
import type { Sound } from './sound.js';

const SIZE = 1024;
/** A spectrum's window rises over this many samples next to the step. */
const RISE = 96;
/** Edges of the bands in Hz, close to the critical bands of the ear (Zwicker 1961). */
const EDGES_HZ = [
  ...[60, 160, 260, 370, 480, 600, 730, 870, 1030, 1210, 1420, 1660, 1950, 2300, 2700, 3200, 3800, 4500],
  ...[5400, 6500, 8000, 10_000, 13_000, 16_000],
];
/** Bands further below the loudest one, or quieter than this, tell more of noise than of the sound. */
const HEARD_DB = 45;
const QUIETEST_DB = -90;
/** Of one channel. */
const MIN_BANDS = 8;

/** How single bands step at a place. */
export interface BandSteps {
  readonly position: number;
  /** Of the middle band, in dB; positive where it becomes louder. */
  readonly stepDb: number;
  readonly steps: readonly number[];
  readonly sides: readonly (readonly number[])[];
  readonly before: readonly Levels[];
  readonly after: readonly Levels[];
}

/** Of each band, in dB. */
type Levels = readonly number[];

/**
 * The step of a gain in sound that is not steady: a note, a consonant or an end of sound changes some bands more than
 * others, one side more than the other, or goes on changing; a gain lifts or lowers all by as much at one place, once.
 */
export class GainStep {
  readonly #spectra = new SpectrumPair(windowAfter(SIZE, RISE));

  /** @returns undefined where too few bands are heard on both sides */
  compare(sound: Sound, position: number): BandSteps | undefined {
    const before = this.#levels(sound, position - BLUR, -1);
    const after = this.#levels(sound, position + BLUR, 1);
    const sides = before.map((levels, channel) => stepsOf(levels, after[channel]!));
    const steps = sides.flat();
    // Of a side that is silent nothing is known, so that what steps on the other may be a note.
    if (steps.length < MIN_BANDS * sides.length || sides.some((own) => own.length === 0)) return undefined;
    return { position, stepDb: middle(steps), steps, sides, before, after };
  }

  /**
   * By name, in dB: by how much half of the bands and four of five of them differ from the middle one at most (`halfDb`,
   * `mostDb`), and the middle of either side (`sidesDb`); how the bands' middle steps right before and right after.
   */
  measure(sound: Sound, { position, stepDb, steps, sides, before, after }: BandSteps): Features {
    const off = steps.map((one) => Math.abs(one - stepDb)).sort((a, b) => a - b);
    const earlier = this.#levels(sound, position - SIZE / 2, -1);
    const later = this.#levels(sound, position + SIZE / 2, 1);
    return {
      bands: steps.length,
      halfDb: middle(off),
      mostDb: off[Math.floor(off.length * 0.8)]!,
      sidesDb: Math.max(...sides.map((own) => Math.abs(middle(own) - stepDb))),
      earlierDb: middle(earlier.flatMap((levels, channel) => stepsOf(levels, before[channel]!))),
      laterDb: middle(later.flatMap((levels, channel) => stepsOf(after[channel]!, levels))),
    };
  }

  /** Levels of the bands of each channel, in `SIZE` samples before a position (`direction` -1) or after it (1). */
  #levels(sound: Sound, position: number, direction: 1 | -1): Levels[] {
    const from = direction > 0 ? position : position - SIZE;
    const [left, right] = [0, sound.channels - 1].map((channel) => {
      const samples = sound.view(channel, from, from + SIZE);
      return direction > 0 ? samples : samples.toReversed();
    });
    this.#spectra.transform(left!, right!);
    const bands = Array.from({ length: sound.channels }, () =>
      new Array<number>(EDGES_HZ.length - 1).fill(0),
    );
    let k = Math.ceil((EDGES_HZ[0]! * SIZE) / sound.sampleRate);
    for (let band = 0; band + 1 < EDGES_HZ.length; band++) {
      const top = Math.min(SIZE / 2, (EDGES_HZ[band + 1]! * SIZE) / sound.sampleRate);
      for (; k < top; k++) {
        bands[0]![band]! += this.#spectra.power(0, k);
        if (bands.length > 1) bands[1]![band]! += this.#spectra.power(1, k);
      }
    }
    return bands.map((powers) => powers.map((power) => 10 * Math.log10(power / (SIZE / 4) ** 2 + 1e-11)));
  }
}

/** How much each band that is heard before and after changes. */
function stepsOf(before: Levels, after: Levels): number[] {
  const floor = Math.max(Math.max(...before, ...after) - HEARD_DB, QUIETEST_DB);
  return before.flatMap((level, band) =>
    Math.min(level, after[band]!) > floor ? [after[band]! - level] : [],
  );
}

/** Of nothing it is 0. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
