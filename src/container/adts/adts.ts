import { InvalidOptionError, MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { aacConfigFromAsc, aacSampleRates, buildAsc, parseAsc } from '../../codec/aac/asc.js';
import type { AacConfig, AacUnit } from '../../media/access-unit.js';

const HEADER_BYTES = 7;
const CRC_BYTES = 2;
const MAX_FRAME_BYTES = 0x1fff;
const FRAME_SAMPLES = 1024;

/**
 * One access unit with its ADTS header (ISO/IEC 14496-3 §1.A.2.2), without CRC.
 *
 * @throws InvalidOptionError when the unit does not fit: longer than 8184 bytes, an uncommon rate, over 7 channels
 */
export function adtsFrame(unit: AacUnit): Buffer {
  const { objectType, sampleRate, channels } = parseAsc(unit.config.asc);
  const rateIndex = aacSampleRates.indexOf(sampleRate);
  const channelConfig = channels === 8 ? 7 : channels;
  const length = HEADER_BYTES + unit.data.length;
  if (objectType > 4 || rateIndex < 0 || channels > 8 || channels === 7 || length > MAX_FRAME_BYTES) {
    throw new InvalidOptionError(
      `ADTS: cannot carry object type ${objectType}, ${sampleRate} Hz, ${channels} channels, ${unit.data.length} bytes`,
    );
  }
  const header = Buffer.from([
    0xff,
    0xf1,
    ((objectType - 1) << 6) | (rateIndex << 2) | (channelConfig >> 2),
    ((channelConfig & 3) << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ]);
  return Buffer.concat([header, unit.data]);
}

export interface ParsedAdtsFrame {
  readonly config: AacConfig;
  readonly data: Buffer;
  /** Of header and data. */
  readonly byteLength: number;
}

/**
 * The frame at `offset`.
 *
 * @returns undefined when it is not all there
 * @throws MalformedMediaError when there is no frame
 * @throws UnsupportedMediaError when it holds several raw data blocks, or its channels are told inside
 */
export function parseAdtsFrame(bytes: Buffer, offset = 0): ParsedAdtsFrame | undefined {
  if (offset + HEADER_BYTES > bytes.length) return undefined;
  const at = (index: number): number => bytes[offset + index] ?? 0;
  if (at(0) !== 0xff || (at(1) & 0xf6) !== 0xf0) {
    throw new MalformedMediaError('ADTS: expected a sync word', { offset });
  }
  const headerBytes = HEADER_BYTES + ((at(1) & 1) === 0 ? CRC_BYTES : 0);
  const sampleRate = aacSampleRates[(at(2) >> 2) & 0xf];
  const channelConfig = ((at(2) & 1) << 2) | (at(3) >> 6);
  const byteLength = ((at(3) & 3) << 11) | (at(4) << 3) | (at(5) >> 5);
  if (sampleRate === undefined || byteLength <= headerBytes) {
    throw new MalformedMediaError(
      `ADTS: impossible header, rate index ${(at(2) >> 2) & 0xf}, ${byteLength} bytes`,
      { offset },
    );
  }
  if ((at(6) & 3) !== 0) throw new UnsupportedMediaError('ADTS: several raw data blocks in a frame');
  if (channelConfig === 0) throw new UnsupportedMediaError('ADTS: channels told by a program config element');
  if (offset + byteLength > bytes.length) return undefined;
  const objectType = (at(2) >> 6) + 1;
  const channels = channelConfig === 7 ? 8 : channelConfig;
  return {
    config: configOf({ objectType, sampleRate, channels }),
    data: bytes.subarray(offset + headerBytes, offset + byteLength),
    byteLength,
  };
}

/** One for each kind of header: there are some hundred at most. */
const configs = new Map<number, AacConfig>();

function configOf(header: {
  readonly objectType: number;
  readonly sampleRate: number;
  readonly channels: number;
}): AacConfig {
  const { objectType, sampleRate, channels } = header;
  const key = (sampleRate * 8 + objectType) * 16 + channels;
  let config = configs.get(key);
  if (config === undefined) configs.set(key, (config = aacConfigFromAsc(buildAsc(header))));
  return config;
}

/**
 * ADTS bytes, in pieces of any size → access units on one timeline that starts at 0. What is no frame is skipped to the
 * next one, and counted.
 */
export class AdtsReader {
  #rest: Buffer = Buffer.alloc(0);
  #config: AacConfig | undefined;
  #pts = 0;
  #skippedBytes = 0;

  get skippedBytes(): number {
    return this.#skippedBytes;
  }

  /** @throws UnsupportedMediaError as {@link parseAdtsFrame} */
  push(chunk: Buffer): AacUnit[] {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const units: AacUnit[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      let frame: ParsedAdtsFrame | undefined;
      try {
        frame = parseAdtsFrame(bytes, offset);
      } catch (error) {
        if (!(error instanceof MalformedMediaError)) throw error;
        const next = bytes.indexOf(0xff, offset + 1);
        const to = next === -1 ? bytes.length : next;
        this.#skippedBytes += to - offset;
        offset = to;
        continue;
      }
      if (frame === undefined) break;
      units.push(this.#unit(frame));
      offset += frame.byteLength;
    }
    this.#rest = Buffer.from(bytes.subarray(offset));
    return units;
  }

  #unit(frame: ParsedAdtsFrame): AacUnit {
    if (this.#config === undefined || !this.#config.asc.equals(frame.config.asc)) this.#config = frame.config;
    const unit: AacUnit = {
      kind: 'audio',
      config: this.#config,
      pts: this.#pts,
      durationSamples: FRAME_SAMPLES,
      data: Buffer.from(frame.data),
    };
    this.#pts += FRAME_SAMPLES;
    return unit;
  }
}
