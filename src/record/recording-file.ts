import { open, type FileHandle } from 'node:fs/promises';
import { InvalidOptionError, InvalidStateError, MalformedMediaError } from '../base/errors.js';
import { readAt } from '../container/mp4/file-boxes.js';
import { finaliseFragments, plainBoxHeader, POINTER_BYTES, writeAll } from '../container/mp4/finalise.js';
import { fileType } from '../container/mp4/movie.js';

const header = fileType(['isom', 'iso6', 'mp41', 'avc1']);
/** The one place that is ever written over lies before them, inside one page of the file. */
const SLOT_BYTES = 64 * 1024;
const slots = [header.length + POINTER_BYTES, header.length + POINTER_BYTES + SLOT_BYTES] as const;
const MEDIA_START = slots[1] + SLOT_BYTES;

/**
 * A fragmented MP4 that is playable after every single write, and becomes a plain one in place:
 *
 *     ftyp | pointer | slot A | slot B | moof mdat moof mdat … | moov
 *
 * The pointer is a `free` box that ends where the valid moov begins: at slot A or at slot B. A new moov (one more
 * sample entry, one more track) goes into the slot that is not in use, then the pointer is turned by one small write.
 * When the recording is done, a moov with all tables is appended and the pointer becomes an `mdat` box that swallows
 * everything up to it, again by one small write. The media are never copied.
 */
export class RecordingFile {
  readonly #file: FileHandle;
  #size = 0;
  #activeSlot: 0 | 1 | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @throws InvalidOptionError when the file exists already or cannot be made */
  static async create(path: string): Promise<RecordingFile> {
    const file = await open(path, 'wx+').catch((cause: unknown) => {
      throw new InvalidOptionError(`${path}: the recording cannot be created`, {
        cause,
        hint: 'Choose a path in a folder that can be written, where no such file exists.',
      });
    });
    return new RecordingFile(file);
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** @throws InvalidStateError when the moov outgrows its slot (hundreds of sample entries) */
  async setMovie(moov: Buffer): Promise<void> {
    const slot = this.#activeSlot === 0 ? 1 : 0;
    // From slot A the padding reaches over slot B, which may hold the moov before last.
    const padding = (slot === 0 ? 2 * SLOT_BYTES : SLOT_BYTES) - moov.length;
    if (moov.length > SLOT_BYTES - 8) {
      throw new InvalidStateError(`recording: the moov takes ${moov.length} bytes of ${SLOT_BYTES - 8}`, {
        hint: 'The parameter sets have changed too often; start a new recording.',
      });
    }
    const bytes = Buffer.concat([moov, plainBoxHeader('free', padding)]);
    if (this.#activeSlot === undefined) {
      const start = Buffer.alloc(MEDIA_START);
      Buffer.concat([header, plainBoxHeader('free', POINTER_BYTES), Buffer.alloc(8), bytes]).copy(start);
      await this.#write(start, 0);
      this.#size = MEDIA_START;
    } else {
      await this.#write(bytes, slots[slot]);
      await this.#file.datasync();
      await this.#write(plainBoxHeader('free', slots[slot] - header.length), header.length);
    }
    this.#activeSlot = slot;
  }

  /** @throws the system's error; what was written of the buffers is torn off again by {@link finalise} */
  async append(buffers: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(buffers);
    await this.#write(bytes, this.#size);
    this.#size += bytes.length;
  }

  /**
   * Makes a plain, seekable MP4 of it. Without a single whole fragment the file is left as it is.
   *
   * @throws the system's error; the file is then playable as before
   */
  async finalise(): Promise<void> {
    await finalise(this.#file);
    this.#size = (await this.#file.stat()).size;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    await writeAll(this.#file, bytes, position);
  }
}

/**
 * Turns a recording that was interrupted into a plain MP4, as a clean stop would have.
 *
 * @returns false when it is final already
 * @throws MalformedMediaError when it is not a recording of {@link RecordingFile}
 */
export async function finaliseRecording(path: string): Promise<boolean> {
  const file = await open(path, 'r+');
  try {
    return await finalise(file);
  } finally {
    await file.close();
  }
}

async function finalise(file: FileHandle): Promise<boolean> {
  const start = await readAt(file, 0, header.length + POINTER_BYTES);
  const pointer = start.toString('latin1', header.length + 4, header.length + 8);
  if (!start.subarray(0, header.length).equals(header) || (pointer !== 'free' && pointer !== 'mdat')) {
    throw new MalformedMediaError('this is not a recording of this program');
  }
  if (pointer === 'mdat') return false;
  return finaliseFragments(file, header.length);
}
