import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { BitReader } from '../bit-reader.js';
import type { AscInfo } from './asc.js';
import {
  readChannelStream,
  readWindowInfo,
  type ChannelStream,
  type StreamFormat,
  type WindowInfo,
} from './channel-stream.js';

/** A syntactic element that carries channels. */
export interface ChannelElement {
  readonly kind: 'single' | 'pair' | 'low-frequency';
  /** element_instance_tag. */
  readonly tag: number;
  /** The channels of a pair share their window. Single channels have one anyway. */
  readonly commonWindow: boolean;
  /** ms_mask_present of a pair: 0 none, 1 by band, 2 all. */
  readonly midSide: number;
  readonly channels: readonly ChannelStream[];
}

/** One access unit, ISO/IEC 14496-3 §4.4.2.1 raw_data_block(), parsed to its end. */
export interface RawDataBlock {
  /** In the order of the bitstream. */
  readonly elements: readonly ChannelElement[];
  /** Elements that carry no channels: data streams, fill, program configuration. */
  readonly sideElements: readonly ('data' | 'fill' | 'program-config')[];
  /** A fill element holds spectral band replication: HE-AAC, signalled implicitly if nowhere else (§1.6.5). */
  readonly hasSbr: boolean;
  /** Bits up to and with ID_END. */
  readonly bitLength: number;
}

const ElementId = { sce: 0, cpe: 1, cce: 2, lfe: 3, dse: 4, pce: 5, fil: 6, end: 7 } as const;
/** extension_type of a fill element, table 4.121. */
const SBR_DATA = 13;
const SBR_DATA_CRC = 14;
/** Channel configuration 7 has five elements; what has more is damaged. */
const MAX_CHANNELS = 8;

/**
 * Parses an access unit of object type 2 to its end, Huffman-coded parts included, so that the windows of every channel
 * are found, whatever comes before it.
 *
 * @throws MalformedMediaError when the unit is damaged
 * @throws UnsupportedMediaError for other object types and for coupling channels
 */
export function parseRawDataBlock(data: Buffer, config: AscInfo): RawDataBlock {
  if (config.objectType !== 2) {
    throw new UnsupportedMediaError(`AAC: expected object type 2 (AAC-LC), got ${config.objectType}`);
  }
  const format: StreamFormat = { sampleRate: config.sampleRate, frameLength: config.frameLength };
  const reader = new BitReader(data, 'AAC access unit');
  const elements: ChannelElement[] = [];
  const sideElements: ('data' | 'fill' | 'program-config')[] = [];
  let channels = 0;
  let hasSbr = false;
  for (;;) {
    const id = reader.bits(3);
    if (id === ElementId.end) break;
    if (id === ElementId.dse) {
      sideElements.push('data');
      skipDataStream(reader);
    } else if (id === ElementId.pce) {
      sideElements.push('program-config');
      skipProgramConfig(reader);
    } else if (id === ElementId.fil) {
      sideElements.push('fill');
      if (skipFill(reader)) hasSbr = true;
    } else if (id === ElementId.cce) {
      throw new UnsupportedMediaError('AAC: coupling channel elements are not supported');
    } else {
      const element = id === ElementId.cpe ? readPair(reader, format) : readSingle(reader, format, id);
      channels += element.channels.length;
      if (channels > MAX_CHANNELS) {
        throw new MalformedMediaError(`AAC access unit: more than ${MAX_CHANNELS} channels`, {
          offset: reader.position >> 3,
        });
      }
      elements.push(element);
    }
  }
  return { elements, sideElements, hasSbr, bitLength: reader.position };
}

/** The windows of all channels, in the order of the bitstream. */
export function channelWindows(block: RawDataBlock): WindowInfo[] {
  const windows: WindowInfo[] = [];
  for (const { channels } of block.elements) for (const { window } of channels) windows.push(window);
  return windows;
}

function readSingle(reader: BitReader, format: StreamFormat, id: number): ChannelElement {
  const tag = reader.bits(4);
  return {
    kind: id === ElementId.lfe ? 'low-frequency' : 'single',
    tag,
    commonWindow: true,
    midSide: 0,
    channels: [readChannelStream(reader, format, undefined)],
  };
}

function readPair(reader: BitReader, format: StreamFormat): ChannelElement {
  const tag = reader.bits(4);
  const commonWindow = reader.flag();
  let midSide = 0;
  let common: WindowInfo | undefined;
  if (commonWindow) {
    common = readWindowInfo(reader, format);
    midSide = reader.bits(2);
    if (midSide === 3) {
      throw new MalformedMediaError('AAC access unit: ms_mask_present 3 is reserved', {
        offset: reader.position >> 3,
      });
    }
    if (midSide === 1) reader.skip(common.groups.length * common.maxSfb);
  }
  const channels = [readChannelStream(reader, format, common), readChannelStream(reader, format, common)];
  return { kind: 'pair', tag, commonWindow, midSide, channels };
}

/** data_stream_element, table 4.10. */
function skipDataStream(reader: BitReader): void {
  reader.skip(4);
  const aligned = reader.flag();
  let count = reader.bits(8);
  if (count === 255) count += reader.bits(8);
  if (aligned) reader.align();
  reader.skip(8 * count);
}

/** fill_element, table 4.11. @returns whether it holds SBR */
function skipFill(reader: BitReader): boolean {
  let count = reader.bits(4);
  if (count === 15) count += reader.bits(8) - 1;
  if (count === 0) return false;
  const type = reader.bits(4);
  reader.skip(8 * count - 4);
  return type === SBR_DATA || type === SBR_DATA_CRC;
}

/** program_config_element, table 4.2. */
function skipProgramConfig(reader: BitReader): void {
  reader.skip(10);
  const pairable = reader.bits(4) + reader.bits(4) + reader.bits(4);
  const lowFrequency = reader.bits(2);
  const data = reader.bits(3);
  const coupling = reader.bits(4);
  for (const mixdownBits of [4, 4, 3]) if (reader.flag()) reader.skip(mixdownBits);
  reader.skip(5 * pairable + 4 * lowFrequency + 4 * data + 5 * coupling);
  reader.align();
  reader.skip(8 * reader.bits(8));
}
