import type { FileHandle } from 'node:fs/promises';
import { MalformedMediaError } from '../../base/errors.js';
import { readAt } from './file-boxes.js';
import type { SampleInfo } from './sample.js';

/** Bytes read at once: tracks are interleaved in stretches of about this size. */
const WINDOW_BYTES = 256 * 1024;
/** No coded picture is larger: level 6.2 allows about 100 MB in one second. */
const MAX_SAMPLE_BYTES = 32 * 1024 * 1024;

/** Samples of one track by byte ranges, with one window of read-ahead. */
export class SampleReader {
  readonly #file: FileHandle;
  readonly #fileSize: number;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(file: FileHandle, fileSize: number) {
    this.#file = file;
    this.#fileSize = fileSize;
  }

  isInFile(sample: SampleInfo): boolean {
    return sample.offset >= 0 && sample.offset + sample.size <= this.#fileSize;
  }

  /**
   * A copy that the caller owns.
   *
   * @throws MalformedMediaError when the sample lies outside the file or is larger than any picture
   */
  async read(sample: SampleInfo): Promise<Buffer> {
    if (!this.isInFile(sample) || sample.size > MAX_SAMPLE_BYTES) {
      throw new MalformedMediaError(
        `MP4 sample: expected ${sample.size} bytes in a file of ${this.#fileSize} bytes`,
        { offset: sample.offset },
      );
    }
    const begin = sample.offset - this.#windowStart;
    if (begin < 0 || begin + sample.size > this.#window.length) {
      this.#windowStart = sample.offset;
      this.#window = await readAt(this.#file, sample.offset, Math.max(sample.size, WINDOW_BYTES));
    }
    const from = sample.offset - this.#windowStart;
    return Buffer.from(this.#window.subarray(from, from + sample.size));
  }
}
