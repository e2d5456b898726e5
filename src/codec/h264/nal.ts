import { MalformedMediaError } from '../../base/errors.js';

/** nal_unit_type, ITU-T H.264 table 7-1. */
export const NalType = {
  slice: 1,
  partitionA: 2,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
  endOfSequence: 10,
  endOfStream: 11,
  filler: 12,
  spsExtension: 13,
} as const;

const startCode = Buffer.from([0, 0, 1]);
const longStartCode = Buffer.from([0, 0, 0, 1]);

/** @throws MalformedMediaError when the NAL unit is empty */
export function nalType(nal: Buffer): number {
  const header = nal[0];
  if (header === undefined) throw new MalformedMediaError('NAL unit: expected a header byte, got none');
  return header & 0x1f;
}

/**
 * NAL units of a byte stream (ITU-T H.264 annex B), as views into `data`, empty ones left out.
 *
 * @throws MalformedMediaError when data does not begin with a start code
 */
export function splitAnnexB(data: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  let code = data.indexOf(startCode);
  if (data.length === 0) return nals;
  for (let i = 0; i < (code === -1 ? data.length : code); i++) {
    if (data[i] !== 0) throw new MalformedMediaError('byte stream: expected a start code', { offset: i });
  }
  while (code !== -1) {
    const begin = code + startCode.length;
    code = data.indexOf(startCode, begin);
    let end = code === -1 ? data.length : code;
    // A NAL unit never ends in a zero byte (§7.4.1): these are trailing_zero_8bits or the next long start code.
    while (end > begin && data[end - 1] === 0) end--;
    if (end > begin) nals.push(data.subarray(begin, end));
  }
  return nals;
}

/**
 * NAL units behind their lengths (ISO/IEC 14496-15 §5.3.4.2), as views into `data`, empty ones left out.
 *
 * @param lengthSize bytes of each length field, 1, 2 or 4
 * @throws MalformedMediaError when a length reaches past the end
 */
export function splitLengthPrefixed(data: Buffer, lengthSize = 4): Buffer[] {
  const nals: Buffer[] = [];
  let offset = 0;
  while (offset < data.length) {
    if (offset + lengthSize > data.length) {
      throw new MalformedMediaError(`NAL length: expected ${lengthSize} bytes, got ${data.length - offset}`, {
        offset,
      });
    }
    const length = data.readUIntBE(offset, lengthSize);
    const begin = offset + lengthSize;
    if (length > data.length - begin) {
      throw new MalformedMediaError(`NAL unit: expected ${length} bytes, got ${data.length - begin}`, {
        offset,
      });
    }
    if (length > 0) nals.push(data.subarray(begin, begin + length));
    offset = begin + length;
  }
  return nals;
}

/** The form of {@link VideoUnit} data: each NAL unit behind its length in 4 bytes. A new buffer. */
export function joinLengthPrefixed(nals: readonly Buffer[]): Buffer {
  const out = Buffer.allocUnsafe(nals.reduce((sum, nal) => sum + 4 + nal.length, 0));
  let offset = 0;
  for (const nal of nals) {
    offset = out.writeUInt32BE(nal.length, offset);
    offset += nal.copy(out, offset);
  }
  return out;
}

/**
 * The byte stream of one access unit: parameter sets first, then the NAL units of `unitData`, all behind 4-byte start
 * codes. A new buffer.
 *
 * @param unitData NAL units behind 4-byte lengths
 * @throws MalformedMediaError when a length reaches past the end
 */
export function toAnnexB(unitData: Buffer, parameterSets: readonly Buffer[] = []): Buffer {
  const parts: Buffer[] = [];
  for (const nal of parameterSets) parts.push(longStartCode, nal);
  for (const nal of splitLengthPrefixed(unitData)) parts.push(longStartCode, nal);
  return Buffer.concat(parts);
}

/** The payload of a NAL unit without emulation prevention bytes (§7.4.1), header byte kept. */
export function unescapeNal(nal: Buffer): Buffer {
  const escape = nal.indexOf(Buffer.from([0, 0, 3]));
  if (escape === -1) return nal;
  const out = Buffer.allocUnsafe(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, length);
}
