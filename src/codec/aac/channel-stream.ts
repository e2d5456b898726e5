import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import type { BitReader } from '../bit-reader.js';
import { QUICK_BITS, quickTable, readSymbol } from './huffman.js';
import { scaleFactorBook } from './huffman-tables.js';
import { scaleFactorBands } from './scale-factor-bands.js';
import { skipSpectrum } from './spectrum.js';

/** Table 4.44 of ISO/IEC 14496-3. */
export const WindowSequence = { onlyLong: 0, longStart: 1, eightShort: 2, longStop: 3 } as const;
export type WindowSequence = (typeof WindowSequence)[keyof typeof WindowSequence];

/** Sine, or Kaiser-Bessel derived. */
export const WindowShape = { sine: 0, kbd: 1 } as const;
export type WindowShape = (typeof WindowShape)[keyof typeof WindowShape];

/** ics_info, §4.4.2.1: how the channels that it belongs to were windowed. */
export interface WindowInfo {
  readonly sequence: WindowSequence;
  /** Of the right half of this block, and, in the decoder, of the left half of the next one. */
  readonly shape: WindowShape;
  /** Scale factor bands that are coded, per window. */
  readonly maxSfb: number;
  /** Windows in each group; one group of one window in long blocks. */
  readonly groups: readonly number[];
  /** Where window_sequence begins, in bits from the start of the block; window_shape is 2 bits later. */
  readonly bitOffset: number;
}

/** individual_channel_stream, §4.4.2.7, without the coefficients. */
export interface ChannelStream {
  readonly window: WindowInfo;
  readonly globalGain: number;
  /** Codebook of each coded band of each group: 0 zero, 13 noise, 14 and 15 intensity. */
  readonly codebooks: readonly (readonly number[])[];
  readonly hasPulses: boolean;
  readonly hasTns: boolean;
}

export interface StreamFormat {
  readonly sampleRate: number;
  readonly frameLength: 1024 | 960;
}

const ZERO = 0;
const RESERVED = 12;
const NOISE = 13;
const SHORT_WINDOWS = 8;

/** @throws MalformedMediaError, UnsupportedMediaError for prediction, which object type 2 does not have */
export function readWindowInfo(reader: BitReader, format: StreamFormat): WindowInfo {
  if (reader.flag()) throw malformed(reader, 'ics_reserved_bit is set');
  const bitOffset = reader.position;
  const sequence = reader.bits(2) as WindowSequence;
  const shape = reader.bits(1) as WindowShape;
  const isShort = sequence === WindowSequence.eightShort;
  const maxSfb = reader.bits(isShort ? 4 : 6);
  const groups = [1];
  if (isShort) {
    for (let window = 1; window < SHORT_WINDOWS; window++) {
      if (reader.flag()) groups[groups.length - 1]!++;
      else groups.push(1);
    }
  } else if (reader.flag()) {
    throw new UnsupportedMediaError('AAC: prediction is not part of object type 2 (AAC-LC)');
  }
  const bands = bandsOf(sequence, format).length - 1;
  if (maxSfb > bands) throw malformed(reader, `expected at most ${bands} scale factor bands, got ${maxSfb}`);
  return { sequence, shape, maxSfb, groups, bitOffset };
}

/**
 * @param common the window of the pair, where its channels share one
 * @throws MalformedMediaError, UnsupportedMediaError for gain control, which object type 2 does not have
 */
export function readChannelStream(
  reader: BitReader,
  format: StreamFormat,
  common: WindowInfo | undefined,
): ChannelStream {
  const globalGain = reader.bits(8);
  const window = common ?? readWindowInfo(reader, format);
  const codebooks = window.groups.map(() => readSections(reader, window));
  readScaleFactors(reader, codebooks);
  const isShort = window.sequence === WindowSequence.eightShort;
  const hasPulses = reader.flag();
  if (hasPulses) {
    if (isShort) throw malformed(reader, 'pulses in a block of short windows');
    const pulses = reader.bits(2) + 1;
    reader.skip(6 + 9 * pulses);
  }
  const hasTns = reader.flag();
  if (hasTns) skipTns(reader, isShort);
  if (reader.flag())
    throw new UnsupportedMediaError('AAC: gain control is not part of object type 2 (AAC-LC)');
  skipSpectrum(reader, { groups: window.groups, codebooks, borders: bandsOf(window.sequence, format) });
  return { window, globalGain, codebooks, hasPulses, hasTns };
}

function bandsOf(sequence: WindowSequence, format: StreamFormat): readonly number[] {
  const isShort = sequence === WindowSequence.eightShort;
  if (format.frameLength === 1024) return scaleFactorBands(format.sampleRate, isShort ? 128 : 1024);
  return scaleFactorBands(format.sampleRate, isShort ? 120 : 960);
}

/** section_data of one group, table 4.52. */
function readSections(reader: BitReader, window: WindowInfo): number[] {
  const lengthBits = window.sequence === WindowSequence.eightShort ? 3 : 5;
  const escape = (1 << lengthBits) - 1;
  const codebooks: number[] = [];
  while (codebooks.length < window.maxSfb) {
    const codebook = reader.bits(4);
    if (codebook === RESERVED) throw malformed(reader, 'codebook 12 is reserved');
    let length = 0;
    let part: number;
    do {
      part = reader.bits(lengthBits);
      length += part;
    } while (part === escape);
    if (length === 0 || codebooks.length + length > window.maxSfb) {
      throw malformed(reader, `a section of ${length} bands at ${codebooks.length} of ${window.maxSfb}`);
    }
    for (let band = 0; band < length; band++) codebooks.push(codebook);
  }
  return codebooks;
}

/** Of the codeword that the next {@link QUICK_BITS} begin; 0 for longer ones. */
const scaleFactorLengths = Uint8Array.from(quickTable(scaleFactorBook), (quick) => quick & 15);

/** scale_factor_data, table 4.53: only its length matters here. */
function readScaleFactors(reader: BitReader, codebooks: readonly (readonly number[])[]): void {
  let isFirstNoise = true;
  for (const group of codebooks) {
    for (const codebook of group) {
      if (codebook === ZERO) continue;
      if (codebook === NOISE && isFirstNoise) {
        isFirstNoise = false;
        reader.skip(9);
      } else if (reader.skipCodes(scaleFactorLengths, QUICK_BITS, 1) === 0) {
        readSymbol(reader, scaleFactorBook);
      }
    }
  }
}

/** tns_data, table 4.54. */
function skipTns(reader: BitReader, isShort: boolean): void {
  for (let window = 0; window < (isShort ? SHORT_WINDOWS : 1); window++) {
    const filters = reader.bits(isShort ? 1 : 2);
    const resolution = filters > 0 ? reader.bits(1) : 0;
    for (let filter = 0; filter < filters; filter++) {
      reader.skip(isShort ? 4 : 6);
      const order = reader.bits(isShort ? 3 : 5);
      if (order === 0) continue;
      reader.skip(1);
      const compress = reader.bits(1);
      reader.skip(order * (resolution + 3 - compress));
    }
  }
}

function malformed(reader: BitReader, what: string): MalformedMediaError {
  return new MalformedMediaError(`AAC access unit: ${what}`, { offset: reader.position >> 3 });
}
