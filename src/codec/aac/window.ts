import { WindowSequence, WindowShape, type WindowInfo } from './channel-stream.js';

/** How steeply a half of a block fades: over the whole half, or over its middle eighth. */
export type Slope = 'long' | 'short';

export function leftSlope(sequence: WindowSequence): Slope {
  return sequence === WindowSequence.onlyLong || sequence === WindowSequence.longStart ? 'long' : 'short';
}

export function rightSlope(sequence: WindowSequence): Slope {
  return sequence === WindowSequence.onlyLong || sequence === WindowSequence.longStop ? 'long' : 'short';
}

/**
 * The block of one long transform with these slopes, or undefined where there is none: only a block of eight short
 * windows has short slopes on both sides.
 */
export function longSequence(left: Slope, right: Slope): WindowSequence | undefined {
  if (left === 'long') return right === 'long' ? WindowSequence.onlyLong : WindowSequence.longStart;
  return right === 'long' ? WindowSequence.longStop : undefined;
}

/** Kaiser parameters of ISO/IEC 14496-3 §4.6.11.3.2. */
const ALPHA = { long: 4, short: 6 } as const;
const SHORT_WINDOWS = 8;
const halves = new Map<string, Float64Array>();

/**
 * The left half of a window of `frameLength` values that rise from 0 to 1 (§4.6.11.3.3); a right half is the same read
 * backwards. The squares of two mirrored values add up to 1.
 */
export function risingHalf(slope: Slope, shape: WindowShape, frameLength: 1024 | 960): Float64Array {
  const key = `${slope}/${shape}/${frameLength}`;
  let half = halves.get(key);
  if (half === undefined) {
    half = slope === 'long' ? slopeOf(frameLength, shape, ALPHA.long) : shortHalf(frameLength, shape);
    halves.set(key, half);
  }
  return half;
}

function shortHalf(frameLength: number, shape: WindowShape): Float64Array {
  const length = frameLength / SHORT_WINDOWS;
  const flat = (frameLength - length) / 2;
  const half = new Float64Array(frameLength).fill(1, flat + length);
  half.set(slopeOf(length, shape, ALPHA.short), flat);
  return half;
}

function slopeOf(length: number, shape: WindowShape, alpha: number): Float64Array {
  if (shape === WindowShape.sine) {
    return Float64Array.from({ length }, (_, n) => Math.sin((Math.PI / (2 * length)) * (n + 0.5)));
  }
  const kernel = Float64Array.from({ length: length + 1 }, (_, n) => {
    const x = (n - length / 2) / (length / 2);
    return bessel0(Math.PI * alpha * Math.sqrt(Math.max(0, 1 - x * x)));
  });
  const total = kernel.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  return Float64Array.from({ length }, (_, n) => Math.sqrt((sum += kernel[n] ?? 0) / total));
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * A copy of an access unit in which a channel's window fields are replaced. Long sequences have one syntax, so that any
 * of them may take another's place; a block of short windows may only change its shape.
 *
 * @param changes where each window lies, and what it is to be; `bitOffset` as parsed from the very same unit
 */
export function withWindows(
  data: Buffer,
  changes: readonly Pick<WindowInfo, 'bitOffset' | 'sequence' | 'shape'>[],
): Buffer {
  const copy = Buffer.from(data);
  const set = (bit: number, value: number): void => {
    const mask = 0x80 >> (bit & 7);
    const byte = copy[bit >> 3] ?? 0;
    copy[bit >> 3] = value === 0 ? byte & ~mask : byte | mask;
  };
  for (const { bitOffset, sequence, shape } of changes) {
    set(bitOffset, sequence >> 1);
    set(bitOffset + 1, sequence & 1);
    set(bitOffset + 2, shape);
  }
  return copy;
}
