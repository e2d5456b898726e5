#!/usr/bin/env node
// How long a user waits: `anchornet --help` (aim: 0.4 s) and `anchornet serve` until /healthz answers (aim: 2 s), of
// the built program, beside a Node that does nothing. Alternating runs; medians and the worst.
//
//   node bench/startup.mjs [RUNS]
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'bin', 'run.js');
const runs = Number(process.argv[2] ?? 10);
if (!existsSync(join(root, 'dist', 'commands'))) {
  process.stderr.write('Not built: npm run build\n');
  process.exit(1);
}

const times = { node: [], help: [], serve: [] };
for (let run = 0; run < runs; run++) {
  times.node.push(await timeOf(['-e', '0']));
  times.help.push(await timeOf([program, '--help']));
  times.serve.push(await timeUntilReady());
}
for (const [name, values] of Object.entries(times)) {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  process.stdout.write(
    `${name.padEnd(6)} median ${median.toFixed(0)} ms, worst ${sorted.at(-1).toFixed(0)} ms\n`,
  );
}

async function timeOf(args) {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  await new Promise((resolve) => child.once('close', resolve));
  return performance.now() - start;
}

async function timeUntilReady() {
  const state = mkdtempSync(join(tmpdir(), 'anchornet-startup-'));
  const port = await freePort();
  const ports = ['--http-port', String(port), '--rtmp-port', '0', '--rtc-port', '0'];
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [program, 'serve', ...ports, '--state', state, '--log-level', 'error'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    while (child.exitCode === null) {
      const ready = await fetch(`http://127.0.0.1:${port}/healthz`).then(
        (response) => response.ok,
        () => false,
      );
      if (ready) return performance.now() - start;
      await delay(5);
    }
    throw new Error('serve ended before it was ready');
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(state, { recursive: true, force: true });
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
