import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { captureOutput } from '@oclif/test';
import { Config } from '@oclif/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import AnalyzeGlitch from '../../commands/analyze-glitch.js';
import { DestinationError, InvalidOptionError, MalformedMediaError } from '../../src/base/errors.js';
import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import { openCapture } from '../../src/glitch/capture/open.js';
import type { CaptureSummary } from '../../src/glitch/analysis.js';
import type { GlitchReport } from '../../src/glitch/analyse.js';
import type { Finding } from '../../src/glitch/finding.js';
import { writeWav } from '../../src/container/wav/wav.js';
import { adtsFrame } from '../../src/container/adts/adts.js';
import { sine } from '../libav/signal.js';
import { aacClip } from '../mix/clips.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { watchAddress } from './watch-address.js';

const RATE = 48_000;
let folder: TempDir;
let flv: Buffer;
const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;

beforeAll(async () => {
  folder = await TempDir.open('glitch');
  flv = await readFile(sample('show.flv'));
});
afterAll(() => folder.close());

async function look(path: string): Promise<{ findings: Finding[]; summary: CaptureSummary; format: string }> {
  const capture = await openCapture(path);
  const findings: Finding[] = [];
  try {
    const summary = await analyseCapture(capture, {
      pictures: false,
      onFinding: (finding) => findings.push(finding),
    });
    return { findings, summary, format: capture.format };
  } finally {
    await capture.close();
  }
}

async function file(name: string, bytes: Buffer): Promise<string> {
  const path = folder.file(name);
  await writeFile(path, bytes);
  return path;
}

describe('an input', () => {
  it('is what its bytes say, not its name', async () => {
    const wav = writeWav({ sampleRate: RATE, pts: 0, channels: [sine(RATE, 440, RATE)] });
    expect((await look(await file('a.mp4', wav))).format).toBe('wav');
    expect((await look(await file('b.wav', flv))).format).toBe('flv');
  });

  it('that does not exist, is a folder or is empty is refused by name', async () => {
    await expect(openCapture(folder.file('none.flv'))).rejects.toThrow(InvalidOptionError);
    await expect(openCapture(folder.path)).rejects.toThrow(InvalidOptionError);
    await expect(openCapture(await file('empty.flv', Buffer.alloc(0)))).rejects.toThrow(
      /empty\.flv: is empty/,
    );
  });

  it('of random bytes is refused', async () => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) & 0xff));
    await expect(look(await file('noise.flv', bytes))).rejects.toMatchObject({
      exitCode: expect.any(Number) as number,
    });
  });

  it('with a head and nothing else is refused', async () => {
    await expect(look(await file('head.flv', flv.subarray(0, 13)))).rejects.toThrow(MalformedMediaError);
  });

  it('cut off within a tag is analysed up to there, and the cut is told with its place', async () => {
    const { findings, summary } = await look(await file('cut.flv', flv.subarray(0, flv.length >> 1)));
    expect(summary.durationMs).toBeGreaterThan(2000);
    const cut = findings.filter(({ kind }) => kind === 'damaged-frame');
    expect(cut).toMatchObject([{ severity: 'major', measured: { problem: 'the input ends within a tag' } }]);
    expect(cut[0]!.byteOffset).toBeLessThan(flv.length >> 1);
    expect(cut[0]!.byteOffset).toBeGreaterThan((flv.length >> 1) - 100_000);
  });

  it('with a tag overwritten by other bytes is analysed up to there', async () => {
    const bytes = Buffer.from(flv);
    bytes.fill(0x5a, flv.length >> 1, (flv.length >> 1) + 60_000);
    const { findings } = await look(await file('holed.flv', bytes));
    expect(findings.some(({ kind, severity }) => kind === 'damaged-frame' && severity === 'major')).toBe(
      true,
    );
  });

  it('in ADTS with garbage between frames has it told, with its length, and goes on', async () => {
    const frames = aacClip(sine(3 * RATE, 440, RATE)).map(adtsFrame);
    const garbage = Buffer.alloc(777, 0x31);
    const at = 60;
    const bytes = Buffer.concat([...frames.slice(0, at), garbage, ...frames.slice(at)]);
    const { findings, summary } = await look(await file('garbage.aac', bytes));
    expect(summary.audio?.units).toBe(frames.length);
    const before = frames.slice(0, at).reduce((sum, frame) => sum + frame.length, 0);
    expect(findings.filter(({ kind }) => kind === 'damaged-frame')).toMatchObject([
      { byteOffset: before, measured: { bytes: 777 } },
    ]);
  });

  it('tells the byte where a frame begins', async () => {
    const { findings } = await look(await file('lost.flv', withoutAudio(flv, { from: 100, count: 4 })));
    const gap = findings.find(({ kind, medium }) => kind === 'pts-gap' && medium === 'audio');
    expect(gap).toBeDefined();
    const bytes = await readFile(folder.file('lost.flv'));
    // Tag type 8 is audio.
    expect(bytes[gap!.byteOffset!]).toBe(8);
  });

  it('of sound alone or pictures alone is analysed', async () => {
    await Program.run('ffmpeg', [
      '-v',
      'error',
      '-i',
      sample('show.mp4'),
      '-an',
      '-c',
      'copy',
      folder.file('video.mp4'),
    ]);
    await Program.run('ffmpeg', [
      '-v',
      'error',
      '-i',
      sample('show.mp4'),
      '-vn',
      '-c',
      'copy',
      folder.file('audio.m4a'),
    ]);
    expect((await look(folder.file('video.mp4'))).summary).toMatchObject({
      audio: undefined,
      video: { units: 240 },
    });
    expect((await look(folder.file('audio.m4a'))).summary).toMatchObject({
      video: undefined,
      audio: { codec: 'aac' },
    });
  });

  it('with a track that holds nothing is analysed by the other one; with none that does it is refused', async () => {
    // Fragmented: other MP4 leaves such tracks out.
    const output = (name: string, limit: readonly string[]): string[] => [
      ...['-v', 'error', '-i', sample('show.mp4'), '-c', 'copy', ...limit],
      ...['-movflags', 'empty_moov+frag_keyframe', folder.file(name)],
    ];
    await Program.run('ffmpeg', output('no-sound.mp4', ['-frames:a', '0']));
    await Program.run('ffmpeg', output('nothing.mp4', ['-frames:a', '0', '-frames:v', '0']));
    for (const name of ['no-sound.mp4', 'nothing.mp4']) {
      const { stdout } = await Program.run('ffprobe', [
        ...['-v', 'error', '-show_entries', 'stream=codec_type', '-of', 'csv=p=0', folder.file(name)],
      ]);
      expect(stdout.toString().trim().split('\n')).toEqual(['video', 'audio']);
    }
    const { findings, summary } = await look(folder.file('no-sound.mp4'));
    expect(summary).toMatchObject({ audio: undefined, video: { units: 240 } });
    expect(findings).toEqual([]);
    const nothing = look(folder.file('nothing.mp4'));
    await expect(nothing).rejects.toThrow(MalformedMediaError);
    await expect(nothing).rejects.toThrow(/neither pictures nor sound/);
  });

  it('of another kind is brought in by ffmpeg, and its byte offsets are unknown', async () => {
    await Program.run('ffmpeg', [
      ...['-v', 'error', '-i', sample('show.mp4'), '-t', '2', '-c:v', 'copy', '-c:a', 'copy'],
      folder.file('show.mkv'),
    ]);
    const temporary = folder.file('temporary');
    await mkdir(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const capture = await openCapture(folder.file('show.mkv'));
    vi.unstubAllEnvs();
    expect(capture).toMatchObject({ format: 'mp4', rewritten: true });
    // Whoever kills the analysis from now on has nothing to clear away.
    expect(await readdir(temporary)).toEqual([]);
    for await (const event of capture.events()) {
      if (event.type === 'audio') expect(event.place.byteOffset).toBeUndefined();
    }
    await capture.close();
  });
});

