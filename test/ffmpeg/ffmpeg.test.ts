import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CancelledError,
  InvalidOptionError,
  NativeError,
  UnsupportedMediaError,
} from '../../src/base/errors.js';
import { Mp4Reader } from '../../src/container/mp4/reader.js';
import { bringIntoMp4 } from '../../src/ffmpeg/bring-in.js';
import { parseBanner, probeFile } from '../../src/ffmpeg/probe.js';
import { ffmpegPath } from '../../src/ffmpeg/program.js';
import { fileArgument, runFfmpeg } from '../../src/ffmpeg/run.js';

let folder: string;
let webm: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anchornet-ffmpeg-'));
  webm = join(folder, 'a name: with -i odd%03d letters.webm');
  const picture = ['-f', 'lavfi', '-i', 'testsrc=size=161x91:rate=25'];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  const codecs = ['-c:v', 'libvpx', '-c:a', 'libopus', '-b:a', '64k'];
  await runFfmpeg(['-v', 'error', ...picture, ...sound, '-t', '1', ...codecs, fileArgument(webm)]);
});
afterAll(() => rm(folder, { recursive: true }));

describe('the ffmpeg program', () => {
  it('is the bundled one, ready to run', async () => {
    const bundled = await ffmpegPath({});
    expect(bundled).toContain('@ffmpeg-installer');
    expect((await stat(bundled)).mode & 0o111).not.toBe(0);
  });

  it('is the one that FFMPEG_PATH names, which must be there', async () => {
    expect(await ffmpegPath({ FFMPEG_PATH: '/bin/true' })).toBe('/bin/true');
    await expect(ffmpegPath({ FFMPEG_PATH: '/nowhere/ffmpeg' })).rejects.toThrow(
      /FFMPEG_PATH: .*cannot be run/,
    );
  });

  it('quotes the last lines of a failure', async () => {
    const failing = runFfmpeg(['-i', fileArgument(join(folder, 'missing.mp4')), '-f', 'null', '-']);
    await expect(failing).rejects.toThrow(NativeError);
    await expect(failing).rejects.toThrow(/missing\.mp4: No such file or directory/);
  });

  it('takes input by pipe and gives output, up to a bound', async () => {
    const pcm = Buffer.alloc(48_000 * 2);
    const raw = ['-f', 's16le', '-ar', '48000', '-ac', '1'];
    const { stdout } = await runFfmpeg(['-v', 'error', ...raw, '-i', 'pipe:0', ...raw, 'pipe:1'], {
      input: pcm,
    });
    expect(stdout.equals(pcm)).toBe(true);
    const bounded = runFfmpeg([...raw, '-i', 'pipe:0', ...raw, 'pipe:1'], {
      input: pcm,
      maxOutputBytes: 10_000,
    });
    await expect(bounded).rejects.toThrow(/at most 10000 bytes/);
  });

  it('ends with the signal or after its time, even while it reads without end', async () => {
    const endless = ['-re', '-f', 'lavfi', '-i', 'anullsrc', '-f', 'null', '-'];
    const controller = new AbortController();
    const cancelled = runFfmpeg(endless, { signal: controller.signal });
    controller.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    await expect(runFfmpeg(endless, { timeoutMs: 300 })).rejects.toThrow(/longer than 300 ms/);
    await expect(runFfmpeg(endless, { signal: controller.signal })).rejects.toThrow(CancelledError);
  });

  it('never goes to the network, by arguments or by what a file refers to', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = `http://127.0.0.1:${port}/a.ts`;
    await expect(runFfmpeg(['-i', url, '-f', 'null', '-'])).rejects.toThrow(InvalidOptionError);
    const playlist = join(folder, 'list.m3u8');
    await writeFile(playlist, `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${url}\n#EXT-X-ENDLIST\n`);
    await expect(runFfmpeg(['-i', fileArgument(playlist), '-f', 'null', '-'])).rejects.toThrow(NativeError);
    expect(connections).toBe(0);
    await new Promise((closed) => server.close(closed));
  });
});

describe('probing', () => {
  it('tells codecs, sizes, rates and length', async () => {
    const probed = await probeFile(webm);
    expect(probed.format).toContain('webm');
    expect(probed.durationMs).toBeGreaterThan(900);
    expect(probed.streams).toEqual([
      { kind: 'video', codec: 'vp8', width: 161, height: 91, fps: 25 },
      { kind: 'audio', codec: 'opus', sampleRate: 48_000, layout: 'mono' },
    ]);
  });

  it('refuses what is not there and what is not media', async () => {
    await expect(probeFile(join(folder, 'missing.mp4'))).rejects.toThrow(InvalidOptionError);
    const text = join(folder, 'text.mp4');
    await writeFile(text, 'no media in here');
    await expect(probeFile(text)).rejects.toThrow(UnsupportedMediaError);
  });

  it('reads what ffmpeg prints, cover art left out', () => {
    const text = [
      "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mp4':",
      '  Duration: 01:02:03.45, start: 0.000000, bitrate: 2680 kb/s',
      '    Stream #0:0(und): Video: h264 (High) (avc1 / 0x31637661), yuv420p, 1280x720 [SAR 1:1 DAR 16:9], 2500 kb/s, 29.97 fps, 29.97 tbr',
      '    Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, 5.1, fltp, 128 kb/s (default)',
      '    Stream #0:2: Video: mjpeg, yuvj420p, 600x600, 90k tbr (attached pic)',
    ].join('\n');
    expect(parseBanner(text)).toEqual({
      format: 'mov,mp4,m4a,3gp,3g2,mj2',
      durationMs: 3_723_450,
      streams: [
        { kind: 'video', codec: 'h264', width: 1280, height: 720, fps: 29.97 },
        { kind: 'audio', codec: 'aac', sampleRate: 44_100, layout: '5.1' },
      ],
    });
  });
});

describe('bringing a file in', () => {
  it('makes H.264 and AAC of what is something else', async () => {
    const target = join(folder, 'in.mp4');
    await bringIntoMp4(webm, target);
    const reader = await Mp4Reader.open(target);
    expect(reader.tracks.map(({ config }) => config)).toMatchObject([
      { codec: 'h264', width: 160, height: 90 },
      { codec: 'aac', sampleRate: 48_000, channels: 2 },
    ]);
    await reader.close();
  });

  it('copies what is H.264 already, byte by byte', async () => {
    const first = join(folder, 'first.mp4');
    const second = join(folder, 'second.mp4');
    await bringIntoMp4(webm, first);
    await bringIntoMp4(first, second);
    const read = async (path: string) => {
      const reader = await Mp4Reader.open(path);
      const data: Buffer[] = [];
      for await (const unit of reader.units()) data.push(unit.data);
      await reader.close();
      return Buffer.concat(data);
    };
    expect((await read(second)).equals(await read(first))).toBe(true);
  });
});
