import { open, type FileHandle } from 'node:fs/promises';
import { MalformedMediaError } from '../../base/errors.js';
import { writeAll } from './write-all.js';

/** Bytes of a source file, to be written next. */
export interface ByteRange {
  readonly source: number;
  readonly offset: number;
  length: number;
}

/** Written at once: one block is written while the next one is read. */
const BLOCK_BYTES = 2 * 1024 * 1024;
/** Smaller ranges are read with what is near them. */
const WINDOW_BYTES = 1024 * 1024;

/** Adds bytes to the end of a list of ranges; what follows on the last range extends it. */
export function addRange(ranges: ByteRange[], source: number, offset: number, length: number): void {
  const last = ranges.at(-1);
  if (last?.source === source && last.offset + last.length === offset) last.length += length;
  else ranges.push({ source, offset, length });
}

/**
 * Copies ranges one after the other. Small ones near each other are read together.
 *
 * @throws MalformedMediaError when a file ends within a range; DestinationError when writing fails
 */
export async function copyRanges(
  ranges: readonly ByteRange[],
  files: { readonly paths: readonly string[]; readonly target: FileHandle },
  options: { readonly onProgress?: (bytes: number) => void; readonly cancelled?: () => boolean } = {},
): Promise<void> {
  const sources = new Map<number, Window>();
  let out = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let spare = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let filled = 0;
  let total = 0;
  let writing = Promise.resolve();
  const flush = async (): Promise<void> => {
    await writing;
    writing = writeAll(files.target, out.subarray(0, filled));
    // Its failure is met at the next wait for it.
    writing.catch(() => undefined);
    total += filled;
    [out, spare, filled] = [spare, out, 0];
  };
  try {
    for (const range of ranges) {
      let window = sources.get(range.source);
      if (window === undefined) {
        window = new Window(await open(files.paths[range.source] ?? '', 'r'));
        sources.set(range.source, window);
      }
      for (let done = 0; done < range.length;) {
        if (filled === out.length) {
          await flush();
          options.onProgress?.(total);
          if (options.cancelled?.() === true) return;
        }
        const wanted = Math.min(range.length - done, out.length - filled);
        const copied = await window.copy(range.offset + done, wanted, out, filled);
        done += copied;
        filled += copied;
      }
    }
    await flush();
  } finally {
    for (const window of sources.values()) await window.close();
    await writing;
  }
}

/** A stretch of a file; larger wishes go past it. */
class Window {
  readonly #file: FileHandle;
  readonly #block = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async copy(offset: number, length: number, target: Buffer, at: number): Promise<number> {
    const begin = offset - this.#start;
    if (begin >= 0 && begin < this.#length) {
      return this.#block.copy(target, at, begin, Math.min(this.#length, begin + length));
    }
    if (length >= this.#block.length) {
      const { bytesRead } = await this.#file.read(target, at, length, offset);
      if (bytesRead === 0) throw new MalformedMediaError('a source file has become shorter', { offset });
      return bytesRead;
    }
    const { bytesRead } = await this.#file.read(this.#block, 0, this.#block.length, offset);
    if (bytesRead === 0) throw new MalformedMediaError('a source file has become shorter', { offset });
    this.#start = offset;
    this.#length = bytesRead;
    return this.#block.copy(target, at, 0, Math.min(bytesRead, length));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
