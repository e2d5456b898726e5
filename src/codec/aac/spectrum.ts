import { MalformedMediaError } from '../../base/errors.js';
import type { BitReader } from '../bit-reader.js';
import { QUICK_BITS, quickTable, readSymbol } from './huffman.js';
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
  const table = (tupleTables[codebook] ??= tupleTable(codebook));
  for (let i = 0; i < count; i++) {
    const bits = table[reader.peek(QUICK_BITS)]!;
    if (bits > 0) reader.skip(bits);
    else skipTuple(reader, codebook);
  }
}

/**
 * By codebook, for each value of the next {@link QUICK_BITS}: how many bits the tuple has that they begin, its signs
 * included; 0 where that takes more to know.
 */
const tupleTables: (Uint8Array | undefined)[] = [];

function tupleTable(codebook: number): Uint8Array {
  return Uint8Array.from(quickTable(spectralBooks[codebook]!), (quick) => {
    const length = quick & 15;
    const { signs, escapes } = tailOf(codebook, quick >>> 4);
    return escapes > 0 || length === 0 ? 0 : length + signs;
  });
}

function skipTuple(reader: BitReader, codebook: number): void {
  const { signs, escapes } = tailOf(codebook, readSymbol(reader, spectralBooks[codebook]!));
  reader.skip(signs);
  for (let i = 0; i < escapes; i++) {
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

/** What follows the codeword of a tuple: bits of signs, and escape sequences. */
function tailOf(codebook: number, symbol: number): { readonly signs: number; readonly escapes: number } {
  if (!unsignedBooks.has(codebook)) return { signs: 0, escapes: 0 };
  const { dimension, lowest, highest } = spectralBooks[codebook]!;
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
  return { signs, escapes };
}
