import fc from 'fast-check';

/** Datagrams as a hostile or broken sender may make them. */
export const anyDatagram = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));

/** Sound packets with some bytes changed or the end cut off: damage that gets past the first check. */
export function damaged(sound: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(sound, fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 4 }), fc.nat(2_000))
    .map(([bytes, edits, cut]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
      return cut < copy.length ? copy.subarray(0, cut) : copy;
    });
}
