import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { AnchorNetError, UnsupportedMediaError } from '../../src/base/errors.js';
import { parseAsc } from '../../src/codec/aac/asc.js';
import { readSymbol, type HuffmanBook } from '../../src/codec/aac/huffman.js';
import { scaleFactorBook, spectralBooks } from '../../src/codec/aac/huffman-tables.js';
import { channelWindows, parseRawDataBlock, type RawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { scaleFactorBands } from '../../src/codec/aac/scale-factor-bands.js';
import { leftSlope, longSequence, rightSlope, risingHalf, withWindows } from '../../src/codec/aac/window.js';
import { BitReader } from '../../src/codec/bit-reader.js';
import { AdtsReader } from '../../src/container/adts/adts.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import type { AacUnit } from '../../src/media/access-unit.js';

/** Tones with bursts: encoders put in every kind of window, tool and codebook. */
function music(samples: number, seed: number): Float32Array {
  let state = seed >>> 0;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5;
  return Float32Array.from({ length: samples }, (_, i) => {
    const burst = Math.exp(-(i % 9_001) / 60);
    const tone = 0.2 * Math.sin(i * 0.031 * seed) + 0.1 * Math.sin(i * 0.2 + Math.sin(i / 900));
    return tone + (0.02 + 0.6 * burst) * random();
  });
}

function encode(
  encoder: 'aac' | 'libfdk_aac',
  channels: 1 | 2,
  sampleRate: number,
  bitrateBps: number,
): AacUnit[] {
  const aac = AacEncoder.open({ encoder, channels, sampleRate, bitrateBps });
  const pcm = Array.from({ length: channels }, (_, i) => music(sampleRate * 3, i + 1));
  return [...aac.encode({ sampleRate, pts: 0, channels: pcm }), ...aac.flush()];
}

/** By the ffmpeg program: more channels than the encoders here take. */
function encodeSurround(): AacUnit[] {
  const voices = [0, 1, 2, 3, 4, 5].map((i) => `0.3*sin(t*${700 + 511 * i})*sin(t*${3 + i})`);
  const { stdout } = spawnSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `aevalsrc=${voices.join('|')}:c=5.1:s=48000:d=2`],
      ...['-c:a', 'aac', '-b:a', '384k', '-f', 'adts', '-'],
    ],
    { maxBuffer: 2 ** 24 },
  );
  return new AdtsReader().push(stdout);
}

function parseAll(units: readonly AacUnit[]): RawDataBlock[] {
  return units.map((unit) => parseRawDataBlock(unit.data, parseAsc(unit.config.asc)));
}

describe.each([
  ['libfdk_aac', 1, 48_000, 64_000],
  ['libfdk_aac', 2, 48_000, 192_000],
  ['libfdk_aac', 2, 44_100, 96_000],
  ['aac', 1, 44_100, 64_000],
  ['aac', 2, 48_000, 128_000],
  ['aac', 2, 32_000, 96_000],
  ['aac', 1, 16_000, 32_000],
] as const)('access units by %s, %d channels, %d Hz, %d b/s', (encoder, channels, sampleRate, bitrate) => {
  let units: AacUnit[];
  beforeAll(() => {
    units = encode(encoder, channels, sampleRate, bitrate);
  });

  test('are parsed to their very end', () => {
    expect(units.length).toBeGreaterThan(40);
    for (const [index, block] of parseAll(units).entries()) {
      // Every wrong table or length would leave the parser elsewhere.
      expect(Math.ceil(block.bitLength / 8)).toBe(units[index]!.data.length);
      expect(channelWindows(block)).toHaveLength(channels);
    }
  });

  test('follow each other with matching slopes, and hold short and long windows', () => {
    const windows = parseAll(units).map(channelWindows);
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 1; i < windows.length; i++) {
        expect(rightSlope(windows[i - 1]![channel]!.sequence)).toBe(
          leftSlope(windows[i]![channel]!.sequence),
        );
      }
      const found = new Set(windows.map((all) => all[channel]!.sequence));
      expect(found.size).toBeGreaterThan(1);
    }
  });
});

test('5.1 surround is one element after the other, parsed to the end', () => {
  const units = encodeSurround();
  expect(units.length).toBeGreaterThan(60);
  const blocks = parseAll(units);
  for (const [index, block] of blocks.entries()) {
    expect(block.elements.map(({ kind }) => kind)).toEqual(['single', 'pair', 'pair', 'low-frequency']);
    expect(channelWindows(block)).toHaveLength(6);
    expect(Math.ceil(block.bitLength / 8)).toBe(units[index]!.data.length);
  }
});

