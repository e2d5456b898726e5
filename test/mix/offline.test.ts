import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, InvalidOptionError, UnsupportedMediaError } from '../../src/base/errors.js';
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { mixFiles, type MixFilesProgress } from '../../src/mix/offline.js';

const settings = {
  ...defaultProgramSettings,
  width: 640,
  height: 360,
  x264Preset: 'ultrafast',
  labels: false,
} as const;
let folder: string;
let host: string;
let guest: string;
let foreign: string;

function make(name: string, args: readonly string[]): string {
  const path = join(folder, name);
  const run = spawnSync('/usr/bin/ffmpeg', ['-y', '-v', 'error', ...args, path], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  return path;
}

const source = (colour: string, frequency: number, seconds: number) => [
  ...['-f', 'lavfi', '-i', `color=${colour}:size=320x180:rate=30`],
  ...['-f', 'lavfi', '-i', `sine=frequency=${frequency}:sample_rate=48000`],
  ...['-t', String(seconds), '-pix_fmt', 'yuv420p', '-vf', 'scale=out_color_matrix=bt709'],
];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'anchornet-offline-'));
  host = make('host.mp4', [...source('red', 440, 4), '-c:v', 'libx264', '-bf', '2', '-c:a', 'aac']);
  guest = make('guest.mp4', [...source('lime', 1000, 2), '-c:v', 'libx264', '-c:a', 'aac']);
  foreign = make('foreign.webm', [...source('blue', 700, 2), '-c:v', 'libvpx', '-c:a', 'libopus']);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Red, green and blue at a place of the picture shown at a time, by an outside decoder. */
function probe(path: string, seconds: number, x: number, y: number): number[] {
  const run = spawnSync('/usr/bin/ffmpeg', [
    ...['-v', 'error', '-ss', String(seconds), '-i', path, '-frames:v', '1'],
    ...['-vf', `crop=2:2:${x}:${y}`, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'],
  ]);
  return [...run.stdout.subarray(0, 3)];
}

/** Level of one tone in a stretch of the sound, by an outside decoder; a full-scale tone is 1. */
function toneLevel(path: string, seconds: number, frequency: number): number {
  const run = spawnSync(
    '/usr/bin/ffmpeg',
    ['-v', 'error', '-ss', String(seconds), '-t', '0.5', '-i', path, '-ac', '1', '-f', 'f32le', '-'],
    { maxBuffer: 1 << 26 },
  );
  const samples = new Float32Array(Uint8Array.from(run.stdout).buffer);
  let [cos, sin] = [0, 0];
  samples.forEach((sample, i) => {
    cos += sample * Math.cos((2 * Math.PI * frequency * i) / 48_000);
    sin += sample * Math.sin((2 * Math.PI * frequency * i) / 48_000);
  });
  return (2 * Math.hypot(cos, sin)) / samples.length;
}

const decodeErrors = (path: string): string =>
  spawnSync('/usr/bin/ffmpeg', ['-v', 'warning', '-i', path, '-f', 'null', '-'], { encoding: 'utf8' }).stderr;

describe('mixing files', () => {
  it('brings each guest on from its start to its end, seen and heard', async () => {
    const output = join(folder, 'program.mp4');
    const stages: MixFilesProgress[] = [];
    const inputs = [{ path: host }, { path: guest, startMs: 1000 }];
    const result = await mixFiles({
      inputs,
      output,
      settings,
      onProgress: (progress) => stages.push(progress),
    });
    expect(decodeErrors(output)).toBe('');
    expect(result.decodeErrors).toBe(0);
    expect(result.bytes).toBe(statSync(output).size);
    expect(Math.abs(result.durationMs - 4000)).toBeLessThanOrEqual(100);
    expect(stages.at(0)?.stage).toBe('reading');
    expect(stages.at(-1)).toMatchObject({ stage: 'mixing' });
    // Alone on the whole canvas, then two halves of it, then alone again.
    expect(probe(output, 0.5, 600, 180)[0]).toBeGreaterThan(230);
    expect(probe(output, 2, 600, 180)[1]).toBeGreaterThan(230);
    expect(probe(output, 2, 40, 180)[0]).toBeGreaterThan(230);
    expect(probe(output, 3.6, 600, 180)[0]).toBeGreaterThan(230);
    const guestLevels = [0.3, 1.7, 3.3].map((seconds) => toneLevel(output, seconds, 1000));
    expect(guestLevels[1]).toBeGreaterThan(0.05);
    expect(Math.max(guestLevels[0]!, guestLevels[2]!)).toBeLessThan(0.002);
    expect(toneLevel(output, 3.3, 440)).toBeGreaterThan(0.05);
  });

  it('writes a plain MP4 whose tables tell its whole length', async () => {
    const output = join(folder, 'plain.mp4');
    const { durationMs } = await mixFiles({ inputs: [{ path: host }], output, settings });
    const bytes = readFileSync(output);
    const boxes: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = bytes.readUInt32BE(at);
      boxes.push(bytes.toString('latin1', at + 4, at + 8));
      at += size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size;
    }
    expect(boxes).toEqual(['ftyp', 'mdat', 'moov']);
    const probed = spawnSync(
      '/usr/bin/ffprobe',
      ['-v', 'error', '-show_entries', 'format=duration:stream=nb_frames,duration', '-of', 'json', output],
      { encoding: 'utf8' },
    );
    const { format, streams } = JSON.parse(probed.stdout) as {
      format: { duration: string };
      streams: { nb_frames: string; duration: string }[];
    };
    // Sound ends with a whole frame, which may reach past the last picture by its encoder's delay: 3 frames of 21 ms.
    expect(Math.abs(Number(format.duration) * 1000 - durationMs)).toBeLessThan(64);
    expect(Number(streams[0]!.nb_frames)).toBe(Math.round((durationMs * 30) / 1000));
  });

  it('gives the same bytes for the same files', async () => {
    const outputs = [join(folder, 'one.mp4'), join(folder, 'two.mp4')];
    for (const output of outputs) {
      await mixFiles({ inputs: [{ path: host }, { path: foreign }], output, settings });
    }
    const [one, two] = outputs.map((path) => readFileSync(path));
    expect(one!.equals(two!)).toBe(true);
    expect(probe(outputs[0]!, 1, 600, 180)[2]).toBeGreaterThan(230);
    expect(decodeErrors(outputs[0]!)).toBe('');
  });

  it('leaves nothing when it is cancelled', async () => {
    const controller = new AbortController();
    const output = join(folder, 'cancelled.mp4');
    const mixing = mixFiles({
      inputs: [{ path: host }, { path: guest }],
      output,
      settings,
      signal: controller.signal,
      onProgress: ({ stage }) => stage === 'mixing' && controller.abort(),
    });
    await expect(mixing).rejects.toThrow(CancelledError);
    expect(readdirSync(folder).filter((name) => name.includes('cancelled'))).toEqual([]);
  });

  it('says what is wrong with its files, and leaves what was there', async () => {
    const there = join(folder, 'there.mp4');
    writeFileSync(there, 'precious');
    const mixing = (paths: string[], output = join(folder, 'never.mp4')) =>
      mixFiles({ inputs: paths.map((path) => ({ path })), output, settings });
    await expect(mixing([host], there)).rejects.toThrow(/exists already/);
    await expect(mixing([host], host)).rejects.toThrow(/both an input and the output/);
    await expect(mixing([join(folder, 'missing.mp4')])).rejects.toThrow(InvalidOptionError);
    await expect(mixing([there])).rejects.toThrow(UnsupportedMediaError);
    await expect(mixing([host], join(folder, 'no', 'such', 'folder.mp4'))).rejects.toThrow(/is not a folder/);
    await expect(mixing([])).rejects.toThrow(/expected 1 to 6 files/);
    expect(readFileSync(there, 'utf8')).toBe('precious');
    expect(existsSync(join(folder, 'never.mp4'))).toBe(false);
  });

  it('mixes what is whole of a damaged file, and counts the rest', async () => {
    const damaged = join(folder, 'damaged.mp4');
    const bytes = readFileSync(guest);
    const media = bytes.indexOf('mdat') + 2000;
    for (let at = media; at < media + 3000; at += 7) bytes[at] = bytes[at]! ^ 0xff;
    writeFileSync(damaged, bytes);
    const output = join(folder, 'of-damaged.mp4');
    const result = await mixFiles({ inputs: [{ path: host }, { path: damaged }], output, settings }).catch(
      (error: unknown) => error as Error,
    );
    // Either the container's own lengths are broken, which names the file's damage, or units inside are.
    if (result instanceof Error) expect(result.name).toMatch(/MalformedMediaError/);
    else expect(result.decodeErrors).toBeGreaterThan(0);
  });
});