/** The FLV without some of its audio frames. */
function withoutAudio(bytes: Buffer, { from, count }: { from: number; count: number }): Buffer {
  const kept = [bytes.subarray(0, 13)];
  for (let at = 13, audio = 0; at + 15 <= bytes.length;) {
    const size = 15 + bytes.readUIntBE(at + 1, 3);
    const isDropped = bytes[at] === 8 && audio++ >= from && audio <= from + count;
    if (!isDropped) kept.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Buffer.concat(kept);
}

describe('an HTTP-FLV address', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(answer: (response: ServerResponse) => void): Promise<string> {
    const server = createServer((_, response) => answer(response));
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/live.flv`;
  }

  /** @param silenceMs short only where silence is what is waited for */
  async function watch(address: string, silenceMs = 5000): Promise<Finding[]> {
    return [...(await watchAddress(address, { silenceMs })).findings];
  }

  it('that ends is analysed like a file', async () => {
    const findings = await watch(await serve((response) => response.end(flv)));
    expect(findings.filter(({ kind }) => kind === 'damaged-frame')).toEqual([]);
  });

  it('that stalls has what came analysed, and the stall told', async () => {
    const findings = await watch(
      await serve((response) => void response.write(flv.subarray(0, flv.length >> 1))),
      1000,
    );
    const damage = findings.find(({ kind }) => kind === 'damaged-frame');
    expect(damage?.measured).toMatchObject({ problem: 'the address stopped sending' });
  });

  it('that drops the connection has that told', async () => {
    const address = await serve((response) => {
      response.write(flv.subarray(0, flv.length >> 1), () => response.destroy());
    });
    expect((await watch(address)).some(({ kind }) => kind === 'damaged-frame')).toBe(true);
  });

  it('that never starts, refuses or is not there is the destination’s failure', async () => {
    await expect(watch(await serve((response) => response.writeHead(404).end()))).rejects.toThrow(
      /status 404/,
    );
    await expect(watch(await serve(() => undefined), 300)).rejects.toThrow(DestinationError);
    await expect(
      watch(await serve((response) => void response.writeHead(200).flushHeaders()), 300),
    ).rejects.toThrow(DestinationError);
    await expect(watch('http://127.0.0.1:1/live.flv')).rejects.toThrow(/cannot be reached/);
  });
});

describe('analyze-glitch', () => {
  it('prints a report as JSON and ends with 20 when --fail-on finds something', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const before = process.exitCode;
    const path = await file('lost-too.flv', withoutAudio(flv, { from: 100, count: 4 }));
    const args = [path, '--no-pictures', '--json', '--fail-on', 'major'];
    const { result, stdout } = await captureOutput<GlitchReport>(() => AnalyzeGlitch.run(args, config));
    expect(process.exitCode).toBe(20);
    process.exitCode = before;
    expect(result?.counts['pts-gap']).toBe(1);
    expect(result?.findings[0]).toMatchObject({ severity: 'major' });
    expect((JSON.parse(stdout) as GlitchReport).summary.audio?.codec).toBe('aac');
    const table = await captureOutput(() =>
      AnalyzeGlitch.run([path, '--no-pictures', '--least', 'major'], config),
    );
    expect(table.stdout).toContain('pts-gap');
    expect(process.exitCode).toBe(before);
    const none = await captureOutput(() => AnalyzeGlitch.run([folder.file('no-such.flv')], config));
    expect(none.error?.oclif?.exit).toBe(2);
    expect(process.exitCode).toBe(before);
  });
});
