import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { Recorder } from '../../src/record/recorder.js';
import { finaliseRecording } from '../../src/record/recording-file.js';
import {
  audioOf,
  concatenate,
  decodeErrors,
  later,
  makeClip,
  packetTimes,
  probe,
  readUnits,
  videoOf,
} from '../container/mp4-media.js';

let folder: string;
const at = (name: string): string => join(folder, name);
let clip: AccessUnit[];
let bFrames: AccessUnit[];
let larger: AccessUnit[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anchornet-record-'));
  clip = await readUnits(makeClip(at('clip.mp4')));
  bFrames = await readUnits(makeClip(at('b-frames.mp4'), { bFrames: 2, profile: 'high' }));
  larger = await readUnits(makeClip(at('larger.mp4'), { size: '640x360', profile: 'baseline' }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function record(name: string, units: readonly AccessUnit[]): Promise<string> {
  const recorder = await Recorder.open({ path: at(name), fragmentMs: 500 });
  let failure: Error | undefined;
  recorder.on('stopped', ({ error }) => (failure = error));
  for (const unit of units) recorder.write(unit);
  await recorder.close();
  expect(failure).toBeUndefined();
  expect(recorder.stats).toMatchObject({ state: 'stopped' });
  return at(name);
}

/** The program's own clock: hours in, as a live recording has it. */
const onAir = (units: readonly AccessUnit[]): AccessUnit[] => units.map((unit) => later(unit, 7_200_000));

/** Edits are in 1/90000 s; audio of 48 kHz is off by less than one sample. */
const ONE_SAMPLE_S = 1 / 48_000 + 1e-6;

describe('a clean stop', () => {
  test('gives a plain file with full duration that ffmpeg decodes without a word', async () => {
    const path = await record('plain.mp4', onAir(clip));
    expect(decodeErrors(path)).toBe('');
    const found = probe(path);
    expect(Number(found.format.duration)).toBeCloseTo(3, 1);
    expect(found.streams.map((stream) => stream.nb_frames)).toEqual(['75', expect.any(String)]);
    expect(found.streams[0]?.nb_read_frames).toBe('75');
    expect(readFileSync(path).includes('mdat')).toBe(true);
    expect(readFileSync(path).subarray(36, 40).toString()).toBe('mdat');
  });

  test('keeps audio and video together to the sample, B-frames included', async () => {
    for (const [name, units] of [
      ['sync.mp4', clip],
      ['sync-b.mp4', bFrames],
    ] as const) {
      const source = onAir(units);
      const path = await record(name, source);
      const origin = videoOf(source)[0]?.pts ?? 0;
      const video = packetTimes(path, 'v');
      const audio = packetTimes(path, 'a');
      const sourceAudio = audioOf(source).filter((unit) => unit.pts / 48_000 >= origin / 90_000);
      expect(video).toHaveLength(75);
      expect(audio).toHaveLength(sourceAudio.length);
      for (const [index, unit] of videoOf(source).entries()) {
        expect(video[index]?.pts).toBeCloseTo((unit.pts - origin) / 90_000, 5);
      }
      for (const [index, unit] of sourceAudio.entries()) {
        const expected = unit.pts / 48_000 - origin / 90_000;
        expect(Math.abs((audio[index]?.pts ?? 0) - expected)).toBeLessThan(ONE_SAMPLE_S);
      }
      expect(decodeErrors(path)).toBe('');
    }
  });

  test('our own reader reads back the very units that were written', async () => {
    const path = await record('round.mp4', clip);
    const source = clip.filter((unit) => unit.kind === 'video' || unit.pts >= 0);
    const back = await readUnits(path);
    expect(videoOf(back).map((unit) => unit.data)).toEqual(videoOf(source).map((unit) => unit.data));
    expect(audioOf(back).map((unit) => [unit.pts, unit.data])).toEqual(
      audioOf(source).map((unit) => [unit.pts, unit.data]),
    );
    expect(videoOf(back)[0]?.config).toEqual(videoOf(clip)[0]?.config);
  });

  test('seeking lands where it should', async () => {
    const path = await record('seek.mp4', onAir(clip));
    const output = execFileSync(
      'ffprobe',
      [
        ...['-v', 'error', '-select_streams', 'v:0', '-read_intervals', '2%+#1'],
        ...['-show_entries', 'packet=pts_time', '-of', 'csv=p=0'],
        path,
      ],
      { encoding: 'utf8' },
    );
    expect(Number(output.trim().replace(',', ''))).toBeCloseTo(2, 3);
  });

  test('Opus and no video at all are recorded too', async () => {
    const opus = await readUnits(makeClip(at('opus-source.mp4'), { audio: 'libopus' }));
    const path = await record('opus.mp4', onAir(opus));
    expect(decodeErrors(path)).toBe('');
    expect(probe(path).streams.map((stream) => stream.codec_name)).toEqual(['h264', 'opus']);
    const audioOnly = await record('audio-only.mp4', onAir(audioOf(opus)));
    expect(decodeErrors(audioOnly)).toBe('');
    expect(probe(audioOnly).streams.map((stream) => stream.codec_name)).toEqual(['opus']);
    expect(Number(probe(audioOnly).format.duration)).toBeCloseTo(3, 1);
  });

  test('video that turns up late gets its own track', async () => {
    const early = audioOf(onAir(clip)).map((unit) => later(unit, -5_000));
    const path = await record('late-video.mp4', [...early, ...onAir(clip)]);
    // ffmpeg guesses codec parameters from the first seconds, which hold no picture, and says so.
    expect(decodeErrors(path)).not.toMatch(/FAILED|rror|corrupt/);
    const video = packetTimes(path, 'v');
    expect(video).toHaveLength(75);
    expect(video[0]?.pts).toBeCloseTo(5, 1);
  });

  test('nothing at all leaves a closed recorder and no exception', async () => {
    const recorder = await Recorder.open({ path: at('nothing.mp4') });
    await recorder.close();
    await recorder.close();
    expect(recorder.stats.state).toBe('stopped');
  });

  test('an existing file is never written over', async () => {
    await expect(Recorder.open({ path: at('clip.mp4') })).rejects.toThrow(/cannot be created/);
  });
});

describe('new parameter sets', () => {
  test('get sample entries of their own, and every picture decodes at its size', async () => {
    const units = onAir(concatenate([bFrames, clip, larger, clip]));
    const path = await record('switches.mp4', units);
    const file = readFileSync(path);
    let entries = 0;
    for (let i = file.lastIndexOf('moov'); (i = file.indexOf('avc1', i + 1)) !== -1;) entries++;
    expect(entries).toBe(3);
    expect(decodeErrors(path)).toBe('');
    const back = videoOf(await readUnits(path));
    expect(back.map((unit) => unit.config.width)).toEqual([
      ...Array<number>(150).fill(320),
      ...Array<number>(75).fill(640),
      ...Array<number>(75).fill(320),
    ]);
    expect(probe(path).streams[0]?.nb_read_frames).toBe('300');
  });

  test('are readable while still fragmented', async () => {
    const recorder = await Recorder.open({ path: at('open.mp4'), fragmentMs: 500 });
    for (const unit of onAir(concatenate([clip, larger, clip]))) recorder.write(unit);
    await expect.poll(() => recorder.stats.bytes, { interval: 20 }).toBeGreaterThan(131_200);
    await expect
      .poll(async () => videoOf(await readUnits(at('open.mp4'))).length, { interval: 50 })
      .toBeGreaterThan(200);
    copyFileSync(at('open.mp4'), at('open-copy.mp4'));
    await recorder.close();
    expect(decodeErrors(at('open-copy.mp4'))).toBe('');
  });
});

async function inChild(
  args: readonly string[],
  until: (message: { bytes?: number; stopped?: string; message?: string }, child: ChildProcess) => boolean,
  shell?: string,
): Promise<void> {
  const script = fileURLToPath(new URL('./record-child.ts', import.meta.url));
  const child = fork(script, args, {
    execArgv: ['--import', import.meta.resolve('tsx')],
    ...(shell === undefined ? {} : { execPath: shell }),
  });
  const exit = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: { bytes?: number; stopped?: string }) => {
      if (until(message, child)) resolve();
    });
    child.on('exit', () => reject(new Error('the child ended early')));
  });
  if (child.exitCode === null) child.kill('SIGKILL');
  await exit;
}