describe('anchornet mix', () => {
  const program = `
    import { Config, handle } from '@oclif/core';
    const { default: Mix } = await import('./commands/mix.ts');
    const config = await Config.load(process.cwd());
    await Mix.run(process.argv.slice(1), config).catch(handle);
  `;
  const args = (...rest: string[]) => [
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    program,
    '--',
    ...rest,
  ];
  const run = (...rest: string[]) => spawnSync(process.execPath, args(...rest), { encoding: 'utf8' });

  it('tells the result as JSON on stdout', () => {
    const output = join(folder, 'cli.mp4');
    const { stdout, status, stderr } = run(
      ...[host, guest, '-o', output, '--size', '320x180', '--preset', 'ultrafast'],
      ...['--start', 'guest=1.5', '--layout', 'pip', '--json'],
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ output, decodeErrors: 0 });
    expect(decodeErrors(output)).toBe('');
  });

  it('answers wrong options with exit code 2 and what was expected', () => {
    const wrong: [string[], RegExp][] = [
      [['--size', 'large'], /expected WIDTHxHEIGHT, got large/],
      [['--start', 'nobody=3'], /one of host, guest1/],
      [['--fps', '1000'], /fps: expected a whole number from 1 to 60/],
      [['--background', 'blue'], /expected #rrggbb/],
    ];
    for (const [flags, message] of wrong) {
      const { status, stderr } = run(host, guest, '-o', join(folder, 'wrong.mp4'), ...flags);
      expect(status).toBe(2);
      expect(stderr).toMatch(message);
    }
  });

  it('leaves nothing after Ctrl-C, and says so by exit code 130', async () => {
    const long = make('long.mp4', [
      ...source('red', 440, 60),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-c:a',
      'aac',
    ]);
    const output = join(folder, 'interrupted.mp4');
    const child = spawn(process.execPath, args(long, guest, '-o', output), { stdio: 'pipe' });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await expect
      .poll(() => readdirSync(folder).some((name) => name.startsWith('.interrupted')), { timeout: 30_000 })
      .toBe(true);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(folder).filter((name) => name.includes('interrupted'))).toEqual([]);
  });
});
