import { MalformedMediaError } from '../../base/errors.js';
import type { BitReader } from '../bit-reader.js';
import { QUICK_BITS, quickTable, readSymbol, type HuffmanBook } from './huffman.js';
import { spectralBooks } from './huffman-tables.js';

const ESCAPE_BOOK = 11;
const INTENSITY = 14;
const MAX_ESCAPE_PREFIX = 8;
/** Codebooks whose coefficients have their signs apart. */
const unsignedBooks = new Set([3, 4, 7, 8, 9, 10, 11]);

/** Where the coefficients of one channel lie. */
export interface CodedSpectrum {
  /** Windows in each group. */
  readonly groups: readonly number[];
  /** Codebook of each coded band of each group. */
  readonly codebooks: readonly (readonly number[])[];
  /** First coefficient of each band, and one more. */
  readonly borders: readonly number[];
}

/**
 * spectral_data, table 4.56: coefficients of a band come window after window of its group, in tuples.
 *
 * @throws MalformedMediaError at the end of the data
 */
export function skipSpectrum(reader: BitReader, { groups, codebooks, borders }: CodedSpectrum): void {
  for (let group = 0; group < codebooks.length; group++) {
    const bands = codebooks[group]!;
    const windows = groups[group] ?? 1;
    for (let band = 0; band < bands.length; band++) {
      const codebook = bands[band]!;
      const book = spectralBooks[codebook];
      if (book === undefined || codebook >= INTENSITY) continue;
      const width = (borders[band + 1] ?? 0) - (borders[band] ?? 0);
      skipTuples(reader, codebook, (width * windows) / book.dimension);
    }
  }
}

function skipTuples(reader: BitReader, codebook: number, count: number): void {
  const { book, lengths, tails } = (tupleCodes[codebook] ??= tupleCode(codebook));
  for (let left = count; (left -= reader.skipCodes(lengths, QUICK_BITS, left)) > 0; left--) {
    const bits = lengths[reader.peek(QUICK_BITS)]!;
    if (bits > 0) reader.skip(bits);
    else skipTail(reader, tails[readSymbol(reader, book)]!);
  }
}

/** What is to be known of a codebook to skip its tuples. */
interface TupleCode {
  readonly book: HuffmanBook;
  /**
   * For each value of the next {@link QUICK_BITS}: how many bits the tuple has that they begin, its signs included; 0 where
   * that takes more to know.
   */
  readonly lengths: Uint8Array;
  /** For each symbol what follows its codeword: bits of signs, and 16 × the number of escape sequences. */
  readonly tails: Uint8Array;
}

const tupleCodes: (TupleCode | undefined)[] = [];

function tupleCode(codebook: number): TupleCode {
  const book = spectralBooks[codebook]!;
  const tails = Uint8Array.from(book.symbols, (_, symbol) => tailOf(codebook, book, symbol));
  const lengths = Uint8Array.from(quickTable(book), (quick) => {
    const length = quick & 15;
    const tail = tails[quick >>> 4]!;
    return length === 0 || tail >= 16 ? 0 : length + tail;
  });
  return { book, lengths, tails };
}

function tailOf(codebook: number, { dimension, lowest, highest }: HuffmanBook, symbol: number): number {
  if (!unsignedBooks.has(codebook)) return 0;
  const base = highest - lowest + 1;
  let rest = symbol;
  let signs = 0;
  let escapes = 0;
  for (let i = 0; i < dimension; i++) {
    const value = rest % base;
    rest = (rest - value) / base;
    if (value !== 0) signs++;
    if (codebook === ESCAPE_BOOK && value === highest) escapes++;
  }
  return signs + 16 * escapes;
}

function skipTail(reader: BitReader, tail: number): void {
  reader.skip(tail & 15);
  for (let escapes = tail >> 4; escapes > 0; escapes--) {
    let prefix = 0;
    while (reader.flag()) {
      if (++prefix > MAX_ESCAPE_PREFIX) {
        throw new MalformedMediaError('AAC access unit: an escape sequence over 13 bits', {
          offset: reader.position >> 3,
        });
      }
    }
    reader.skip(prefix + 4);
  }
}
