import { createReadStream } from 'node:fs';
import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { aacConfigFromAsc, aacSampleRates, buildAsc, parseAsc } from '../../codec/aac/asc.js';
import { parseRawDataBlock } from '../../codec/aac/raw-data-block.js';
import type { AacConfig } from '../../media/access-unit.js';
import { RunBuilder, type MediaIndex } from './media-index.js';

const HEADER_BYTES = 7;
const CRC_BYTES = 2;
const CHUNK_BYTES = 1024 * 1024;
const FRAME_SAMPLES = 1024;

/**
 * Where the access units of an ADTS file lie (ISO/IEC 14496-3 §1.A.2.2), with or without CRC, one or several in a frame.
 * A frame that the file ends within is left out.
 *
 * @throws MalformedMediaError where the file is no ADTS; UnsupportedMediaError when its configuration changes
 */
export async function indexAdts(path: string): Promise<MediaIndex> {
  const builder = new RunBuilder({ tolerance: 0, frameLength: FRAME_SAMPLES });
  let config: AacConfig | undefined;
  let rest: Buffer = Buffer.alloc(0);
  let base = 0;
  let pts = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const bytes: Buffer = Buffer.concat([rest, chunk as Buffer]);
    let at = 0;
    for (;;) {
      const frame = readFrame(bytes, at, base);
      if (frame === undefined) break;
      config ??= frame.config;
      if (!config.asc.equals(frame.config.asc)) {
        throw new UnsupportedMediaError(`ADTS: its configuration changes at byte ${base + at}`);
      }
      for (const block of frame.blocks) {
        builder.add({ config, pts, offset: base + block.offset, size: block.size });
        pts += FRAME_SAMPLES;
      }
      at += frame.byteLength;
    }
    rest = Buffer.from(bytes.subarray(at));
    base += at;
  }
  if (config === undefined)
    throw new MalformedMediaError('ADTS: expected frames, got none', { offset: base });
  const audio = { ...builder.columns, frameLength: FRAME_SAMPLES, runs: builder.runs, from: 0, to: pts };
  return { audio, video: undefined };
}

interface AdtsFrame {
  readonly config: AacConfig;
  readonly byteLength: number;
  readonly blocks: readonly { readonly offset: number; readonly size: number }[];
}

/** @returns undefined when it is not all there */
function readFrame(bytes: Buffer, at: number, base: number): AdtsFrame | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined;
  const byte = (index: number): number => bytes[at + index] ?? 0;
  const sampleRate = aacSampleRates[(byte(2) >> 2) & 0xf];
  const channelConfig = ((byte(2) & 1) << 2) | (byte(3) >> 6);
  const byteLength = ((byte(3) & 3) << 11) | (byte(4) << 3) | (byte(5) >> 5);
  const hasCrc = (byte(1) & 1) === 0;
  const count = (byte(6) & 3) + 1;
  if (
    byte(0) !== 0xff ||
    (byte(1) & 0xf6) !== 0xf0 ||
    sampleRate === undefined ||
    byteLength <= HEADER_BYTES
  ) {
    throw new MalformedMediaError('ADTS: expected a frame', { offset: base + at });
  }
  if (channelConfig === 0) throw new UnsupportedMediaError('ADTS: channels told by a program config element');
  if (at + byteLength > bytes.length) return undefined;
  const objectType = (byte(2) >> 6) + 1;
  const channels = channelConfig === 7 ? 8 : channelConfig;
  const config = aacConfigFromAsc(buildAsc({ objectType, sampleRate, channels }));
  // With a CRC, the header of several blocks tells where all but the first begin (adts_header_error_check).
  const first = HEADER_BYTES + (hasCrc ? CRC_BYTES * count : 0);
  if (count === 1) return { config, byteLength, blocks: [{ offset: at + first, size: byteLength - first }] };
  const blocks: { offset: number; size: number }[] = [];
  let offset = at + first;
  for (let i = 0; i < count; i++) {
    const { bitLength } = parseRawDataBlock(bytes.subarray(offset, at + byteLength), parseAsc(config.asc));
    const size = Math.ceil(bitLength / 8);
    blocks.push({ offset, size });
    offset += size + (hasCrc ? CRC_BYTES : 0);
  }
  return { config, byteLength, blocks };
}
