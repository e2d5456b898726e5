/**
 * What it costs to join two long recordings (1080p30 H.264 of 4 Mb/s, AAC), against `ffmpeg -f concat -c copy`: wall
 * time, CPU of all processes, and the memory of the process that does the work. Runs alternate, so that what else the
 * machine does meets both. Each run begins when everything written before is on the disk.
 *
 *   npm run build && node bench/run.mjs hours [--minutes 60] [--runs 3] [--folder DIR]
 *
 * Needs four times the size of one recording (7.6 GB for an hour each) in the folder; deletes all of it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { childProcess, processFigures } from '../pipeline/process-figures.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    runs: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const minutes = Number(values.minutes);
const runs = Number(values.runs);
const FFMPEG = 'ffmpeg';
const anchornet = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** Encoded once and repeated. */
const LOOP_SECONDS = 16;
const POLL_MS = 20;

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
}

/** Encodes a few seconds and repeats them. */
function makeRecording(folder: string, name: string, hue: number): string {
  const quiet = ['-y', '-v', 'error'];
  const pictures = join(folder, `${name}-loop.mp4`);
  const source = `testsrc2=size=1920x1080:rate=30:duration=${LOOP_SECONDS},noise=alls=8:allf=t,hue=h=${hue}`;
  run(FFMPEG, [
    ...[...quiet, '-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '60'],
    ...['-bf', '2', '-b:v', '4M', '-maxrate', '4M', '-bufsize', '4M', '-pix_fmt', 'yuv420p', pictures],
  ]);
  const loop = join(folder, `${name}-loop.aac`);
  const sine = `sine=frequency=${300 + hue}:sample_rate=48000:duration=${LOOP_SECONDS},aformat=channel_layouts=stereo`;
  run(FFMPEG, [...quiet, '-f', 'lavfi', '-i', sine, '-c:a', 'aac', '-b:a', '128k', loop]);
  // ADTS has no times: ffmpeg counts frames, and leaves no hole between the copies.
  const sound = join(folder, `${name}.aac`);
  writeFileSync(sound, '');
  const once = readFileSync(loop);
  for (let i = 0; i < Math.ceil((minutes * 60) / LOOP_SECONDS); i++) appendFileSync(sound, once);
  const path = join(folder, `${name}.mp4`);
  run(FFMPEG, [
    ...[...quiet, '-stream_loop', '-1', '-i', pictures, '-i', sound, '-map', '0:v', '-map', '1:a'],
    ...['-c', 'copy', '-t', String(minutes * 60), path],
  ]);
  for (const used of [pictures, loop, sound]) rmSync(used);
  return path;
}

interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

/**
 * @param worker part of the command line of the child process that does the work; the program itself does when left out
 */
async function costOf(args: readonly string[], worker?: string): Promise<Cost> {
  // What was written before is not to be paid for by this run.
  run('sync', []);
  const script = 'TIMEFORMAT="%R %U %S"; { time "$0" "$@" 2>&3; } 3>&2 2>&1';
  const shell = spawn('bash', ['-c', script, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let peakRssMb = 0;
  const polling = setInterval(() => {
    try {
      const program = childProcess(shell.pid!, args.at(-1)!);
      const pid = worker === undefined || program === undefined ? program : childProcess(program, worker);
      if (pid !== undefined) peakRssMb = Math.max(peakRssMb, processFigures(pid).peakRssMb);
    } catch {
      // It has just ended.
    }
  }, POLL_MS);
  let said = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise((resolve) => shell.once('close', resolve));
  clearInterval(polling);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}: ${said}`);
  const [wallSeconds = NaN, user = NaN, system = NaN] = said
    .trim()
    .split('\n')
    .at(-1)!
    .split(' ')
    .map(Number);
  return { wallSeconds, cpuSeconds: user + system, peakRssMb };
}

function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;
}

function print(name: string, costs: readonly Cost[]): void {
  const each = (of: (cost: Cost) => number, digits: number): string =>
    costs.map((cost) => of(cost).toFixed(digits)).join(' ');
  const wall = each(({ wallSeconds }) => wallSeconds, 1);
  const cpu = each(({ cpuSeconds }) => cpuSeconds, 2);
  const memory = each(({ peakRssMb }) => peakRssMb, 0);
  process.stdout.write(`${name.padEnd(10)}wall ${wall} s; CPU ${cpu} s; peak RSS ${memory} MB\n`);
}

const folder = mkdtempSync(join(values.folder, 'anchornet-bench-hours-'));
try {
  const inputs = [makeRecording(folder, 'first', 0), makeRecording(folder, 'second', 90)];
  const list = join(folder, 'list.txt');
  writeFileSync(list, inputs.map((path) => `file '${path}'\n`).join(''));
  const megabytes = inputs.map((path) => (statSync(path).size / 1e6).toFixed(0));
  process.stdout.write(`two recordings of ${minutes} min: ${megabytes.join(' and ')} MB\n`);
  const output = join(folder, 'out.mp4');
  const own: Cost[] = [];
  const other: Cost[] = [];
  for (let i = 0; i < runs; i++) {
    own.push(
      await costOf(
        [process.execPath, anchornet, 'splice', ...inputs, '--json', '-o', output],
        'splice-child',
      ),
    );
    rmSync(output);
    const copy = ['-y', '-v', 'error', '-nostdin', '-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy'];
    other.push(await costOf([FFMPEG, ...copy, output]));
    rmSync(output);
  }
  print('splice', own);
  print('concat', other);
  const ratio = (of: (cost: Cost) => number): string =>
    median(own.map((cost, i) => of(cost) / of(other[i]!))).toFixed(2);
  process.stdout.write(
    `ratio     wall ${ratio((cost) => cost.wallSeconds)}, CPU ${ratio((cost) => cost.cpuSeconds)} ` +
      `(median of ${runs} pairs, load ${loadavg()[0]!.toFixed(1)})\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
