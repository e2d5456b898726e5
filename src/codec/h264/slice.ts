import { MalformedMediaError } from '../../base/errors.js';
import { BitReader } from '../bit-reader.js';
import { NalType, nalType, unescapeNal } from './nal.js';

export type SliceType = 'I' | 'P' | 'B';

/** slice_type modulo 5, ITU-T H.264 table 7-6: SP counts as P, SI as I. */
const types: readonly SliceType[] = ['P', 'B', 'I', 'P', 'I'];
/** Two Exp-Golomb codes of at most 63 bits each lie within these bytes, escapes included. */
const HEADER_BYTES = 32;

/**
 * @param nal one coded slice (or data partition A) with its header byte
 * @throws MalformedMediaError when it is no slice or its header is cut short
 */
export function sliceType(nal: Buffer): SliceType {
  const type = nalType(nal);
  if (type !== NalType.slice && type !== NalType.partitionA && type !== NalType.idr) {
    throw new MalformedMediaError(`slice: expected NAL type 1, 2 or 5, got ${type}`);
  }
  const reader = new BitReader(unescapeNal(nal.subarray(0, HEADER_BYTES)), 'slice header');
  reader.skip(8);
  reader.unsignedExpGolomb(); // first_mb_in_slice
  const code = reader.unsignedExpGolomb();
  const found = code <= 9 ? types[code % 5] : undefined;
  if (found === undefined) {
    throw new MalformedMediaError(`slice header: expected slice_type 0…9, got ${code}`);
  }
  return found;
}
