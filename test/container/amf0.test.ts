import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidOptionError, MalformedMediaError } from '../../src/base/errors.js';
import {
  amfEntries,
  decodeAmf0,
  EcmaArray,
  encodeAmf0,
  type AmfValue,
} from '../../src/container/flv/amf0.js';

const { value } = fc.letrec<{ value: AmfValue }>((tie) => {
  const entries = fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 4 });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.double(),
      fc.boolean(),
      fc.string({ unit: 'grapheme' }),
      fc.constant(null),
      fc.constant(undefined),
      fc.date({ noInvalidDate: true }),
      entries,
      entries.map((object) => new EcmaArray(object)),
      fc.array(tie('value'), { maxLength: 4 }),
    ),
  };
});

describe('AMF0', () => {
  test('reads back every value that it writes', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        expect(decodeAmf0(encodeAmf0(values))).toEqual(values);
      }),
    );
  });

  test('writes strings longer than 65535 bytes in the long form', () => {
    const long = 'x'.repeat(70_000);
    expect(encodeAmf0([long])[0]).toBe(0x0c);
    expect(decodeAmf0(encodeAmf0([long]))).toEqual([long]);
  });

  test('takes keys that mean something to JavaScript as plain keys', () => {
    const bytes = Buffer.concat([
      Buffer.from([3, 0, 9]),
      Buffer.from('__proto__'),
      encodeAmf0([{ polluted: true }]),
      Buffer.from([0, 0, 9]),
    ]);
    const [object] = decodeAmf0(bytes);
    expect(Object.keys(amfEntries(object))).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('follows references and refuses those to nothing', () => {
    const object = encodeAmf0([{ a: 1 }]);
    expect(decodeAmf0(Buffer.concat([object, Buffer.from([7, 0, 0])]))).toEqual([{ a: 1 }, { a: 1 }]);
    expect(() => decodeAmf0(Buffer.from([7, 0, 0]))).toThrow(MalformedMediaError);
  });

  test('throws nothing but MalformedMediaError on any bytes', () => {
    const markers = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17);
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.array(markers, { maxLength: 64 }));
    fc.assert(
      fc.property(bytes, (data) => {
        try {
          decodeAmf0(Buffer.from(data));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMediaError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('bounds depth and number of values', () => {
    const nested = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from([0x0a, 0, 0, 0, 1])));
    expect(() => decodeAmf0(nested)).toThrow(/deeper/);
    expect(() => decodeAmf0(Buffer.alloc(5000, 5))).toThrow(/more than 4096/);
    let deep: AmfValue = 1;
    for (let i = 0; i < 20; i++) deep = [deep];
    expect(() => encodeAmf0([deep])).toThrow(InvalidOptionError);
  });
});
