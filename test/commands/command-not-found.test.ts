import { describe, expect, it } from 'vitest';
import { Program } from '../peers/program.js';

/** From the sources, as developers run it. oclif breaks long lines of errors, and marks them at their left. */
async function anchornet(...args: string[]): Promise<{ code: number | null; stdout: Buffer; said: string }> {
  const program = Program.start(process.execPath, ['--import', 'tsx', 'bin/dev.js', ...args]);
  const { code, stdout, stderr } = await program.result();
  return { code, stdout, said: stderr.replace(/\s*\n[\s›]*/g, ' ') };
}

describe('a command that does not exist', () => {
  it.each([
    ['serv', 'serve'],
    ['srve', 'serve'],
    ['publish', 'publish-rtmp'],
    ['analyse-glitch', 'analyze-glitch'],
  ])('%s is an argument error that asks for %s', async (typed, meant) => {
    const { code, stdout, said } = await anchornet(typed, '--json');
    expect(code).toBe(2);
    expect(stdout).toHaveLength(0);
    expect(said).toContain(`${typed} is not a command of anchornet. Did you mean anchornet ${meant}?`);
  });

  it('is not taken for another one that has nothing to do with it', async () => {
    const { code, said } = await anchornet('transcode');
    expect(code).toBe(2);
    expect(said).not.toContain('Did you mean');
    expect(said).toContain('anchornet --help');
  });
});
