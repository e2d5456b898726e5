import { MalformedMediaError } from '../../base/errors.js';
import { BitReader } from '../bit-reader.js';
import { NalType, nalType, unescapeNal } from './nal.js';

export interface SpsInfo {
  readonly profileIdc: number;
  /** The byte between profile and level: constraint_set0_flag is its highest bit. */
  readonly constraintFlags: number;
  /** Ten times the level, e.g. 31 for level 3.1. */
  readonly levelIdc: number;
  /** Displayed size in pixels, cropping applied. */
  readonly width: number;
  readonly height: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** How many pictures can precede another in decoding order and follow it in output order; undefined when not told. */
  readonly reorderFrames?: number;
  /** Pictures per second by the VUI timing; a hint, streams often lie. */
  readonly frameRate?: number;
}

/** Profiles that carry chroma format and bit depths, ITU-T H.264 §7.3.2.1.1. */
const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Largest side taken, in pixels: level 6.2 ends at 8192 x 4320, with sides up to 16888. */
const MAX_SIDE = 16_888;
const EXTENDED_SAR = 255;

/**
 * Sequence parameter set, ITU-T H.264 §7.3.2.1.1.
 *
 * @param nal with its header byte
 * @throws MalformedMediaError when it is not an SPS, is cut short, or holds values out of range
 */
export function parseSps(nal: Buffer): SpsInfo {
  if (nalType(nal) !== NalType.sps) {
    throw new MalformedMediaError(`SPS: expected NAL type ${NalType.sps}, got ${nalType(nal)}`);
  }
  const reader = new BitReader(unescapeNal(nal), 'SPS');
  reader.skip(8);
  const profileIdc = reader.bits(8);
  const constraintFlags = reader.bits(8);
  const levelIdc = reader.bits(8);
  atMost('seq_parameter_set_id', reader.unsignedExpGolomb(), 31);
  const chroma = highProfiles.has(profileIdc)
    ? readChroma(reader)
    : { chromaFormatIdc: 1, separatePlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };
  atMost('log2_max_frame_num_minus4', reader.unsignedExpGolomb(), 12);
  const orderType = readPictureOrder(reader);
  atMost('max_num_ref_frames', reader.unsignedExpGolomb(), 16);
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag
  const { width, height } = readSize(reader, chroma.separatePlanes ? 0 : chroma.chromaFormatIdc);
  return {
    profileIdc,
    constraintFlags,
    levelIdc,
    width,
    height,
    chromaFormatIdc: chroma.chromaFormatIdc,
    bitDepthLuma: chroma.bitDepthLuma,
    bitDepthChroma: chroma.bitDepthChroma,
    // Output order is decoding order by definition (§8.2.1.3), whatever the VUI leaves out.
    ...(orderType === 2 ? { reorderFrames: 0 } : {}),
    ...readVui(reader),
  };
}

function atMost(field: string, value: number, max: number): number {
  if (value > max) throw new MalformedMediaError(`SPS: expected ${field} of at most ${max}, got ${value}`);
  return value;
}

function readChroma(reader: BitReader): {
  chromaFormatIdc: number;
  separatePlanes: boolean;
  bitDepthLuma: number;
  bitDepthChroma: number;
} {
  const chromaFormatIdc = atMost('chroma_format_idc', reader.unsignedExpGolomb(), 3);
  const separatePlanes = chromaFormatIdc === 3 && reader.flag();
  const bitDepthLuma = 8 + atMost('bit_depth_luma_minus8', reader.unsignedExpGolomb(), 6);
  const bitDepthChroma = 8 + atMost('bit_depth_chroma_minus8', reader.unsignedExpGolomb(), 6);
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const lists = chromaFormatIdc === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (reader.flag()) skipScalingList(reader, i < 6 ? 16 : 64);
  }
  return { chromaFormatIdc, separatePlanes, bitDepthLuma, bitDepthChroma };
}

/** §7.3.2.1.1.1 */
function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + reader.signedExpGolomb() + 256) & 0xff;
    if (next !== 0) last = next;
  }
}

