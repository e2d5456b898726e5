import type { FileHandle } from 'node:fs/promises';
import { DestinationError } from '../../base/errors.js';

/**
 * Appends all of the bytes.
 *
 * @throws DestinationError when the disk is full or fails
 */
export async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    try {
      const { bytesWritten } = await file.write(bytes, written, bytes.length - written);
      written += bytesWritten;
    } catch (cause) {
      const why = (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'the disk is full' : String(cause);
      throw new DestinationError(`output: cannot be written: ${why}`, {
        cause,
        hint: 'Nothing was left behind. Free some space, or choose another folder.',
      });
    }
  }
}
