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
  const layout = await readLayout(file);
  let pts = 0;
  for (let at = layout.start; at < layout.end;) {
    const size = Math.min(CHUNK_FRAMES * layout.blockBytes, layout.end - at);
    const bytes = await readFully(file, at, size);
    if (bytes.length < layout.blockBytes) return;
    const { sampleRate, channels } = readWav(Buffer.concat([layout.head, bytes]));
    yield {
      type: 'pcm',
      block: { sampleRate, pts, channels },
      byteOffset: at,
      blockBytes: layout.blockBytes,
    };
    pts += channels[0]?.length ?? 0;
    at += bytes.length;
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
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(buffer, filled, size - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