function readPictureOrder(reader: BitReader): number {
  const type = atMost('pic_order_cnt_type', reader.unsignedExpGolomb(), 2);
  if (type === 0) atMost('log2_max_pic_order_cnt_lsb_minus4', reader.unsignedExpGolomb(), 12);
  if (type === 1) {
    reader.skip(1); // delta_pic_order_always_zero_flag
    reader.signedExpGolomb();
    reader.signedExpGolomb();
    const cycle = atMost('num_ref_frames_in_pic_order_cnt_cycle', reader.unsignedExpGolomb(), 255);
    for (let i = 0; i < cycle; i++) reader.signedExpGolomb();
  }
  return type;
}

/** @param chromaArrayType as in §7.4.2.1.1: 0 when planes are coded apart */
function readSize(reader: BitReader, chromaArrayType: number): { width: number; height: number } {
  const codedWidth = 16 * (atMost('pic_width_in_mbs_minus1', reader.unsignedExpGolomb(), MAX_SIDE / 16) + 1);
  const mapUnits = atMost('pic_height_in_map_units_minus1', reader.unsignedExpGolomb(), MAX_SIDE / 16) + 1;
  const framesOnly = reader.flag();
  if (!framesOnly) reader.skip(1); // mb_adaptive_frame_field_flag
  const codedHeight = 16 * mapUnits * (framesOnly ? 1 : 2);
  reader.skip(1); // direct_8x8_inference_flag
  if (!reader.flag()) return { width: codedWidth, height: codedHeight };
  const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
  const unitY = (chromaArrayType === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  const [left, right, top, bottom] = [
    reader.unsignedExpGolomb(),
    reader.unsignedExpGolomb(),
    reader.unsignedExpGolomb(),
    reader.unsignedExpGolomb(),
  ];
  const width = codedWidth - unitX * (left + right);
  const height = codedHeight - unitY * (top + bottom);
  if (width <= 0 || height <= 0) {
    throw new MalformedMediaError(
      `SPS: cropping of ${left}+${right} x ${top}+${bottom} leaves nothing of ${codedWidth}x${codedHeight}`,
    );
  }
  return { width, height };
}

/** Annex E. A damaged VUI is left out: everything needed for decoding stands before it. */
function readVui(reader: BitReader): { reorderFrames?: number; frameRate?: number } {
  const found: { reorderFrames?: number; frameRate?: number } = {};
  try {
    if (!reader.flag()) return found;
    if (reader.flag() && reader.bits(8) === EXTENDED_SAR) reader.skip(32);
    if (reader.flag()) reader.skip(1); // overscan
    if (reader.flag()) {
      reader.skip(4); // video_format, video_full_range_flag
      if (reader.flag()) reader.skip(24);
    }
    if (reader.flag()) {
      reader.unsignedExpGolomb(); // chroma sample locations
      reader.unsignedExpGolomb();
    }
    if (reader.flag()) {
      const unitsInTick = reader.bits(32);
      const timescale = reader.bits(32);
      reader.skip(1); // fixed_frame_rate_flag
      if (unitsInTick > 0 && timescale > 0) found.frameRate = timescale / (2 * unitsInTick);
    }
    const nalHrd = reader.flag();
    if (nalHrd) skipHrd(reader);
    const vclHrd = reader.flag();
    if (vclHrd) skipHrd(reader);
    if (nalHrd || vclHrd) reader.skip(1);
    reader.skip(1); // pic_struct_present_flag
    if (reader.flag()) {
      reader.skip(1);
      for (let i = 0; i < 4; i++) reader.unsignedExpGolomb();
      const reorderFrames = reader.unsignedExpGolomb();
      if (reorderFrames <= 16) found.reorderFrames = reorderFrames;
    }
  } catch (error) {
    if (!(error instanceof MalformedMediaError)) throw error;
  }
  return found;
}

/** §E.1.2 */
function skipHrd(reader: BitReader): void {
  const count = atMost('cpb_cnt_minus1', reader.unsignedExpGolomb(), 31) + 1;
  reader.skip(8);
  for (let i = 0; i < count; i++) {
    reader.unsignedExpGolomb();
    reader.unsignedExpGolomb();
    reader.skip(1);
  }
  reader.skip(20);
}