describe('a disk that is full', () => {
  test('stops the recording with an event, and what is there plays', async () => {
    const path = at('full.mp4');
    // A limit on the size of files fails writes as a full disk does, and needs no rights.
    const limited = at('limited-node.sh');
    writeFileSync(limited, `#!/bin/sh\nulimit -f 1200\nexec ${process.execPath} "$@"\n`, { mode: 0o755 });
    let reason: string | undefined;
    let message: string | undefined;
    await inChild(
      [at('clip.mp4'), path, '0'],
      (told) => {
        reason = told.stopped;
        message = told.message;
        return reason !== undefined;
      },
      limited,
    );
    expect(reason).toBe('DESTINATION_FAILED');
    expect(message).toMatch(/no space is left/);
    expect(decodeErrors(path)).toBe('');
    expect(Number(probe(path).format.duration)).toBeGreaterThan(3);
  });

  test('is noticed on a real file system of 1 MB, where one can be mounted', async (context) => {
    const mount = at('tiny');
    mkdirSync(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount], { stdio: 'ignore' });
    } catch {
      context.skip('this user may not mount');
    }
    try {
      const recorder = await Recorder.open({ path: join(mount, 'full.mp4'), fragmentMs: 200 });
      const stopped = once(recorder, 'stopped') as Promise<[{ error?: { code: string } }]>;
      const units = onAir(concatenate(Array<AccessUnit[]>(20).fill(clip)));
      for (const unit of units) recorder.write(unit);
      const [{ error }] = await stopped;
      expect(error?.code).toBe('DESTINATION_FAILED');
      expect(recorder.stats.state).toBe('failed');
      recorder.write(units[0] as AccessUnit);
      await recorder.close();
      copyFileSync(join(mount, 'full.mp4'), at('full-copy.mp4'));
      expect(decodeErrors(at('full-copy.mp4'))).toBe('');
    } finally {
      execFileSync('umount', [mount]);
    }
  });
});