describe('what may stand before the channels', () => {
  const bits = (text: string): Buffer => {
    const padded = text.replace(/\s/g, '').padEnd(Math.ceil(text.replace(/\s/g, '').length / 8) * 8, '0');
    return Buffer.from(padded.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
  };
  const config = parseAsc(Buffer.from([0x11, 0x88]));
  /** A silent mono element: eight gain bits, long KBD window without bands, no tools. */
  const silence = '000 0000 01100100 0 00 1 000000 0  0 0 0';

  test.each([
    ['nothing', '', []],
    ['a fill element', '110 0010 0000 000000000000', ['fill']],
    ['a long fill element', `110 1111 00000001 0000 ${'1'.repeat(15 * 8 - 4)}`, ['fill']],
    ['a data stream, aligned', `100 0000 1 00000010 ${'1010101010101010'}`, ['data']],
    // One single channel in front; then aligned to a byte, and a comment of one byte.
    [
      'a program config element',
      `101 0000 01 0011 0001 0000 0000 00 000 0000 0 0 0 00000 000000 00000001 01000001`,
      ['program-config'],
    ],
  ])('%s', (_, before, sideElements) => {
    const prefixed = bits(`${before} ${silence} 111`);
    const block = parseRawDataBlock(prefixed, config);
    expect(block.sideElements).toEqual(sideElements);
    expect(channelWindows(block)).toMatchObject([{ sequence: 0, shape: 1, maxSfb: 0 }]);
  });

  test('spectral band replication in a fill element is recognised', () => {
    const block = parseRawDataBlock(bits(`${silence} 110 0010 1101 000000000000 111`), config);
    expect(block.hasSbr).toBe(true);
    expect(parseRawDataBlock(bits(`${silence} 111`), config).hasSbr).toBe(false);
  });

  test('a pair without a common window has one for each channel', () => {
    const stream = (sequence: string, shape: string): string =>
      `01100100 0 ${sequence} ${shape} ${sequence === '10' ? '0000 1111111' : '000000 0'} 0 0 0`;
    const block = parseRawDataBlock(bits(`001 0000 0 ${stream('01', '1')} ${stream('10', '0')} 111`), config);
    expect(block.elements[0]).toMatchObject({ kind: 'pair', commonWindow: false });
    expect(channelWindows(block)).toMatchObject([
      { sequence: 1, shape: 1 },
      { sequence: 2, shape: 0, groups: [8] },
    ]);
  });

  test('other object types and coupling channels are refused by name', () => {
    expect(() => parseRawDataBlock(bits('111'), { ...config, objectType: 1 })).toThrow(UnsupportedMediaError);
    expect(() => parseRawDataBlock(bits('010'), config)).toThrow(UnsupportedMediaError);
  });
});

test('damage ends in an error of ours or in a parsed block, never in anything else', () => {
  const units = encode('aac', 2, 48_000, 128_000);
  fc.assert(
    fc.property(
      fc.nat(units.length - 1),
      fc.array(fc.tuple(fc.nat(400 * 8), fc.boolean()), { maxLength: 8 }),
      fc.nat(400),
      (index, flips, length) => {
        const data = Buffer.from(units[index]!.data.subarray(0, length));
        for (const [bit] of flips) if (bit >> 3 < data.length) data[bit >> 3]! ^= 0x80 >> (bit & 7);
        try {
          const block = parseRawDataBlock(data, parseAsc(units[index]!.config.asc));
          expect(block.bitLength).toBeLessThanOrEqual(data.length * 8);
        } catch (error) {
          expect(error).toBeInstanceOf(AnchorNetError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

describe('the codebooks', () => {
  test('are complete prefix codes of the right size', () => {
    const books = [scaleFactorBook, ...spectralBooks.filter((book) => book !== undefined)];
    expect(books.map((book) => book.symbols.length)).toEqual([
      121, 81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289,
    ]);
    for (const book of books) {
      expect(book.counts.reduce((sum, count, i) => sum + count / 2 ** (i + 1), 0)).toBe(1);
      expect(new Set(book.symbols).size).toBe(book.symbols.length);
    }
  });

  test('give each symbol back from its codeword', () => {
    const book: HuffmanBook = spectralBooks[11]!;
    let code = 0;
    let index = 0;
    for (const [i, count] of book.counts.entries()) {
      code *= 2;
      for (let k = 0; k < count; k++, code++, index++) {
        const text = code
          .toString(2)
          .padStart(i + 1, '0')
          .padEnd(16, '0');
        const bytes = Buffer.from([Number.parseInt(text.slice(0, 8), 2), Number.parseInt(text.slice(8), 2)]);
        expect(readSymbol(new BitReader(bytes, 'code'), book)).toBe(book.symbols[index]);
      }
    }
  });

  test('scale factor bands end at the length of the window', () => {
    for (const rate of [96_000, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 8_000, 7_350]) {
      for (const length of [1024, 960, 128, 120] as const) {
        const borders = scaleFactorBands(rate, length);
        expect(borders.at(-1)).toBe(length);
        expect([...borders].sort((a, b) => a - b)).toEqual(borders);
        expect(borders.every((border) => border % 4 === 0)).toBe(true);
      }
    }
  });
});

describe('windows', () => {
  test.each([1024, 960] as const)('of %d reconstruct: squares of mirrored values add up to 1', (length) => {
    for (const slope of ['long', 'short'] as const) {
      for (const shape of [0, 1] as const) {
        const half = risingHalf(slope, shape, length);
        for (let n = 0; n < length; n++) {
          expect(half[n]! ** 2 + half[length - 1 - n]! ** 2).toBeCloseTo(1, 12);
        }
      }
    }
  });

  test('are named by their slopes', () => {
    for (const sequence of [0, 1, 3] as const) {
      expect(longSequence(leftSlope(sequence), rightSlope(sequence))).toBe(sequence);
    }
    expect(longSequence('short', 'short')).toBeUndefined();
  });

  test('can be replaced in a unit, and nothing else changes', () => {
    const units = encode('libfdk_aac', 2, 48_000, 128_000);
    for (const unit of units.slice(5, 15)) {
      const config = parseAsc(unit.config.asc);
      const block = parseRawDataBlock(unit.data, config);
      const [window] = channelWindows(block);
      if (window!.sequence === 2) continue;
      const patched = withWindows(unit.data, [{ bitOffset: window!.bitOffset, sequence: 3, shape: 0 }]);
      const after = parseRawDataBlock(patched, config);
      expect(channelWindows(after)[0]).toMatchObject({ sequence: 3, shape: 0, maxSfb: window!.maxSfb });
      expect(after.bitLength).toBe(block.bitLength);
    }
  });
});
