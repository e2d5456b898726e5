import { InvalidOptionError, MalformedMediaError } from '../../base/errors.js';
import type { AacConfig } from '../../media/access-unit.js';
import { BitReader } from '../bit-reader.js';

/** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1. */
export interface AscInfo {
  /** Of the core: 2 is AAC-LC, also under HE-AAC. */
  readonly objectType: number;
  /** Of the core, in Hz: HE-AAC puts out {@link extensionSampleRate}. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per access unit at the core's rate. */
  readonly frameLength: 1024 | 960;
  /** Present when spectral band replication (HE-AAC) is signalled. */
  readonly extensionSampleRate?: number;
  readonly parametricStereo?: boolean;
}

/** Table 1.18; index 15 is an explicit rate. */
export const aacSampleRates: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
/** Table 1.19; 0 means that a program config element tells. */
const channelCounts: readonly (number | undefined)[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  24,
  8,
];
const EXPLICIT_RATE = 15;
const SBR = 5;
const PARAMETRIC_STEREO = 29;
/** Object types with a GASpecificConfig, §1.6.2.1. */
const generalAudio = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);
const SYNC_EXTENSION = 0x2b7;

/** @throws MalformedMediaError when it is cut short or holds reserved values */
export function parseAsc(asc: Buffer): AscInfo {
  const reader = new BitReader(asc, 'AudioSpecificConfig');
  let objectType = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const channelConfig = reader.bits(4);
  const explicit = objectType === SBR || objectType === PARAMETRIC_STEREO;
  const parametricStereo = objectType === PARAMETRIC_STEREO;
  let extensionSampleRate: number | undefined;
  if (explicit) {
    extensionSampleRate = readSampleRate(reader);
    objectType = readObjectType(reader);
  }
  let frameLength: 1024 | 960 = 1024;
  let channels = channelCounts[channelConfig];
  if (generalAudio.has(objectType)) {
    frameLength = reader.flag() ? 960 : 1024;
    if (reader.flag()) reader.skip(14); // coreCoderDelay
    const extensionFlag = reader.flag();
    if (channelConfig === 0) channels = readProgramConfig(reader);
    if (objectType === 6 || objectType === 20) reader.skip(3);
    if (extensionFlag) {
      if (objectType === 22) reader.skip(16);
      if ([17, 19, 20, 23].includes(objectType)) reader.skip(3);
      reader.skip(1);
    }
    // A program config element ends in a comment, which is not read here.
    if (!explicit && channelConfig !== 0) extensionSampleRate = readSyncExtension(reader);
  }
  if (channels === undefined || channels === 0) {
    throw new MalformedMediaError(
      `AudioSpecificConfig: channel configuration ${channelConfig} of object type ${objectType} tells no channels`,
    );
  }
  return {
    objectType,
    sampleRate,
    channels,
    frameLength,
    ...(extensionSampleRate === undefined ? {} : { extensionSampleRate }),
    ...(parametricStereo ? { parametricStereo } : {}),
  };
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  const found = type === 31 ? 32 + reader.bits(6) : type;
  if (found === 0) throw new MalformedMediaError('AudioSpecificConfig: object type 0 is reserved');
  return found;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const rate = index === EXPLICIT_RATE ? reader.bits(24) : aacSampleRates[index];
  if (rate === undefined || rate === 0) {
    throw new MalformedMediaError(`AudioSpecificConfig: sampling frequency index ${index} is reserved`);
  }
  return rate;
}

/** program_config_element, §4.4.1.1: its number of channels. */
function readProgramConfig(reader: BitReader): number {
  reader.skip(10); // element_instance_tag, object_type, sampling_frequency_index
  const counts = [reader.bits(4), reader.bits(4), reader.bits(4)];
  const lowFrequency = reader.bits(2);
  reader.skip(7); // num_assoc_data_elements, num_valid_cc_elements
  if (reader.flag()) reader.skip(4); // mono_mixdown
  if (reader.flag()) reader.skip(4); // stereo_mixdown
  if (reader.flag()) reader.skip(3); // matrix_mixdown
  let channels = lowFrequency;
  for (const count of counts) {
    for (let i = 0; i < count; i++) {
      channels += reader.flag() ? 2 : 1;
      reader.skip(4);
    }
  }
  return channels;
}

/** Backward-compatible SBR signalling at the end, §1.6.5. */
function readSyncExtension(reader: BitReader): number | undefined {
  if (reader.bitsLeft < 16 || reader.bits(11) !== SYNC_EXTENSION) return undefined;
  if (readObjectType(reader) !== SBR || reader.bitsLeft < 5 || !reader.flag()) return undefined;
  return readSampleRate(reader);
}

/** @throws InvalidOptionError when no AudioSpecificConfig without program config element says this */
export function buildAsc(info: {
  /** 1…30; 2 (AAC-LC) by default. */
  readonly objectType?: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly frameLength?: 1024 | 960;
}): Buffer {
  const objectType = info.objectType ?? 2;
  const channelConfig = info.channels === 0 ? -1 : channelCounts.indexOf(info.channels);
  if (channelConfig < 0) {
    throw new InvalidOptionError(`AudioSpecificConfig: no configuration for ${info.channels} channels`);
  }
  if (!generalAudio.has(objectType) || objectType === 6 || objectType === 20) {
    throw new InvalidOptionError(`AudioSpecificConfig: object type ${objectType} is not written here`);
  }
  const { sampleRate } = info;
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate >= 2 ** 24) {
    throw new InvalidOptionError(`AudioSpecificConfig: expected a rate of 1…16777215 Hz, got ${sampleRate}`);
  }
  const index = aacSampleRates.indexOf(sampleRate);
  const rate = index >= 0 ? bits(index, 4) : bits(EXPLICIT_RATE, 4) + bits(sampleRate, 24);
  const text =
    bits(objectType, 5) + rate + bits(channelConfig, 4) + (info.frameLength === 960 ? '100' : '000');
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0');
  return Buffer.from(padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}

function bits(value: number, count: number): string {
  return value.toString(2).padStart(count, '0');
}

/**
 * The decoder configuration of an AudioSpecificConfig. The timescale is the core's rate, also for HE-AAC, whose
 * decoders put out twice as many samples.
 *
 * @throws MalformedMediaError when it is damaged
 */
export function aacConfigFromAsc(asc: Buffer): AacConfig {
  const { sampleRate, channels } = parseAsc(asc);
  return { codec: 'aac', asc: Buffer.from(asc), sampleRate, channels };
}
