import { MalformedMediaError } from '../../base/errors.js';
import type { BitReader } from '../bit-reader.js';

/** A canonical Huffman code over tuples of coefficients. */
export interface HuffmanBook {
  /** Coefficients per codeword. */
  readonly dimension: number;
  /** Range of each coefficient. */
  readonly lowest: number;
  readonly highest: number;
  /** Codewords of 1, 2, 3… bits. */
  readonly counts: readonly number[];
  /** In the order of their codewords: the tuple as a number to base `highest − lowest + 1`, first coefficient highest. */
  readonly symbols: readonly number[];
}

/** Codewords up to this length are found at once. */
export const QUICK_BITS = 10;

const quickTables = new WeakMap<HuffmanBook, Uint32Array>();

/**
 * For each value of the next {@link QUICK_BITS}: the length of the codeword that they begin with, plus 16 × its symbol; 0
 * for longer ones.
 */
export function quickTable(book: HuffmanBook): Uint32Array {
  let table = quickTables.get(book);
  if (table === undefined) quickTables.set(book, (table = makeQuickTable(book)));
  return table;
}

function makeQuickTable(book: HuffmanBook): Uint32Array {
  const table = new Uint32Array(2 ** QUICK_BITS);
  let next = 0;
  let index = 0;
  for (let length = 1; length <= Math.min(QUICK_BITS, book.counts.length); length++) {
    const span = 2 ** (QUICK_BITS - length);
    for (let n = 0; n < book.counts[length - 1]!; n++, next += span) {
      table.fill(length + 16 * book.symbols[index++]!, next, next + span);
    }
  }
  return table;
}

/**
 * Reads one codeword.
 *
 * @throws MalformedMediaError at the end of the data
 */
export function readSymbol(reader: BitReader, book: HuffmanBook): number {
  const quick = quickTable(book)[reader.peek(QUICK_BITS)]!;
  if (quick !== 0) {
    reader.skip(quick & 15);
    return quick >>> 4;
  }
  let code = 0;
  let first = 0;
  let index = 0;
  for (const count of book.counts) {
    code = code * 2 + reader.bits(1);
    first *= 2;
    if (code - first < count) return book.symbols[index + code - first] ?? 0;
    first += count;
    index += count;
  }
  // All books are complete, so that every sequence of bits is some codeword.
  throw new MalformedMediaError('AAC: no such codeword', { offset: reader.position >> 3 });
}
