import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rescale, WrapUnwrapper } from '../../src/media/timestamp.js';

test('rescaling is exact integer arithmetic with the rounding asked for, also beyond 53 bits on the way', () => {
  const scale = fc.integer({ min: 1, max: 10_000_000 });
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), scale, scale, (value, from, to) => {
      const product = BigInt(value) * BigInt(to);
      const floor = product / BigInt(from) - (product % BigInt(from) < 0n ? 1n : 0n);
      if (floor > 2n ** 52n || floor < -(2n ** 52n)) return;
      expect(BigInt(rescale(value, from, to, 'floor'))).toBe(floor);
      const ceil = product % BigInt(from) === 0n ? floor : floor + 1n;
      expect(BigInt(rescale(value, from, to, 'ceil'))).toBe(ceil);
      const nearest = BigInt(rescale(value, from, to, 'nearest'));
      const error = nearest * BigInt(from) - product;
      expect((error < 0n ? -error : error) * 2n <= BigInt(from)).toBe(true);
    }),
  );
});

test('halves are rounded away from zero', () => {
  expect([rescale(1, 2, 1), rescale(-1, 2, 1), rescale(3, 2, 1), rescale(-3, 2, 1)]).toEqual([1, -1, 2, -2]);
});

test('a result that no integer can hold is refused', () => {
  expect(() => rescale(Number.MAX_SAFE_INTEGER, 1, 90_000)).toThrow(RangeError);
});

test('any walk in steps of less than half the range survives wrapping', () => {
  for (const bits of [16, 24, 32]) {
    const half = 2 ** (bits - 1);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** bits - 1 }),
        fc.array(fc.integer({ min: -half + 1, max: half - 1 }), { maxLength: 50 }),
        (start, steps) => {
          const unwrapper = new WrapUnwrapper(bits);
          let truth = start;
          expect(unwrapper.unwrap(start)).toBe(start);
          for (const step of steps) {
            truth += step;
            const wrapped = ((truth % 2 ** bits) + 2 ** bits) % 2 ** bits;
            expect(unwrapper.unwrap(wrapped)).toBe(truth);
          }
        },
      ),
    );
  }
});
