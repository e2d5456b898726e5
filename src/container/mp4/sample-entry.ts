import { BoxParser, type SampleEntry } from 'mp4box';
import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { aacConfigFromAsc } from '../../codec/aac/asc.js';
import { parseAvcc, videoConfigFromAvcc } from '../../codec/h264/avcc.js';
import type { DecoderConfig } from '../../media/access-unit.js';
import { box, boxHeader, rawBox, walkBoxes, type BoxPlace } from './boxes.js';

/** Samples at 48 kHz that an Opus decoder needs to settle (RFC 7845 §4.2): told, not cut, in live recordings. */
const OPUS_PRE_SKIP = 0;
/** 72 dpi as 16.16, the template value of ISO/IEC 14496-12 §12.1.3. */
const RESOLUTION = 0x480000;
const AAC_OBJECT_TYPE = 0x40;
const AUDIO_STREAM = 5;
const DescriptorTag = { es: 3, decoderConfig: 4, decoderSpecific: 5, slConfig: 6 } as const;

/** The sample entry that decodes `config`: avc1, mp4a or Opus. */
export function sampleEntry(config: DecoderConfig): SampleEntry {
  if (config.codec === 'h264') {
    const entry = new BoxParser.sampleEntry.avc1();
    Object.assign(entry, {
      data_reference_index: 1,
      width: config.width,
      height: config.height,
      horizresolution: RESOLUTION,
      vertresolution: RESOLUTION,
      frame_count: 1,
      compressorname: '',
      depth: 0x18,
    });
    entry.addBox(rawBox('avcC', config.avcc));
    return entry;
  }
  const entry = new BoxParser.sampleEntry[config.codec === 'aac' ? 'mp4a' : 'Opus']();
  Object.assign(entry, {
    data_reference_index: 1,
    channel_count: config.channels,
    samplesize: 16,
    samplerate: config.sampleRate,
  });
  if (config.codec === 'aac') entry.addBox(rawBox('esds', esDescriptor(config.asc)));
  else {
    entry.addBox(
      box('dOps', {
        Version: 0,
        OutputChannelCount: config.channels,
        PreSkip: OPUS_PRE_SKIP,
        InputSampleRate: config.sampleRate,
        OutputGain: 0,
        ChannelMappingFamily: 0,
      }),
    );
  }
  return entry;
}

/** ES_Descriptor, ISO/IEC 14496-1 §7.2.6.5, as 14496-14 §5.6 wants it in a file. */
function esDescriptor(asc: Buffer): Buffer {
  const specific = descriptor(DescriptorTag.decoderSpecific, asc);
  const decoderConfig = Buffer.concat([
    Buffer.from([AAC_OBJECT_TYPE, (AUDIO_STREAM << 2) | 1]),
    Buffer.alloc(3 + 4 + 4), // buffer size and bit rates unknown
    specific,
  ]);
  return descriptor(
    DescriptorTag.es,
    Buffer.concat([
      Buffer.alloc(3), // ES_ID 0, no flags
      descriptor(DescriptorTag.decoderConfig, decoderConfig),
      descriptor(DescriptorTag.slConfig, Buffer.from([2])),
    ]),
  );
}

/** Sizes take 4 bytes, the form that every reader knows. */
function descriptor(tag: number, body: Buffer): Buffer {
  const size = [21, 14, 7].map((shift) => ((body.length >> shift) & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([tag, ...size, body.length & 0x7f]), body]);
}

/** A sample entry as read: its decoder configuration, and the NAL length size its samples have. */
export interface ReadEntry {
  readonly config: DecoderConfig;
  readonly lengthSize: number;
}

/** Bytes of a sample entry before its boxes: ISO/IEC 14496-12 §12.1.3 and §12.2.3. */
const VISUAL_HEADER = 78;
const AUDIO_HEADER = 28;
/** QuickTime's longer sound descriptions, by their version. */
const quickTimeExtra = new Map([
  [1, 16],
  [2, 36],
]);

/**
 * @param place a child of an stsd
 * @throws UnsupportedMediaError when the codec is none of H.264, AAC and Opus
 * @throws MalformedMediaError when the entry is damaged
 */
