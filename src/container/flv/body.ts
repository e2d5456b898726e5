import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';

/**
 * The bodies of audio and video tags (E.4.2, E.4.3), and those forms of enhanced RTMP (veovera.org, v2) that carry the
 * codecs taken here.
 */
export type VideoBody =
  | { readonly kind: 'sequence-header'; readonly avcc: Buffer }
  | {
      readonly kind: 'picture';
      readonly isKeyframe: boolean;
      /** Presentation minus decoding time, milliseconds. */
      readonly compositionMs: number;
      /** NAL units behind lengths of the size that the sequence header tells. */
      readonly data: Buffer;
    }
  /** End of sequence, seek marks, metadata: nothing to decode. */
  | { readonly kind: 'nothing' };

export type AudioBody =
  | { readonly kind: 'sequence-header'; readonly asc: Buffer }
  | { readonly kind: 'frame'; readonly data: Buffer }
  | { readonly kind: 'nothing' };

const SUPPORTED = 'send H.264 (AVC) video and AAC audio';
const AVC = 7;
const KEYFRAME = 1;
const INTER_FRAME = 2;
const COMMAND_FRAME = 5;
/** First bit of a video tag: enhanced RTMP, a FourCC follows. */
const EXTENDED = 0x80;
const AAC = 10;
/** Sound format 9: enhanced RTMP, a FourCC follows. */
const EXTENDED_AUDIO = 9;

const videoCodecs: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen video',
  4: 'VP6',
  5: 'VP6 with alpha',
  6: 'Screen video 2',
  8: 'H.263',
  9: 'MPEG-4 part 2',
  12: 'HEVC',
  13: 'AV1',
};
const audioCodecs: Readonly<Record<number, string>> = {
  0: 'PCM',
  1: 'ADPCM',
  2: 'MP3',
  3: 'PCM (little-endian)',
  4: 'Nellymoser 16 kHz',
  5: 'Nellymoser 8 kHz',
  6: 'Nellymoser',
  7: 'G.711 A-law',
  8: 'G.711 mu-law',
  11: 'Speex',
  13: 'Opus',
  14: 'MP3 8 kHz',
};
const fourCcNames: Readonly<Record<string, string>> = {
  hvc1: 'HEVC',
  av01: 'AV1',
  vp08: 'VP8',
  vp09: 'VP9',
  vvc1: 'VVC',
  Opus: 'Opus',
  fLaC: 'FLAC',
  '.mp3': 'MP3',
  'ac-3': 'AC-3',
  'ec-3': 'E-AC-3',
};

function unsupported(medium: string, name: string): UnsupportedMediaError {
  return new UnsupportedMediaError(`${name} ${medium} is not supported here: ${SUPPORTED}`, {
    hint: 'Choose H.264 and AAC in the encoder.',
  });
}

function need(body: Buffer, bytes: number, what: string): void {
  if (body.length < bytes) {
    throw new MalformedMediaError(`${what}: expected at least ${bytes} bytes, got ${body.length}`, {
      offset: 0,
    });
  }
}

/**
 * @returns data as views into `body`
 * @throws MalformedMediaError when it is cut short
 * @throws UnsupportedMediaError when it is not H.264
 */
export function parseVideoBody(body: Buffer): VideoBody {
  if (body.length === 0) return { kind: 'nothing' };
  const first = body.readUInt8(0);
  if ((first & EXTENDED) !== 0) return parseExtendedVideo(body, first);
  const codec = first & 0x0f;
  const frameType = first >> 4;
  if (frameType === COMMAND_FRAME) return { kind: 'nothing' };
  if (codec !== AVC) throw unsupported('video', videoCodecs[codec] ?? `FLV codec ${codec}`);
  need(body, 5, 'AVC video tag');
  const packetType = body.readUInt8(1);
  if (packetType === 0) return { kind: 'sequence-header', avcc: body.subarray(5) };
  if (packetType !== 1) return { kind: 'nothing' };
  return {
    kind: 'picture',
    isKeyframe: frameType === KEYFRAME,
    compositionMs: body.readIntBE(2, 3),
    data: body.subarray(5),
  };
}

/** Packet types: 0 sequence start, 1 coded frames, 2 sequence end, 3 coded frames without composition time, 4 metadata. */
function parseExtendedVideo(body: Buffer, first: number): VideoBody {
  need(body, 5, 'enhanced video tag');
  const packetType = first & 0x0f;
  const frameType = (first >> 4) & 7;
  const fourCc = body.toString('latin1', 1, 5);
  if (packetType > 4) throw unsupported('video', `enhanced packet type ${packetType}`);
  if (fourCc !== 'avc1')
    throw unsupported('video', fourCcNames[fourCc] ?? `FourCC ${JSON.stringify(fourCc)}`);
  if (frameType === COMMAND_FRAME) return { kind: 'nothing' };
  const isKeyframe = frameType === KEYFRAME;
  switch (packetType) {
    case 0:
      return { kind: 'sequence-header', avcc: body.subarray(5) };
    case 1:
      need(body, 8, 'enhanced AVC video tag');
      return { kind: 'picture', isKeyframe, compositionMs: body.readIntBE(5, 3), data: body.subarray(8) };
    case 3:
      return { kind: 'picture', isKeyframe, compositionMs: 0, data: body.subarray(5) };
    default:
      return { kind: 'nothing' };
  }
}

/**
 * @returns data as views into `body`
 * @throws MalformedMediaError when it is cut short
 * @throws UnsupportedMediaError when it is not AAC
 */
export function parseAudioBody(body: Buffer): AudioBody {
  if (body.length === 0) return { kind: 'nothing' };
  const first = body.readUInt8(0);
  const format = first >> 4;
  if (format === EXTENDED_AUDIO) {
    need(body, 5, 'enhanced audio tag');
    const fourCc = body.toString('latin1', 1, 5);
    if (fourCc !== 'mp4a')
      throw unsupported('audio', fourCcNames[fourCc] ?? `FourCC ${JSON.stringify(fourCc)}`);
    return audioPacket(first & 0x0f, body.subarray(5));
  }
  if (format !== AAC) throw unsupported('audio', audioCodecs[format] ?? `FLV sound format ${format}`);
  need(body, 2, 'AAC audio tag');
  return audioPacket(body.readUInt8(1), body.subarray(2));
}

function audioPacket(packetType: number, data: Buffer): AudioBody {
  if (packetType === 0) return { kind: 'sequence-header', asc: data };
  if (packetType === 1 && data.length > 0) return { kind: 'frame', data };
  return { kind: 'nothing' };
}

export function avcSequenceHeader(avcc: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(KEYFRAME << 4) | AVC, 0, 0, 0, 0]), avcc]);
}

/** @param compositionMs −2^23…2^23−1 */
export function avcPicture(isKeyframe: boolean, compositionMs: number, data: Buffer): Buffer {
  const out = Buffer.allocUnsafe(5 + data.length);
  out[0] = ((isKeyframe ? KEYFRAME : INTER_FRAME) << 4) | AVC;
  out[1] = 1;
  out.writeIntBE(compositionMs, 2, 3);
  data.copy(out, 5);
  return out;
}

/** AAC is always announced as 44 kHz, 16 bit, stereo; the AudioSpecificConfig tells the truth (E.4.2.1). */
const AAC_SOUND = (AAC << 4) | 0x0f;

export function aacSequenceHeader(asc: Buffer): Buffer {
  return Buffer.concat([Buffer.from([AAC_SOUND, 0]), asc]);
}

export function aacFrame(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([AAC_SOUND, 1]), data]);
}