describe('a slow disk', () => {
  test('makes the recording drop to the next IDR, count it, and stay playable', async () => {
    const recorder = await Recorder.open({ path: at('slow.mp4'), fragmentMs: 200, maxQueueBytes: 60_000 });
    // All at once: no write can finish in between, so the queue must overflow.
    for (const unit of onAir(concatenate([clip, clip]))) recorder.write(unit);
    const dropped = recorder.stats.droppedUnits;
    await recorder.close();
    expect(dropped).toBeGreaterThan(20);
    expect(decodeErrors(at('slow.mp4'))).toBe('');
  });
});

describe('a recording that is killed', () => {
  test('plays up to its last whole fragment, six times out of six, and can be finalised later', async () => {
    for (let round = 0; round < 6; round++) {
      const path = at(`killed-${round}.mp4`);
      let written = 0;
      // Killed while busy: the pace leaves writes in flight, the moment differs each time.
      await inChild([at('clip.mp4'), path, '0'], (message) => {
        written = message.bytes ?? 0;
        return written > 200_000 + round * 60_000;
      });
      const complaints = decodeErrors(path)
        .split('\n')
        .filter((line) => !/partial file|^$/i.test(line));
      expect(complaints).toEqual([]);
      const before = videoOf(await readUnits(path)).length;
      expect(before).toBeGreaterThan(50);
      expect(await finaliseRecording(path)).toBe(true);
      expect(await finaliseRecording(path)).toBe(false);
      expect(decodeErrors(path)).toBe('');
      const after = videoOf(await readUnits(path)).length;
      expect(before - after).toBeLessThanOrEqual(10);
      expect(Number(probe(path).streams[0]?.nb_frames)).toBe(after);
    }
  });
});
