/** Samples to either side that a sample between two others is made from. */
export const REACH = 24;
const PHASES = 1024;
const TAPS = 2 * REACH;
const BETA = 10;
let table: Float64Array | undefined;

/**
 * Samples between samples, by a windowed sinc (Kaiser). Where a position is whole the sample itself comes out.
 *
 * @param from position of the first one wanted, in samples; at least {@link REACH} from both ends, as is the last
 * @param step from one to the next
 */
export function interpolate(samples: Float32Array, from: number, step: number, count: number): Float32Array {
  table ??= buildTable();
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const position = from + i * step;
    const whole = Math.floor(position);
    const phase = (position - whole) * PHASES;
    const row = Math.floor(phase);
    const share = phase - row;
    const near = row * TAPS;
    const first = whole - REACH + 1;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const a = table[near + tap]!;
      sum += (a + (table[near + TAPS + tap]! - a) * share) * (samples[first + tap] ?? 0);
    }
    out[i] = sum;
  }
  return out;
}

function buildTable(): Float64Array {
  const values = new Float64Array((PHASES + 1) * TAPS);
  for (let phase = 0; phase <= PHASES; phase++) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const x = tap - (REACH - 1) - phase / PHASES;
      const inside = 1 - (x / REACH) ** 2;
      const window = inside <= 0 ? 0 : bessel0(BETA * Math.sqrt(inside)) / bessel0(BETA);
      const value = (Math.abs(x) < 1e-12 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
      values[phase * TAPS + tap] = value;
      sum += value;
    }
    // The same level whatever the position.
    for (let tap = 0; tap < TAPS; tap++) values[phase * TAPS + tap]! /= sum;
  }
  return values;
}

function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-15; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
