import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test's own, gone with all it holds when closed. */
export class TempDir {
  private constructor(readonly path: string) {}

  static async open(label = 'test'): Promise<TempDir> {
    return new TempDir(await mkdtemp(join(tmpdir(), `anchornet-${label}-`)));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async close(): Promise<void> {
    // A browser or server that has just ended may still be writing its last file.
    await rm(this.path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
