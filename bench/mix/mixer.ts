/**
 * CPU of the mixer against Debian's ffmpeg doing the same: 720p30 H.264 and Opus in, grid, x264 veryfast zerolatency at
 * 2.5 Mb/s on one thread, AAC 128 kb/s, MP4 out. Runs alternate, so that what else the machine does meets both.
 *
 *   npm run build && node --import tsx bench/mix/mixer.ts [--seconds 60] [--runs 5]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const FFMPEG = '/usr/bin/ffmpeg';
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, runs: { type: 'string', default: '5' } },
});
const seconds = Number(values.seconds);
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), 'anchornet-bench-mix-'));

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return stdout;
}

function makeInput(index: number): string {
  const path = join(folder, `in${index}.mp4`);
  run(FFMPEG, [
    ...['-y', '-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=30,hue=h=${index * 80}`],
    ...['-f', 'lavfi', '-i', `sine=frequency=${300 + 200 * index}:sample_rate=48000`, '-t', String(seconds)],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-b:v',
      '2500k',
      '-bf',
      '0',
      '-g',
      '60',
      '-pix_fmt',
      'yuv420p',
    ],
    ...['-c:a', 'libopus', '-b:a', '64k', '-ac', '2', path],
  ]);
  return path;
}

/** User and system seconds of ffmpeg, as bash's `time` counts them. */
function ffmpegCpu(inputs: readonly string[]): number {
  const count = inputs.length;
  const scaled = inputs.map((_, i) => `[${i}:v]scale=640:360:flags=bilinear[t${i}]`).join(';');
  const tiles = inputs.map((_, i) => `[t${i}]`).join('');
  const stacked =
    count === 2
      ? `${tiles}hstack=2,pad=1280:720:0:180[v]`
      : `${tiles}xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0[v]`;
  const mixed = `${inputs.map((_, i) => `[${i}:a]`).join('')}amix=inputs=${count}:normalize=0,alimiter[a]`;
  const args = [
    ...['-y', '-v', 'error', '-filter_threads', '1', '-filter_complex_threads', '1'],
    ...inputs.flatMap((path) => ['-threads', '1', '-i', path]),
    ...['-filter_complex', `${scaled};${stacked};${mixed}`, '-map', '[v]', '-map', '[a]'],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-tune',
      'zerolatency',
      '-profile:v',
      'high',
      '-threads',
      '1',
    ],
    ...['-b:v', '2500k', '-maxrate', '2500k', '-bufsize', '2500k', '-g', '60', '-bf', '0'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-f', 'mp4', join(folder, 'ffmpeg.mp4')],
  ];
  const script = 'TIMEFORMAT="%U %S"; { time "$0" "$@" 2>&3; } 3>&2 2>&1';
  const [user = NaN, system = NaN] = run('bash', ['-c', script, FFMPEG, ...args])
    .trim()
    .split(/\s+/)
    .map(Number);
  return user + system;
}

function ownCpu(inputs: readonly string[]): number {
  const script = fileURLToPath(new URL('./mix-process.ts', import.meta.url));
  return Number(run(process.execPath, ['--import', 'tsx', script, join(folder, 'own.mp4'), ...inputs]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

try {
  const inputs = [0, 1, 2, 3].map(makeInput);
  for (const count of [2, 4]) {
    const own: number[] = [];
    const other: number[] = [];
    for (let i = 0; i < runs; i++) {
      own.push(ownCpu(inputs.slice(0, count)) / seconds);
      other.push(ffmpegCpu(inputs.slice(0, count)) / seconds);
    }
    const ratio = median(own.map((value, i) => value / other[i]!));
    const figures = `mixer ${median(own).toFixed(3)}, ffmpeg ${median(other).toFixed(3)} CPU s per s of media`;
    process.stdout.write(
      `${count} inputs: ${figures}, ratio ${ratio.toFixed(2)} (median of ${runs} pairs, load ${loadavg()[0]!.toFixed(1)})\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
