import { InvalidOptionError, MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import type { PcmBlock } from '../../media/pcm.js';

/** `wFormatTag`, RFC 2361; extensible keeps the real one in its GUID. */
const Format = { pcm: 1, float: 3, extensible: 0xfffe } as const;
const HEADER_BYTES = 44;

/**
 * The header of a WAV file of interleaved 32-bit float samples, to be followed by {@link wavSamples}.
 *
 * @param frames samples per channel; the file must stay under 4 GiB
 * @throws InvalidOptionError when it does not
 */
export function wavHeader(options: {
  readonly sampleRate: number;
  readonly channels: number;
  readonly frames: number;
}): Buffer {
  const blockBytes = 4 * options.channels;
  const dataBytes = options.frames * blockBytes;
  if (dataBytes > 0xffffffff - HEADER_BYTES) {
    throw new InvalidOptionError(
      `WAV: ${options.frames} frames of ${options.channels} channels exceed 4 GiB`,
    );
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(Format.float, 20);
  header.writeUInt16LE(options.channels, 22);
  header.writeUInt32LE(options.sampleRate, 24);
  header.writeUInt32LE(options.sampleRate * blockBytes, 28);
  header.writeUInt16LE(blockBytes, 32);
  header.writeUInt16LE(32, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/** The block's samples as 32-bit floats, channels interleaved. */
export function wavSamples(block: PcmBlock): Buffer {
  const frames = block.channels[0]?.length ?? 0;
  const out = Buffer.alloc(4 * frames * block.channels.length);
  let offset = 0;
  for (let i = 0; i < frames; i++) {
    for (const channel of block.channels) offset = out.writeFloatLE(channel[i] ?? 0, offset);
  }
  return out;
}

/** A whole WAV file of one block. */
export function writeWav(block: PcmBlock): Buffer {
  const frames = block.channels[0]?.length ?? 0;
  const header = wavHeader({ sampleRate: block.sampleRate, channels: block.channels.length, frames });
  return Buffer.concat([header, wavSamples(block)]);
}

interface WavFormat {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

/**
 * A whole WAV file: PCM of 8, 16, 24 or 32 bits, or float of 32 or 64, as one block that begins at 0. A data chunk that
 * is cut short, or whose size a streaming writer left open, reaches to the end.
 *
 * @throws MalformedMediaError when it is no WAV; UnsupportedMediaError when its samples are of another kind
 */
export function readWav(bytes: Buffer): PcmBlock {
  if (
    bytes.length < 12 ||
    bytes.toString('latin1', 0, 4) !== 'RIFF' ||
    bytes.toString('latin1', 8, 12) !== 'WAVE'
  ) {
    throw new MalformedMediaError('WAV: expected RIFF and WAVE', { offset: 0 });
  }
  let format: WavFormat | undefined;
  for (let offset = 12; offset + 8 <= bytes.length;) {
    const id = bytes.toString('latin1', offset, offset + 4);
    const size = bytes.readUInt32LE(offset + 4);
    const body = bytes.subarray(offset + 8, Math.min(bytes.length, offset + 8 + size));
    if (id === 'fmt ') format = readFormat(body, offset);
    if (id === 'data') {
      if (format === undefined) throw new MalformedMediaError('WAV: data before its format', { offset });
      return readSamples(body, format);
    }
    offset += 8 + size + (size & 1);
  }
  throw new MalformedMediaError('WAV: expected a data chunk, got none', { offset: bytes.length });
}

function readFormat(body: Buffer, offset: number): WavFormat {
  if (body.length < 16) throw new MalformedMediaError('WAV: format chunk cut short', { offset });
  const outer = body.readUInt16LE(0);
  const tag = outer === Format.extensible && body.length >= 26 ? body.readUInt16LE(24) : outer;
  const format = {
    tag,
    channels: body.readUInt16LE(2),
    sampleRate: body.readUInt32LE(4),
    bits: body.readUInt16LE(14),
  };
  const isKnown =
    (tag === Format.pcm && [8, 16, 24, 32].includes(format.bits)) ||
    (tag === Format.float && [32, 64].includes(format.bits));
  if (!isKnown)
    throw new UnsupportedMediaError(`WAV: format ${tag} with ${format.bits} bits is not supported`);
  if (format.channels < 1 || format.channels > 64 || format.sampleRate < 1) {
    throw new MalformedMediaError(`WAV: ${format.channels} channels at ${format.sampleRate} Hz`, { offset });
  }
  return format;
}

function readSamples(body: Buffer, format: WavFormat): PcmBlock {
  const bytesPerSample = format.bits / 8;
  const stride = bytesPerSample * format.channels;
  const frames = Math.floor(body.length / stride);
  // Views read far faster than buffers do.
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const read = format.tag === Format.float ? floatReaders[format.bits]! : integerReaders[format.bits]!;
  const channels = Array.from({ length: format.channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    read(view, channel * bytesPerSample, stride, samples);
    return samples;
  });
  return { sampleRate: format.sampleRate, pts: 0, channels };
}

/** Fills `samples` with those that begin at `at` and every `stride` bytes after it. */
type SampleReader = (view: DataView, at: number, stride: number, samples: Float32Array) => void;

// A loop for each kind: one loop that calls a function for each sample takes three times as long.
const floatReaders: Readonly<Record<number, SampleReader>> = {
  32: (view, at, stride, samples) => {
    for (let i = 0; i < samples.length; i++, at += stride) samples[i] = view.getFloat32(at, true);
  },
  64: (view, at, stride, samples) => {
    for (let i = 0; i < samples.length; i++, at += stride) samples[i] = view.getFloat64(at, true);
  },
};

/** Integers are scaled so that the lowest one is −1; 8 bits are unsigned. */
const integerReaders: Readonly<Record<number, SampleReader>> = {
  8: (view, at, stride, samples) => {
    for (let i = 0; i < samples.length; i++, at += stride) samples[i] = (view.getUint8(at) - 128) / 128;
  },
  16: (view, at, stride, samples) => {
    for (let i = 0; i < samples.length; i++, at += stride) samples[i] = view.getInt16(at, true) / 2 ** 15;
  },
  24: (view, at, stride, samples) => {
    for (let i = 0; i < samples.length; i++, at += stride) {
      samples[i] = ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 2 ** 23;
    }
  },
  32: (view, at, stride, samples) => {
    for (let i = 0; i < samples.length; i++, at += stride) samples[i] = view.getInt32(at, true) / 2 ** 31;
  },
};
