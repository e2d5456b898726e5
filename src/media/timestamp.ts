/** Rounding of a rescaled timestamp: `nearest` rounds halves away from zero. */
export type Rounding = 'floor' | 'nearest' | 'ceil';

/** Timescale of every video timestamp inside the program, in ticks per second. */
export const VIDEO_TIMESCALE = 90_000;
export const MICROSECONDS = 1_000_000;
export const MILLISECONDS = 1_000;

/**
 * Converts an integer time from one timescale to another, exactly: no float leaves the integers on the way.
 *
 * @throws RangeError when the result does not fit 53 bits
 */
export function rescale(value: number, from: number, to: number, rounding: Rounding = 'nearest'): number {
  if (from === to) return value;
  const product = value * to;
  if (Number.isSafeInteger(product)) return divide(product, from, rounding);
  const exact = divideBig(BigInt(value) * BigInt(to), BigInt(from), rounding);
  if (exact > BigInt(Number.MAX_SAFE_INTEGER) || exact < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw new RangeError(`${value}/${from} s does not fit timescale ${to}`);
  }
  return Number(exact);
}

function divide(product: number, divisor: number, rounding: Rounding): number {
  const remainder = ((product % divisor) + divisor) % divisor;
  const floor = (product - remainder) / divisor;
  if (remainder === 0) return floor;
  if (rounding === 'floor') return floor;
  if (rounding === 'ceil') return floor + 1;
  const twice = remainder * 2;
  return twice > divisor || (twice === divisor && product > 0) ? floor + 1 : floor;
}

function divideBig(product: bigint, divisor: bigint, rounding: Rounding): bigint {
  const remainder = ((product % divisor) + divisor) % divisor;
  const floor = (product - remainder) / divisor;
  if (remainder === 0n || rounding === 'floor') return floor;
  if (rounding === 'ceil') return floor + 1n;
  const twice = remainder * 2n;
  return twice > divisor || (twice === divisor && product > 0n) ? floor + 1n : floor;
}

/**
 * Turns counters that wrap at 2^bits (RTP, FLV, TWCC) into integers that do not. Steps of less than half the range,
 * either way, are taken as they are.
 */
export class WrapUnwrapper {
  readonly #range: number;
  #last: number | undefined;

  constructor(bits: number) {
    this.#range = 2 ** bits;
  }

  /** @param value in [0, 2^bits) */
  unwrap(value: number): number {
    if (this.#last === undefined) return (this.#last = value);
    const lastWrapped = ((this.#last % this.#range) + this.#range) % this.#range;
    let step = value - lastWrapped;
    if (step >= this.#range / 2) step -= this.#range;
    else if (step < -this.#range / 2) step += this.#range;
    return (this.#last += step);
  }
}
