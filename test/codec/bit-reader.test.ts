import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader } from '../../src/codec/bit-reader.js';

describe('codewords in a row', () => {
  // Of codewords 0, 10, 110 and 111: the last one is not told.
  const lengths = Uint8Array.of(1, 1, 1, 1, 2, 2, 3, 0);

  it('are skipped as they would be one by one, up to one that is not told or the end', () => {
    const options = [fc.uint8Array({ maxLength: 12 }), fc.nat(7), fc.nat(60)] as const;
    fc.assert(
      fc.property(...options, (bytes, before, count) => {
        const start = Math.min(before, 8 * bytes.length);
        const [fast, slow] = [0, 1].map(() => new BitReader(Buffer.from(bytes), 'test')) as [
          BitReader,
          BitReader,
        ];
        fast.skip(start);
        slow.skip(start);
        const skipped = fast.skipCodes(lengths, 3, count);
        for (let i = 0; i < skipped; i++) {
          const length = lengths[slow.peek(3)]!;
          expect(length).toBeGreaterThan(0);
          slow.skip(length);
        }
        expect(fast.position).toBe(slow.position);
        const isNearEnd = fast.position >> 3 > bytes.length - 3;
        const isUntold = lengths[fast.peek(3)] === 0;
        expect(skipped === count || isNearEnd || isUntold).toBe(true);
      }),
    );
  });
});
