import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { newKey } from '../../src/serve/auth/secret.js';
import { STATE_FILE_NAME, StateStore, type RoomRecord } from '../../src/serve/state/state-store.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anchornet-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = () => join(folder, STATE_FILE_NAME);

function record(id: string): RoomRecord {
  return {
    id,
    name: `Room ${id}`,
    hostKey: newKey(),
    rtmpStreamKey: newKey(),
    inviteGeneration: newKey(),
    settings: defaultProgramSettings,
    targets: [{ id: 't', name: 'CDN', url: 'rtmp://cdn.example.com/app/key', enabled: true }],
    createdAt: new Date(0).toISOString(),
  };
}

describe('the state folder', () => {
  it('brings rooms, keys, targets and the signing secret back after a restart', async () => {
    const first = await StateStore.open({ folder });
    const room = record('a');
    await first.putRoom(room);
    await first.putRoom(record('b'));
    await first.removeRoom('b');
    await first.close();
    await using second = await StateStore.open({ folder });
    expect(second.rooms()).toEqual([room]);
    expect(second.signingSecret).toEqual(first.signingSecret);
  });

  it('is readable by its owner alone', async () => {
    await (await StateStore.open({ folder })).close();
    expect((await stat(file())).mode & 0o077).toBe(0);
  });

  it('recovers a torn file from the version before it, with a warning, and keeps the torn one', async () => {
    const first = await StateStore.open({ folder });
    await first.putRoom(record('a'));
    await first.putRoom(record('b'));
    await first.close();
    for (const damage of ['half', 'empty', 'flipped'] as const) {
      const text = await readFile(file(), 'utf8');
      if (damage === 'half') await truncate(file(), Math.floor(text.length / 2));
      if (damage === 'empty') await truncate(file(), 0);
      if (damage === 'flipped') await writeFile(file(), text.replace('Room a', 'Room x'));
      const lines: string[] = [];
      const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
      await using recovered = await StateStore.open({ folder, logger });
      expect(recovered.rooms().map(({ id }) => id)).toContain('a');
      expect(lines.join('')).toMatch(/recovered from its backup/);
      expect(await readdir(folder)).toContain(`${STATE_FILE_NAME}.torn`);
    }
  });

  it('recovers when the file vanished and its backup stayed', async () => {
    const first = await StateStore.open({ folder });
    await first.putRoom(record('a'));
    await first.putRoom(record('b'));
    await first.close();
    await rm(file());
    await using recovered = await StateStore.open({ folder });
    expect(recovered.room('a')).toBeDefined();
  });

  it('refuses to start, naming the file, when both versions are damaged; and touches neither', async () => {
    const first = await StateStore.open({ folder });
    await first.putRoom(record('a'));
    await first.close();
    await writeFile(file(), 'garbage');
    await writeFile(`${file()}.bak`, '{}');
    await expect(StateStore.open({ folder })).rejects.toThrow(file());
    expect(await readFile(file(), 'utf8')).toBe('garbage');
  });

  it('refuses a first file that was torn, since there is nothing to recover from', async () => {
    await (await StateStore.open({ folder })).close();
    await writeFile(file(), '{"version":');
    await expect(StateStore.open({ folder })).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  it('refuses a file of a later version instead of guessing', async () => {
    await writeFile(file(), JSON.stringify({ version: 99, checksum: '', content: {} }));
    await expect(StateStore.open({ folder })).rejects.toThrow(/version 99/);
  });

  it('writes many changes at once in order, the last one last', async () => {
    const store = await StateStore.open({ folder });
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.putRoom(record(`room-${index}`))));
    await store.close();
    await using again = await StateStore.open({ folder });
    expect(again.rooms()).toHaveLength(50);
  });
});
