import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderLock, LOCK_NAME } from '../../src/serve/state/folder-lock.js';
import { StateStore } from '../../src/serve/state/state-store.js';
import { TempDir } from '../peers/temp-dir.js';

describe('the lock of a state folder', () => {
  it('refuses a second server, naming the first one and the way out', async () => {
    await using folder = await TempDir.open('lock');
    await using first = await StateStore.open({ folder: folder.path });
    const second = StateStore.open({ folder: first.folder });
    await expect(second).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining(`process ${process.pid}`) as string,
      hint: expect.stringContaining('--state') as string,
    });
  });

  it('is free again after a clean stop, and leaves nothing in the folder', async () => {
    await using folder = await TempDir.open('lock');
    for (let round = 0; round < 2; round++) await (await FolderLock.take(folder.path)).release();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('is free again when its holder was killed', async () => {
    await using folder = await TempDir.open('lock');
    const path = join(folder.path, `${LOCK_NAME}.1`);
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const holder = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    await expect(FolderLock.take(folder.path)).rejects.toThrow(/in use/);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await readdir(folder.path)).toEqual([`${LOCK_NAME}.1`]);
    await (await FolderLock.take(folder.path)).release();
  });

  it('goes to exactly one of many that find a leftover at once', async () => {
    await using folder = await TempDir.open('lock');
    const path = join(folder.path, `${LOCK_NAME}.1`);
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
    for (let round = 0; round < 20; round++) {
      await once(spawn(process.execPath, ['-e', listen], { stdio: 'ignore' }), 'exit');
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => FolderLock.take(folder.path)));
      const taken = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
      expect(taken).toHaveLength(1);
      await taken[0]?.release();
      expect(await readdir(folder.path)).toEqual([]);
    }
  });

  it('works in a folder whose path is longer than a socket path may be', async () => {
    await using folder = await TempDir.open('lock');
    const long = join(folder.path, 'a'.repeat(120));
    await mkdir(long);
    const lock = await FolderLock.take(long);
    await expect(FolderLock.take(long)).rejects.toThrow(/in use/);
    await lock.release();
    await (await FolderLock.take(long)).release();
  });
});
