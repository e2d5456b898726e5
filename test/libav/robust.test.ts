import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

function runChild(name: string, ...args: string[]): string {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const run = spawnSync(process.execPath, ['--import', 'tsx', path, ...args], { encoding: 'utf8' });
  expect(run.signal, `${name} ended by a signal: ${run.stderr}`).toBeNull();
  expect(run.status, run.stderr).toBe(0);
  return run.stdout.trim().split('\n').at(-1)!;
}

describe('native code', () => {
  it.each(['1', '2', '3'])('survives damaged pictures, sound and headers (seed %s)', (seed) => {
    const counts = JSON.parse(runChild('./damage.child.ts', seed)) as Record<string, number>;
    expect(counts['pictures']).toBe(320);
    expect(counts['errors']).toBeGreaterThan(100);
    expect(counts['blocks']).toBeGreaterThan(500);
  });

  it('keeps its memory flat while it mixes four 720p participants', () => {
    const resident = JSON.parse(runChild('./soak.child.ts', '30')) as number[];
    // After the first quarter everything is allocated; a leak of two pictures a second would add 60 MB.
    const settled = resident.slice(3);
    expect(Math.max(...settled) - settled[0]!, `MB: ${String(resident)}`).toBeLessThan(25);
    expect(Math.max(...resident), `MB: ${String(resident)}`).toBeLessThan(250);
  });
});