export function readSampleEntry(bytes: Buffer, place: BoxPlace): ReadEntry {
  if (place.type === 'avc1' || place.type === 'avc3') {
    const avcc = bodyOf(bytes, entryChild(bytes, place, { header: VISUAL_HEADER, type: 'avcC' }));
    return { config: videoConfigFromAvcc(avcc), lengthSize: parseAvcc(avcc).lengthSize };
  }
  if (place.type === 'mp4a') {
    const esds = bodyOf(bytes, findEsds(bytes, place));
    return { config: aacConfigFromAsc(decoderSpecificInfo(esds)), lengthSize: 0 };
  }
  if (place.type === 'Opus') {
    const dOps = bodyOf(bytes, entryChild(bytes, place, { header: AUDIO_HEADER, type: 'dOps' }));
    const channels = dOps[1] ?? 0;
    if (channels < 1 || channels > 8) {
      throw new MalformedMediaError(`dOps: expected 1…8 channels, got ${channels}`, { offset: place.start });
    }
    return { config: { codec: 'opus', sampleRate: 48_000, channels }, lengthSize: 0 };
  }
  throw new UnsupportedMediaError(`MP4 sample entry ${JSON.stringify(place.type)} is not supported`, {
    hint: 'H.264 (avc1, avc3), AAC (mp4a) and Opus are.',
  });
}

function bodyOf(bytes: Buffer, place: BoxPlace): Buffer {
  return bytes.subarray(place.body, place.end);
}

function entryChild(
  bytes: Buffer,
  place: BoxPlace,
  wanted: { readonly header: number; readonly type: string },
): BoxPlace {
  const found = walkBoxes(bytes, Math.min(place.body + wanted.header, place.end), place.end).find(
    (child) => child.type === wanted.type,
  );
  if (found === undefined) {
    throw new MalformedMediaError(`MP4 sample entry ${place.type}: expected a box ${wanted.type}, got none`, {
      offset: place.start,
    });
  }
  return found;
}

/** QuickTime lengthens the header by its version and may hide the esds in a `wave`. */
function findEsds(bytes: Buffer, place: BoxPlace): BoxPlace {
  const version = place.end - place.body >= AUDIO_HEADER ? bytes.readUInt16BE(place.body + 8) : 0;
  const first = boxHeader(bytes, place.body + AUDIO_HEADER, place.end);
  const isoLayout = first !== undefined && /^[\x20-\x7e]{4}$/.test(first.type) && first.end <= place.end;
  const header = AUDIO_HEADER + (isoLayout ? 0 : (quickTimeExtra.get(version) ?? 0));
  const children = walkBoxes(bytes, Math.min(place.body + header, place.end), place.end);
  const wave = children.find((child) => child.type === 'wave');
  const inWave = wave === undefined ? [] : walkBoxes(bytes, wave.body, wave.end);
  const found = [...children, ...inWave].find((child) => child.type === 'esds');
  if (found === undefined) {
    throw new MalformedMediaError('MP4 sample entry mp4a: expected a box esds, got none', {
      offset: place.start,
    });
  }
  return found;
}

/**
 * The AudioSpecificConfig of an esds.
 *
 * @throws UnsupportedMediaError when the stream is not MPEG-4 AAC (e.g. MP3)
 */
function decoderSpecificInfo(esds: Buffer): Buffer {
  let offset = 4; // version and flags
  const fail = (why: string): never => {
    throw new MalformedMediaError(`esds: ${why}`, { offset });
  };
  const open = (tag: number): number => {
    if (esds[offset] !== tag) fail(`expected descriptor ${tag}, got ${esds[offset] ?? 'the end'}`);
    offset++;
    let size = 0;
    for (let i = 0; i < 4; i++) {
      const byte = esds[offset++] ?? fail('cut short');
      size = (size << 7) | (byte & 0x7f);
      if ((byte & 0x80) === 0) break;
    }
    return size;
  };
  open(DescriptorTag.es);
  const flags = esds[offset + 2] ?? fail('cut short');
  offset += 3;
  if ((flags & 0x80) !== 0) offset += 2;
  if ((flags & 0x40) !== 0) offset += 1 + (esds[offset] ?? 0);
  if ((flags & 0x20) !== 0) offset += 2;
  open(DescriptorTag.decoderConfig);
  const objectType = esds[offset] ?? fail('cut short');
  if (objectType !== AAC_OBJECT_TYPE) {
    throw new UnsupportedMediaError(
      `MP4 audio of object type 0x${objectType.toString(16)} is not supported`,
      {
        hint: 'AAC (0x40) and Opus are.',
      },
    );
  }
  offset += 13;
  const size = open(DescriptorTag.decoderSpecific);
  if (offset + size > esds.length) fail('cut short');
  return esds.subarray(offset, offset + size);
}
