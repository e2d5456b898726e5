import type { FileHandle } from 'node:fs/promises';
import { MalformedMediaError } from '../../base/errors.js';
import { readWav } from '../../container/wav/wav.js';
import type { CaptureEvent } from './event.js';

const CHUNK_FRAMES = 16_384;
/** Metadata before the samples; more is damage. */
const MAX_HEAD_BYTES = 16 * 2 ** 20;

interface WavLayout {
  /** RIFF header and format chunk, and a data chunk header whose size is left open. */
  readonly head: Buffer;
  readonly start: number;
  readonly end: number;
  readonly blockBytes: number;
}

/**
 * A WAV file as PCM events, by byte ranges.
 *
 * @throws MalformedMediaError when it is no WAV; UnsupportedMediaError when its samples are of another kind
 */
export async function* wavEvents(
  file: FileHandle,
  onRead: (bytes: number) => void,
): AsyncGenerator<CaptureEvent> {
  const { head, start, end, blockBytes } = await readLayout(file);
  // Room for one chunk behind the head: the samples are copied out of it.
  const wav = Buffer.concat([head], head.length + CHUNK_FRAMES * blockBytes);
  let pts = 0;
  for (let at = start; at < end;) {
    const room = wav.subarray(head.length, head.length + Math.min(CHUNK_FRAMES * blockBytes, end - at));
    const size = await fill(room, file, at);
    if (size < blockBytes) return;
    const { sampleRate, channels } = readWav(wav.subarray(0, head.length + size));
    yield {
      type: 'pcm',
      block: { sampleRate, pts, channels },
      byteOffset: at,
      blockBytes,
    };
    pts += channels[0]?.length ?? 0;
    at += size;
    onRead(at);
  }
}

async function readLayout(file: FileHandle): Promise<WavLayout> {
  const { size: fileSize } = await file.stat();
  const riff = await readFully(file, 0, 12);
  // The parser names what is wrong with a file that is none.
  if (riff.length < 12 || riff.toString('latin1', 8, 12) !== 'WAVE') readWav(riff);
  let format: Buffer | undefined;
  for (let offset = 12; offset + 8 <= fileSize && offset < MAX_HEAD_BYTES;) {
    const header = await readFully(file, offset, 8);
    const id = header.toString('latin1', 0, 4);
    const size = header.readUInt32LE(4);
    if (id === 'fmt ') format = await readFully(file, offset, 8 + Math.min(size + (size & 1), 1024));
    if (id === 'data') {
      if (format === undefined || format.length < 16) {
        throw new MalformedMediaError('WAV: data before its format', { offset });
      }
      const open = Buffer.from('data\xff\xff\xff\xff', 'latin1');
      const start = offset + 8;
      const blockBytes = format.readUInt16LE(8 + 2) * (format.readUInt16LE(8 + 14) / 8);
      const head = Buffer.concat([riff, format, open]);
      // Checks the format: an empty data chunk is read as no samples.
      readWav(head);
      return { head, start, end: Math.min(fileSize, start + (size === 0 ? Infinity : size)), blockBytes };
    }
    offset += 8 + size + (size & 1);
  }
  throw new MalformedMediaError('WAV: expected a data chunk, got none', { offset: fileSize });
}

async function readFully(file: FileHandle, position: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(size);
  return buffer.subarray(0, await fill(buffer, file, position));
}

/** @returns how many bytes there were */
async function fill(buffer: Buffer, file: FileHandle, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
