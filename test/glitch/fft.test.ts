import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fft, PowerSpectrum, SpectrumPair } from '../../src/glitch/signal/fft.js';

/** Rounding of double precision over a thousand terms, against sums of about 1000. */
const ROUNDING = 1e-9;

/** By the definition, term by term. */
function dft(re: ArrayLike<number>, im: ArrayLike<number>): { re: number[]; im: number[] } {
  const size = re.length;
  const out = { re: new Array<number>(size).fill(0), im: new Array<number>(size).fill(0) };
  for (let k = 0; k < size; k++) {
    for (let n = 0; n < size; n++) {
      const turn = (-2 * Math.PI * ((k * n) % size)) / size;
      out.re[k]! += re[n]! * Math.cos(turn) - im[n]! * Math.sin(turn);
      out.im[k]! += re[n]! * Math.sin(turn) + im[n]! * Math.cos(turn);
    }
  }
  return out;
}

const values = (size: number): fc.Arbitrary<number[]> =>
  fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: size, maxLength: size });
const sizes = fc.integer({ min: 1, max: 9 }).map((bits) => 2 ** bits);

test('the transform is the sum that defines it, for odd and even powers of two', () => {
  const signals = sizes.chain((size) => fc.tuple(values(size), values(size)));
  fc.assert(
    fc.property(signals, ([re, im]) => {
      const fft = Fft.of(re.length);
      const [outRe, outIm] = [new Float64Array(re.length), new Float64Array(re.length)];
      fft.reversed.forEach((to, i) => {
        outRe[to] = re[i]!;
        outIm[to] = im[i]!;
      });
      fft.butterflies(outRe, outIm);
      const expected = dft(re, im);
      for (let k = 0; k < re.length; k++) {
        expect(Math.abs(outRe[k]! - expected.re[k]!)).toBeLessThan(ROUNDING);
        expect(Math.abs(outIm[k]! - expected.im[k]!)).toBeLessThan(ROUNDING);
      }
    }),
    { numRuns: 30 },
  );
});

test('a power spectrum is that of the windowed samples, missing ones taken as 0', () => {
  const signals = sizes
    .filter((size) => size >= 4)
    .chain((size) => fc.tuple(values(size), fc.integer({ min: 0, max: size })));
  fc.assert(
    fc.property(signals, ([samples, given]) => {
      const size = samples.length;
      const heard = Float32Array.from(samples.slice(0, given));
      const windowed = samples.map(
        (_, i) => (heard[i] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size)),
      );
      const expected = dft(windowed, new Float64Array(size));
      new PowerSpectrum(size).of(heard).forEach((power, k) => {
        expect(Math.abs(power - (expected.re[k]! ** 2 + expected.im[k]! ** 2))).toBeLessThan(ROUNDING * size);
      });
    }),
    { numRuns: 30 },
  );
});

test('a pair of spectra is that of two windowed signals', () => {
  const signals = sizes
    .filter((size) => size >= 4)
    .chain((size) => fc.tuple(values(size), values(size), values(size)));
  fc.assert(
    fc.property(signals, ([window, ...pair]) => {
      const spectra = new SpectrumPair(Float64Array.from(window));
      spectra.transform(...pair);
      for (const signal of [0, 1] as const) {
        const windowed = pair[signal].map((x, i) => x * window[i]!);
        const { re, im } = dft(windowed, new Float64Array(window.length));
        for (let k = 1; k < window.length / 2; k++) {
          const amplitude = Math.sqrt(spectra.power(signal, k));
          const phase = spectra.phase(signal, k);
          expect(Math.abs(amplitude * Math.cos(phase) - re[k]!)).toBeLessThan(ROUNDING);
          expect(Math.abs(amplitude * Math.sin(phase) - im[k]!)).toBeLessThan(ROUNDING);
        }
      }
    }),
    { numRuns: 30 },
  );
});
