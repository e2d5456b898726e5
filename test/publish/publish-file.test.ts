import { captureOutput } from '@oclif/test';
import { Config } from '@oclif/core';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import PublishRtmp from '../../commands/publish-rtmp.js';
import { DestinationError, InvalidOptionError } from '../../src/base/errors.js';
import type { AccessUnit, AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { ProgramUnit } from '../../src/media/program-sink.js';
import { publishFile, type PublishReport } from '../../src/publish/publish-file.js';
import { repeatUnits } from '../../src/publish/repeat.js';
import { RtmpServer } from '../../src/rtmp/rtmp-server.js';
import { audioFrame, picture } from '../container/units.js';
import { decodeErrors, probe } from '../peers/judge.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';

const SECONDS = 2;
/** Both the source and the recording tell whole milliseconds, each from a first time of its own. */
const FLV_ROUNDING_MS = 1;

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('publish-file');
  const source = [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'],
    ...['-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-t', String(SECONDS)],
  ];
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '30', '-pix_fmt', 'yuv420p'];
  for (const name of ['clip.flv', 'clip.mp4']) {
    await Program.run('ffmpeg', [...source, ...h264, '-c:a', 'aac', folder.file(name)]);
  }
  await Program.run('ffmpeg', [
    ...[...source, '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'],
    folder.file('clip.webm'),
  ]);
});
afterAll(() => folder.close());

let server: RtmpServer;
let units: AccessUnit[];
let ended: string | undefined;
beforeEach(async () => {
  units = [];
  ended = undefined;
  server = await RtmpServer.open({ host: '127.0.0.1', port: 0, authorize: () => true });
  server.on('publish', (publication) => {
    publication.on('unit', (unit) => units.push(unit));
    publication.on('closed', (reason) => (ended = reason));
  });
});
afterEach(() => server.close());
const url = (): string => `rtmp://127.0.0.1:${server.port}/live/key`;
const videoOf = (all: readonly AccessUnit[]): VideoUnit[] => all.filter((unit) => unit.kind === 'video');
const audioOf = (all: readonly AccessUnit[]): AudioUnit[] => all.filter((unit) => unit.kind === 'audio');

