import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Line } from '../../src/glitch/reference/line.js';
import type { ReferenceSound } from '../../src/glitch/reference/reference-sound.js';
import { autocorrelate, levinson, predictionErrors } from '../../src/glitch/signal/prediction.js';

/** Double precision, over some hundred terms of at most 1. */
const ROUNDING = 1e-12;

const samples = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 40, maxLength: 200 })
  .map((values) => Float64Array.from(values));

test('autocorrelations are the sums that define them, for any count of samples and lags', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 36 }), (line, count) => {
      const lags = new Float64Array(count);
      autocorrelate(line, lags);
      lags.forEach((value, lag) => {
        const sum = line.reduce((total, x, i) => total + (i < lag ? 0 : x * line[i - lag]!), 0);
        expect(Math.abs(value - sum)).toBeLessThan(ROUNDING);
      });
    }),
  );
});

test('a predictor solves its normal equations', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 12 }), (line, order) => {
      const lags = new Float64Array(order + 1);
      autocorrelate(line, lags);
      fc.pre(lags[0]! > 1e-3);
      // As much noise as keeps the equations well away from singular ones.
      lags[0]! *= 1.01;
      const coefficients = levinson(lags);
      for (let row = 1; row <= order; row++) {
        const sum = coefficients.reduce((total, a, k) => total + a * lags[Math.abs(row - 1 - k)]!, 0);
        expect(Math.abs(sum - lags[row]!) / lags[0]!).toBeLessThan(1e-9);
      }
    }),
  );
});

test('errors of a prediction are samples less what was predicted', () => {
  const cases = fc.tuple(samples, fc.constantFrom(4, 12, 32), fc.constantFrom(4, 8));
  fc.assert(
    fc.property(cases, ([line, order, count]) => {
      const coefficients = line.slice(-order);
      const errors = new Float64Array(count);
      const padded = new Float64Array(line.length + count);
      padded.set(line);
      predictionErrors(padded, order, coefficients, errors);
      errors.forEach((error, i) => {
        const sum = coefficients.reduce((total, a, k) => total + a * padded[order + i - 1 - k]!, 0);
        expect(Math.abs(error - (padded[order + i]! - sum))).toBeLessThan(ROUNDING);
      });
    }),
  );
});

/** What interpolation leaves of a tone at a tenth of the rate: 16 taps to a side, and places to 1/256 of a sample. */
const INTERPOLATION_ERROR = 5e-3;

test('a reference is read between its samples, whatever its drift', () => {
  const tone = (place: number): number => Math.sin(0.2 * Math.PI * place);
  const reference = {
    read: (from: number, length: number) => [Float32Array.from({ length }, (_, i) => tone(from + i))],
  } as unknown as ReferenceSound;
  const drift = fc.constantFrom(0, 2e-6, -3e-5, 9e-4);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 4, noNaN: true }),
      drift,
      fc.integer({ min: 1, max: 500 }),
      (at, by, length) => {
        const line = new Line(0, at, by);
        const [read] = line.read(reference, 1000, length);
        expect(read).toHaveLength(length);
        read!.forEach((x, i) => {
          expect(Math.abs(x - tone(line.place(1000 + i)))).toBeLessThan(INTERPOLATION_ERROR);
        });
      },
    ),
    { numRuns: 30 },
  );
});
