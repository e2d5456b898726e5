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

/**
 * Reads one codeword.
 *
 * @throws MalformedMediaError at the end of the data
 */
export function readSymbol(reader: BitReader, book: HuffmanBook): number {
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
