import { open, type FileHandle } from 'node:fs/promises';
import { readAt } from '../../container/mp4/file-boxes.js';
import { writeAll } from './write-all.js';

const BATCH_BYTES = 1024 * 1024;

/** A file for what was encoded until the output can be laid out. */
export class Spool {
  readonly path: string;
  readonly #file: FileHandle;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #size = 0;
  #closed = false;

  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'w+'));
  }

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** @returns where the data begins */
  async add(data: Buffer): Promise<number> {
    const offset = this.#size;
    this.#pending.push(data);
    this.#pendingBytes += data.length;
    this.#size += data.length;
    if (this.#pendingBytes >= BATCH_BYTES) await this.#flush();
    return offset;
  }

  async read(offset: number, size: number): Promise<Buffer> {
    await this.#flush();
    return readAt(this.#file, offset, size);
  }

  /** Writes what is left. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#flush();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    await writeAll(this.#file, bytes);
  }
}