describe('a file published to RTMP', () => {
  test('nginx records the pictures and frames of the source at their times, without decode errors', async () => {
    await using nginx = await NginxRtmp.open();
    const started = performance.now();
    const report = await publishFile({ path: folder.file('clip.flv'), urls: [nginx.url('file')] });
    const tookMs = performance.now() - started;
    expect(report.targets[0]).toMatchObject({ state: 'live', droppedUnits: 0, reconnects: 0 });
    // In real time: the last unit is due a picture before the end.
    expect(tookMs).toBeGreaterThan(SECONDS * 1000 - 100);
    const recording = await nginx.recordingOf('file');
    const [sent, found] = [await probe(folder.file('clip.flv')), await probe(recording)];
    const offset = (found.videoPackets[0]?.ptsMs ?? 0) - (sent.videoPackets[0]?.ptsMs ?? 0);
    for (const kind of ['videoPackets', 'audioPackets'] as const) {
      expect(found[kind]).toHaveLength(sent[kind].length);
      found[kind].forEach((packet, i) => {
        expect(Math.abs(packet.ptsMs - offset - (sent[kind][i]?.ptsMs ?? 0))).toBeLessThanOrEqual(
          FLV_ROUNDING_MS,
        );
      });
    }
    expect(await decodeErrors(recording)).toEqual([]);
  });

  test.each(['clip.mp4', 'clip.webm'])('%s arrives as H.264 and AAC, all of it', async (name) => {
    await publishFile({ path: folder.file(name), urls: [url()] });
    await waitFor('the end', () => ended);
    expect(videoOf(units).length).toBeGreaterThanOrEqual(SECONDS * 30 - 1);
    expect(audioOf(units).length).toBeGreaterThanOrEqual((SECONDS * 48_000) / 1024 - 2);
    expect(videoOf(units)[0]?.config).toMatchObject({ codec: 'h264', width: 320, height: 180 });
  });

  test('repeated, times go on: pictures never back, audio on one grid', async () => {
    await publishFile({ path: folder.file('clip.flv'), urls: [url()], times: 2 });
    await waitFor('the end', () => ended);
    const dts = videoOf(units).map((unit) => unit.dts);
    expect(dts).toHaveLength(2 * SECONDS * 30);
    expect(dts.every((time, i) => i === 0 || time > (dts[i - 1] ?? 0))).toBe(true);
    const pts = audioOf(units).map((unit) => unit.pts);
    expect(new Set(pts.slice(1).map((time, i) => time - (pts[i] ?? 0)))).toEqual(new Set([1024]));
    const steps = dts.slice(1).map((time, i) => time - (dts[i] ?? 0));
    // The audio is longer than the pictures, by its encoder's delay and to whole frames.
    expect(Math.max(...steps)).toBeLessThanOrEqual((34 + 3 * 22) * 90);
  });

  test('one unreachable target does not disturb the other, and is told in the report', async () => {
    const nobody = url().replace(/:\d+\//, ':1/');
    const report = await publishFile({ path: folder.file('clip.flv'), urls: [url(), nobody] });
    expect(report.targets.map(({ state }) => state)).toEqual(['live', 'reconnecting']);
    expect(report.targets[1]?.lastError).toMatch(/ECONNREFUSED/);
    const failed = publishFile({ path: folder.file('clip.flv'), urls: [nobody] });
    await expect(failed).rejects.toBeInstanceOf(DestinationError);
    await expect(failed).rejects.toMatchObject({ hint: expect.stringMatching(/port/) as unknown });
  });

  test('stopped by its signal it says goodbye', async () => {
    const stop = new AbortController();
    const publishing = publishFile({
      path: folder.file('clip.flv'),
      urls: [url()],
      times: Infinity,
      signal: stop.signal,
    });
    await waitFor('a few units', () => units.length > 10);
    stop.abort();
    expect((await publishing).wasStopped).toBe(true);
    await waitFor('the end', () => ended);
    expect(ended).toBe('unpublished');
  });

  test('what cannot be opened or is no address is an option error', async () => {
    await expect(publishFile({ path: folder.file('none.flv'), urls: [url()] })).rejects.toBeInstanceOf(
      InvalidOptionError,
    );
    await expect(publishFile({ path: folder.file('clip.flv'), urls: ['nonsense'] })).rejects.toBeInstanceOf(
      InvalidOptionError,
    );
  });
});

describe('repeating units', () => {
  test('keeps both tracks in step and the audio on its grid, however their lengths differ', async () => {
    const shapes = fc.record({
      pictures: fc.integer({ min: 1, max: 40 }),
      frames: fc.integer({ min: 1, max: 60 }),
      videoStart: fc.integer({ min: -6000, max: 90_000 }),
      audioStart: fc.integer({ min: -2048, max: 48_000 }),
      times: fc.integer({ min: 2, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ pictures, frames, videoStart, audioStart, times }) => {
        const pass: ProgramUnit[] = [
          ...Array.from({ length: pictures }, (_, i) => picture({ dts: videoStart + i * 3000 })),
          ...Array.from({ length: frames }, (_, i) => audioFrame(audioStart + i * 1024)),
        ];
        // eslint-disable-next-line @typescript-eslint/require-await -- a source is asynchronous by its type
        const source = async function* () {
          yield* pass;
        };
        const out: ProgramUnit[] = [];
        for await (const unit of repeatUnits(source, times)) out.push(unit);
        const dts = videoOf(out).map((unit) => unit.dts);
        const pts = audioOf(out).map((unit) => unit.pts);
        expect(dts).toHaveLength(pictures * times);
        expect(dts.every((time, i) => i === 0 || time > (dts[i - 1] ?? 0))).toBe(true);
        expect(pts.every((time, i) => i === 0 || time >= (pts[i - 1] ?? 0) + 1024)).toBe(true);
        expect(pts.every((time) => (time - audioStart) % 1024 === 0)).toBe(true);
        // The distance of the tracks is that of the first pass, within one tick.
        const skew = (pass: number): number =>
          (dts[pass * pictures] ?? 0) - (pts[pass * frames] ?? 0) * 1.875;
        for (let i = 1; i < times; i++) expect(Math.abs(skew(i) - skew(0))).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('publish-rtmp', () => {
  test('prints a report as JSON and ends with 0; with 5 when a target was not live', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const before = process.exitCode;
    const args = [folder.file('clip.flv'), url(), '--json'];
    const { result, stdout } = await captureOutput<PublishReport>(() => PublishRtmp.run(args, config));
    expect(process.exitCode).toBe(before);
    expect(result?.targets[0]?.unitsOut).toBeGreaterThan(SECONDS * 60);
    expect((JSON.parse(stdout) as PublishReport).targets[0]?.address).toBe(url().replace('/key', ''));
    const nobody = url().replace(/:\d+\//, ':1/');
    const failed = await captureOutput(() => PublishRtmp.run([folder.file('clip.flv'), nobody], config));
    expect(failed.error?.oclif?.exit).toBe(5);
    await captureOutput(() => PublishRtmp.run([folder.file('clip.flv'), url(), nobody], config));
    expect(process.exitCode).toBe(5);
    process.exitCode = before;
  });
});
