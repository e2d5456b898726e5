import { InvalidOptionError, MalformedMediaError } from '../../base/errors.js';
import type { VideoConfig } from '../../media/access-unit.js';
import { NalType, nalType } from './nal.js';
import { parseSps } from './sps.js';

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1. */
export interface AvccInfo {
  /** Bytes of each NAL length field: 1, 2 or 4. */
  readonly lengthSize: number;
  readonly sps: Buffer[];
  readonly pps: Buffer[];
}

/** Profiles whose record ends with the chroma format and bit depths are all but these. */
const plainProfiles = new Set([66, 77, 88]);

/**
 * @returns parameter sets as views into `avcc`
 * @throws MalformedMediaError when the record is cut short or holds no SPS
 */
export function parseAvcc(avcc: Buffer): AvccInfo {
  const version = avcc[0];
  if (version !== 1 || avcc.length < 7) {
    throw new MalformedMediaError(
      `avcC: expected version 1 and at least 7 bytes, got version ${version ?? 'none'} and ${avcc.length} bytes`,
    );
  }
  const lengthSize = ((avcc[4] ?? 0) & 3) + 1;
  if (lengthSize === 3)
    throw new MalformedMediaError('avcC: a NAL length of 3 bytes is forbidden', { offset: 4 });
  const sps = readSets(avcc, { offset: 5, countMask: 0x1f, type: NalType.sps });
  const pps = readSets(avcc, { offset: sps.end, countMask: 0xff, type: NalType.pps });
  if (sps.nals.length === 0) throw new MalformedMediaError('avcC: expected an SPS, got none', { offset: 5 });
  return { lengthSize, sps: sps.nals, pps: pps.nals };
}

function readSets(
  avcc: Buffer,
  where: { offset: number; countMask: number; type: number },
): { nals: Buffer[]; end: number } {
  let { offset } = where;
  const need = (bytes: number): void => {
    if (offset + bytes > avcc.length) {
      throw new MalformedMediaError(`avcC: expected ${bytes} more bytes, got ${avcc.length - offset}`, {
        offset,
      });
    }
  };
  need(1);
  const count = avcc.readUInt8(offset++) & where.countMask;
  const nals: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    need(2);
    const length = avcc.readUInt16BE(offset);
    offset += 2;
    need(length);
    const nal = avcc.subarray(offset, offset + length);
    if (nalType(nal) !== where.type) {
      throw new MalformedMediaError(`avcC: expected NAL type ${where.type}, got ${nalType(nal)}`, { offset });
    }
    nals.push(nal);
    offset += length;
  }
  return { nals, end: offset };
}

/**
 * A record with 4-byte NAL lengths. Profile and level are those of the first SPS.
 *
 * @throws InvalidOptionError without an SPS, or with more or longer sets than a record holds
 * @throws MalformedMediaError when the first SPS is damaged
 */
export function buildAvcc(sps: readonly Buffer[], pps: readonly Buffer[]): Buffer {
  const first = sps[0];
  if (first === undefined) throw new InvalidOptionError('avcC: expected an SPS, got none');
  if (sps.length > 31 || pps.length > 255 || [...sps, ...pps].some((nal) => nal.length > 0xffff)) {
    throw new InvalidOptionError(
      'avcC: expected at most 31 SPS and 255 PPS of 65535 bytes, got more or longer ones',
    );
  }
  const info = parseSps(first);
  const parts: Buffer[] = [
    Buffer.from([1, info.profileIdc, info.constraintFlags, info.levelIdc, 0xff, 0xe0 | sps.length]),
  ];
  const add = (nal: Buffer): void => {
    parts.push(Buffer.from([nal.length >> 8, nal.length & 0xff]), nal);
  };
  sps.forEach(add);
  parts.push(Buffer.from([pps.length]));
  pps.forEach(add);
  if (!plainProfiles.has(info.profileIdc)) {
    parts.push(
      Buffer.from([
        0xfc | info.chromaFormatIdc,
        0xf8 | (info.bitDepthLuma - 8),
        0xf8 | (info.bitDepthChroma - 8),
        0,
      ]),
    );
  }
  return Buffer.concat(parts);
}

/**
 * The decoder configuration of a record. The record is rebuilt, so that the same parameter sets always compare equal
 * and NAL lengths are 4 bytes: the caller rewrites units of other length sizes.
 *
 * @throws MalformedMediaError when the record or its first SPS is damaged
 */
export function videoConfigFromAvcc(avcc: Buffer): VideoConfig {
  const { sps, pps } = parseAvcc(avcc);
  return videoConfigFromParameterSets(sps, pps);
}

/** @throws MalformedMediaError when the first SPS is damaged; InvalidOptionError without one */
export function videoConfigFromParameterSets(sps: readonly Buffer[], pps: readonly Buffer[]): VideoConfig {
  const avcc = buildAvcc(sps, pps);
  const { width, height } = parseSps(sps[0] ?? Buffer.alloc(0));
  return { codec: 'h264', avcc, width, height };
}
