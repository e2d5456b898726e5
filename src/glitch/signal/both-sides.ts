import { burg, meanResidual } from '../../signal/burg.js';
import { healing, type Healed } from '../../signal/interpolation.js';
import type { Line } from './residual.js';

const ORDER = 32;
/** How far a side's prediction is compared with the other side, in samples. */
const COMPARED = 24;
const NEAR = 60;
/** Against division by the digital silence of one side, as a mean square. */
const FLOOR = 1e-9;

/** Where a break may be and what of it is left out of both sides, in samples of a line. */
interface Place {
  readonly at: number;
  readonly before: number;
  readonly after: number;
  /** To which the predictors are fitted, on either side. */
  readonly context: number;
}

interface Side {
  /** Away from the break: the context first, then what lies over the break, then the other side. */
  readonly samples: Float64Array;
  readonly context: Float64Array;
  readonly filter: Float64Array;
  /** Mean square of the context's residual. */
  readonly usual: number;
}

/** What the sound on either side of a place says about the other one. */
export class BothSides {
  readonly #place: Place;
  readonly #past: Side;
  readonly #future: Side;

  private constructor(place: Place, past: Side, future: Side) {
    this.#place = place;
    this.#past = past;
    this.#future = future;
  }

  /** Undefined where the line does not reach far enough. */
  static of(line: Line, place: Place): BothSides | undefined {
    const { at, before, after, context } = place;
    const from = at - before - context;
    const to = at + after + context;
    if (from < line.first || to > line.end) return undefined;
    const samples = line.samples(from, to).slice();
    return new BothSides(place, sideOf(samples, context), sideOf(samples.slice().reverse(), context));
  }

  /** Energy over that before: of all the context, and next to the break, the stronger change of both; in dB. */
  get stepDb(): number {
    const steps = [this.#past.context.length, NEAR].map((length) =>
      decibels((tailEnergy(this.#future, length) + FLOOR) / (tailEnergy(this.#past, length) + FLOOR)),
    );
    return Math.abs(steps[0]!) > Math.abs(steps[1]!) ? steps[0]! : steps[1]!;
  }

  /**
   * What the prediction from one side misses of the other one, as a share of its energy; the larger of both. Over 2 to 4 where
   * the other side is something else; far more where one side has sounds that the other has not, as before an attack.
   */
  get missed(): readonly [number, number] {
    const { before, after } = this.#place;
    return [missed(this.#past, before + after), missed(this.#future, before + after)];
  }

  /** How far the side that is easier to predict is above what its predictor leaves of it, in dB. Of noise it is 6 at most. */
  get gainDb(): number {
    const gain = ({ context, usual }: Side): number =>
      decibels(tailEnergy({ context }, context.length) / usual);
    return Math.max(gain(this.#past), gain(this.#future));
  }

  /** By how much the filter of one side leaves more residual of the other one than its own does, in dB. */
  get unlikeDb(): readonly [number, number] {
    return [
      decibels(leftBy(this.#future.filter, this.#past.context) / this.#past.usual),
      decibels(leftBy(this.#past.filter, this.#future.context) / this.#future.usual),
    ];
  }

  /**
   * How much residual there is over the break, and how much were left if `before` samples before it and `after` after it
   * were free, over that of the context, in dB. By the filter of the side that finds less.
   */
  healed(before: number, after: number): Healed {
    const count = before + after;
    const place = this.#place;
    const past = healing(this.#past.samples, {
      ...this.#past,
      from: place.context + place.before - before,
      count,
    });
    const future = healing(this.#future.samples, {
      ...this.#future,
      from: place.context + place.after - after,
      count,
    });
    return {
      asIsDb: Math.min(past.asIsDb, future.asIsDb),
      healedDb: Math.min(past.healedDb, future.healedDb),
    };
  }
}

function sideOf(samples: Float64Array, length: number): Side {
  const context = samples.subarray(0, length);
  const filter = burg(context, ORDER);
  return { samples, context, filter, usual: leftBy(filter, context) };
}

/** Mean square, a little over 0. */
function leftBy(filter: Float64Array, samples: Float64Array): number {
  return meanResidual(filter, samples) + 1e-12;
}

function missed({ samples, context, filter }: Side, gap: number): number {
  const line = new Float64Array(ORDER + gap + COMPARED);
  line.set(context.subarray(-ORDER));
  let error = 0;
  let energy = 1e-12;
  for (let i = 0; i < gap + COMPARED; i++) {
    let expected = 0;
    for (let k = 1; k <= ORDER; k++) expected -= filter[k]! * line[ORDER + i - k]!;
    line[ORDER + i] = expected;
    if (i < gap) continue;
    const sample = samples[context.length + i]!;
    error += (sample - expected) ** 2;
    energy += sample * sample;
  }
  return error / energy;
}

/** Mean square of the `length` samples next to the break. */
function tailEnergy({ context }: Pick<Side, 'context'>, length: number): number {
  let sum = 0;
  for (let i = context.length - length; i < context.length; i++) sum += context[i]! ** 2;
  return sum / length;
}

function decibels(ratio: number): number {
  return 10 * Math.log10(ratio + 1e-12);
}
