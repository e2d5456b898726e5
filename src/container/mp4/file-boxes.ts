import type { FileHandle } from 'node:fs/promises';
import { MalformedMediaError } from '../../base/errors.js';
import { boxHeader, LONG_HEADER, type BoxPlace } from './boxes.js';

/** Largest moov or moof read into memory: tables of about 100 hours of audio and video. */
const MAX_BOX_BYTES = 256 * 1024 * 1024;

/** Exactly `length` bytes of a file from `position`, fewer only at its end. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/**
 * The top-level boxes of a file, one read of 16 bytes each. A last box that reaches past the end of the file is left
 * out: that is how an interrupted recording ends.
 *
 * @throws MalformedMediaError when the bytes between boxes are no box
 */
export async function* fileBoxes(file: FileHandle, from = 0): AsyncGenerator<BoxPlace> {
  const { size } = await file.stat();
  let offset = from;
  while (offset + 8 <= size) {
    const header = boxHeader(await readAt(file, offset, LONG_HEADER), 0, size - offset);
    if (header === undefined || offset + header.end > size) return;
    if (!/^[\x20-\x7e\xa9]{4}$/.test(header.type)) {
      throw new MalformedMediaError(`MP4: expected a box, got type ${JSON.stringify(header.type)}`, {
        offset,
      });
    }
    yield { type: header.type, start: offset, body: offset + header.body, end: offset + header.end };
    offset += header.end;
  }
}

/**
 * The bytes of a whole box.
 *
 * @throws MalformedMediaError when it is too large to be true
 */
export async function readBox(file: FileHandle, place: BoxPlace): Promise<Buffer> {
  const size = place.end - place.start;
  if (size > MAX_BOX_BYTES) {
    throw new MalformedMediaError(
      `MP4 box ${place.type}: expected at most ${MAX_BOX_BYTES} bytes, got ${size}`,
      {
        offset: place.start,
      },
    );
  }
  return readAt(file, place.start, size);
}
