import type { FileHandle } from 'node:fs/promises';
import { collectTables } from './collect-tables.js';
import { completeMovie } from './movie.js';

/** A box header with a 64-bit size: the one place of a fragmented file that is written over when it is finalised. */
export const POINTER_BYTES = 16;

/**
 * Turns a fragmented file into a plain, seekable one in place: a moov with all tables is appended, and the pointer, a
 * `free` box until now, becomes an `mdat` box that swallows everything up to it by one small write. The media are not
 * copied. What follows the last whole fragment is torn off.
 *
 * @param file open for reading and writing
 * @param pointer offset of the `free` box of at least {@link POINTER_BYTES}
 * @returns false when there is no whole fragment; the file is then left as it is
 * @throws MalformedMediaError when it is no fragmented MP4, and the system's error; the file is then playable as before
 */
export async function finaliseFragments(file: FileHandle, pointer: number): Promise<boolean> {
  const { tracks, end } = await collectTables(file);
  if (tracks.length === 0) return false;
  await file.truncate(end);
  try {
    await writeAll(file, completeMovie(tracks), end);
    await file.datasync();
  } catch (error) {
    await file.truncate(end);
    throw error;
  }
  const mdat = Buffer.alloc(POINTER_BYTES);
  mdat.writeUInt32BE(1);
  mdat.write('mdat', 4, 'latin1');
  mdat.writeBigUInt64BE(BigInt(end - pointer), 8);
  await writeAll(file, mdat, pointer);
  await file.datasync();
  return true;
}

/** The header of a box of the given size, header included. */
export function plainBoxHeader(type: string, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(size);
  bytes.write(type, 4, 'latin1');
  return bytes;
}

/** Writes all of it, however many calls the system makes of it. */
export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
