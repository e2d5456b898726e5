import { existsSync } from 'node:fs';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withScratchFolder } from '../../src/glitch/scratch-folder.js';
import { childrenOf, isRunning } from '../peers/processes.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';

/** The command is compiled as it is loaded. */
const START_MS = 60_000;
const DAY_MS = 24 * 3600_000;
let folder: TempDir;
/** Of a kind that has to be rewritten, and too long to be so at once. */
let slow: string;

beforeAll(async () => {
  folder = await TempDir.open('scratch');
  slow = folder.file('slow.mkv');
  const picture = ['-f', 'lavfi', '-i', 'testsrc=size=640x360:rate=30', '-t', '60'];
  await Program.run('ffmpeg', ['-v', 'error', ...picture, '-c:v', 'mpeg4', '-q:v', '20', slow]);
});
afterAll(() => folder.close());

/** An analysis whose input is being rewritten. */
async function rewriting(temporary: string): Promise<{ program: Program; analyser: number; ffmpeg: number }> {
  const program = Program.start(process.execPath, ['--import', 'tsx', 'bin/dev.js', 'analyze-glitch', slow], {
    env: { ...process.env, TMPDIR: temporary },
  });
  const child = (pattern: RegExp): number | undefined =>
    childrenOf(program.pid).find(({ command }) => pattern.test(command))?.pid;
  const options = { timeoutMs: START_MS, state: () => program.stderr };
  const ffmpeg = await waitFor('ffmpeg', () => child(/brought-in\.mp4/), options);
  return { program, analyser: child(/analyser-child/)!, ffmpeg };
}

async function leftIn(temporary: string): Promise<string[]> {
  return (await readdir(temporary)).filter((name) => name.startsWith('anchornet'));
}

describe('the temporary files of an analysis', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'go with it when %s ends it while ffmpeg rewrites its input',
    async (signal) => {
      await using temporary = await TempDir.open('scratch-tmp');
      const { program, ffmpeg } = await rewriting(temporary.path);
      expect(await leftIn(temporary.path)).toHaveLength(1);
      program.signal(signal);
      expect(await program.result()).toMatchObject({ code: 130 });
      expect(isRunning(ffmpeg)).toBe(false);
      expect(await leftIn(temporary.path)).toEqual([]);
    },
    2 * START_MS,
  );

  it(
    'go with it when its child process dies',
    async () => {
      await using temporary = await TempDir.open('scratch-tmp');
      const { program, analyser, ffmpeg } = await rewriting(temporary.path);
      process.kill(analyser, 'SIGKILL');
      const { code, stderr } = await program.result();
      expect(stderr).toContain('the child process ended with SIGKILL');
      expect(code).not.toBe(0);
      expect(isRunning(ffmpeg)).toBe(false);
      expect(await leftIn(temporary.path)).toEqual([]);
    },
    2 * START_MS,
  );

  it('of runs that were killed go with a later one, and those of others stay', async () => {
    await using temporary = await TempDir.open('scratch-tmp');
    vi.stubEnv('TMPDIR', temporary.path);
    const ended = Program.start('true', []);
    const { pid } = ended;
    await ended.result();
    const old = new Date(Date.now() - 2 * DAY_MS);
    const make = async (name: string, time: Date): Promise<string> => {
      const path = join(temporary.path, name);
      await mkdir(path);
      await utimes(path, time, time);
      return path;
    };
    const left = await make(`anchornet-glitch-${pid}-abc`, old);
    const kept = [
      await make(`anchornet-glitch-${process.pid}-abc`, old),
      await make(`anchornet-glitch-${pid}-new`, new Date()),
      await make('anchornet-splice-abc', old),
    ];
    const own = await withScratchFolder((path) => Promise.resolve(path));
    vi.unstubAllEnvs();
    expect([left, own].filter(existsSync)).toEqual([]);
    expect(kept.filter(existsSync)).toEqual(kept);
  });
});
