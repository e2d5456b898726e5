#!/usr/bin/env node
// Runs all that must pass: the static checks, every test, and a last look that nothing was left running. Each static
// check and that last look count as one test. The last line of stdout is `N passed, N failed[, N skipped]`.
//
//   node scripts/test.mjs [vitest arguments, e.g. test/rtp]      with arguments: those tests alone, no static checks
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const selection = process.argv.slice(2);

/** All of it must be over within an hour; what still runs then has hung. */
const deadline = Date.now() + 57 * 60_000;
/** How long a browser or server may take to be gone once its test has closed it. */
const settleMs = 10_000;
/** Everything that the tests start inherits this, so that it can be found again. */
const runId = randomUUID();

/**
 * Tests that play media by the clock. On a machine that others keep busy they can fail by no fault of the program's, so
 * a few of their files get a second run, which is said in the output and then counts. A defect fails twice.
 */
const realTime = [
  ...['demo', 'e2e', 'origin', 'publish', 'record', 'room', 'serve', 'sfu', 'web', 'webrtc'].map(
    (name) => `${name}/`,
  ),
  ...['hls', 'rtmp'].map((name) => `glitch/${name}-address`),
].map((name) => `test/${name}`);
const maxSecondRuns = 6;

const checks = [
  { name: 'types of the sources', program: bin('tsc'), args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'types of the tests', program: bin('tsc'), args: ['-p', 'test/tsconfig.json'] },
  { name: 'types of the pages', program: bin('tsc'), args: ['-p', 'web/tsconfig.json', '--noEmit'] },
  { name: 'lint', program: bin('eslint'), args: ['.'] },
  { name: 'format', program: bin('prettier'), args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'dead code', program: bin('knip'), args: ['--no-progress'] },
];

const tally = { passed: 0, failed: 0, skipped: 0 };

if (selection.length === 0) {
  for (const { name, program, args } of checks) count(`check: ${name}`, (await run(program, args)) === 0);
}
await runTests();
count('check: nothing is left running', await nothingLeft());

const parts = [`${tally.passed} passed`, `${tally.failed} failed`];
if (tally.skipped > 0) parts.push(`${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 ? 0 : 1;
process.stdout.write(`${parts.join(', ')}\n`);

function count(name, passed) {
  tally[passed ? 'passed' : 'failed']++;
  process.stdout.write(`${passed ? '✓' : '✗'} ${name}\n`);
}

async function runTests() {
  const first = await runVitest(selection);
  const again = [...first.files].filter(([, { failed }]) => failed > 0).map(([name]) => name);
  if (again.length > 0 && again.length <= maxSecondRuns && again.every(isRealTime)) {
    process.stdout.write(`\nfailed in real time, once more: ${again.join(' ')}\n`);
    const second = await runVitest(again);
    for (const [name, result] of second.files) first.files.set(name, result);
    first.code = second.code;
  }
  const failedBefore = tally.failed;
  for (const { passed, failed, skipped } of first.files.values()) {
    tally.passed += passed;
    tally.failed += failed;
    tally.skipped += skipped;
  }
  // Errors outside of any test, a hang or a crash show in the exit code alone.
  if (first.code !== 0 && tally.failed === failedBefore)
    count(`check: the test runner ended with ${first.code}`, false);
}

function isRealTime(name) {
  return realTime.some((beginning) => name.startsWith(beginning));
}

/** @returns the runner's exit code, and how many tests of each file passed, failed and were skipped */
async function runVitest(what) {
  const folder = mkdtempSync(join(tmpdir(), 'anchornet-results-'));
  const report = join(folder, 'report.json');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...what];
  try {
    return { code: await run(bin('vitest'), args), files: readReport(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return new Map();
  }
  return new Map(
    report.testResults.map((file) => {
      const having = (status) => file.assertionResults.filter((test) => test.status === status).length;
      const [passed, failed] = [having('passed'), having('failed')];
      const skipped = file.assertionResults.length - passed - failed;
      // A file that could not be loaded, or whose set-up failed, may have no failed test to show.
      return [
        relative(root, file.name),
        { passed, failed: failed === 0 && file.status === 'failed' ? 1 : failed, skipped },
      ];
    }),
  );
}

/** Runs a program in a process group of its own. @returns its exit code, or the reason why it has none */
async function run(program, args) {
  const child = spawn(program, args, {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ANCHORNET_TEST_RUN: runId },
  });
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended by itself.
    }
  };
  const interrupt = () => end('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupt);
  const hung = setTimeout(
    () => {
      process.stdout.write(`${program} is still running at the deadline: ended\n`);
      end('SIGKILL');
    },
    Math.max(1_000, deadline - Date.now()),
  );
  try {
    return await new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
  } finally {
    clearTimeout(hung);
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupt);
  }
}

/** Looks for processes that the tests started and that are still there; ends them. */
async function nothingLeft() {
  const end = Date.now() + settleMs;
  let left = leftovers();
  while (left.length > 0 && Date.now() < end) {
    await delay(200);
    left = leftovers();
  }
  for (const { pid, command } of left) {
    process.stdout.write(`left running: ${pid} ${command}\n`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone in the meantime.
    }
  }
  return left.length === 0;
}

/** Processes that carry this run's mark in their environment. Linux only: elsewhere none are seen. */
function leftovers() {
  let pids = [];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  } catch {
    return [];
  }
  return pids.flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`ANCHORNET_TEST_RUN=${runId}`)) return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200);
      // One that has ended and was not yet reaped has no command line any more.
      return command === '' ? [] : [{ pid: Number(pid), command }];
    } catch {
      return [];
    }
  });
}
