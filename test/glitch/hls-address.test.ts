import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Config } from '@oclif/core';
import { captureOutput } from '@oclif/test';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import AnalyzeGlitch from '../../commands/analyze-glitch.js';
import { DestinationError, MalformedMediaError, UnsupportedMediaError } from '../../src/base/errors.js';
import { openLive } from '../../src/glitch/capture/live-address.js';
import type { GlitchReport } from '../../src/glitch/analyse.js';
import type { Finding } from '../../src/glitch/finding.js';
import { Origin } from '../../src/origin/origin.js';
import { concatenate, makeClip, readUnits } from '../container/mp4-media.js';
import { LiveSource } from '../origin/live-source.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';
import { watchAddress } from './watch-address.js';

const CLIP_SECONDS = 3;
const PICTURES = 25 * CLIP_SECONDS;
/** So much of a stream has come when something is done to it. */
const EVENTS_BEFORE = 60;
const timeKinds: readonly string[] = ['pts-gap', 'pts-overlap', 'pts-backwards', 'av-skew'];
/** Sound of the clip ends within two AAC frames of its pictures: so much it steps where clips are put together. */
const JOIN_STEP_MS = 43;
/** Times of TS wrap within the clip: so much before 2^33 / 90 kHz it begins, in seconds. */
const BEFORE_WRAP = 1.5;
const WRAP_SECONDS = 2 ** 33 / 90_000;

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('glitch-hls');
  const clip = makeClip(folder.file('clip.mp4'), { seconds: CLIP_SECONDS, bFrames: 2 });
  const larger = makeClip(folder.file('larger.mp4'), { seconds: CLIP_SECONDS, size: '640x360' });
  await segment(clip, 'fmp4');
  await segment(clip, 'mpegts');
  await segment(larger, 'fmp4', 'larger');
  const offset = String(WRAP_SECONDS - BEFORE_WRAP);
  await segment(clip, 'mpegts', 'wrapping', ['-output_ts_offset', offset]);
});
afterAll(() => folder.close());

/** A playlist of what a real segmenter makes of a clip, in segments of a second. */
function segment(
  clip: string,
  type: 'fmp4' | 'mpegts',
  name: string = type,
  more: readonly string[] = [],
): Promise<unknown> {
  return Program.run('ffmpeg', [
    ...[
      '-v',
      'error',
      '-i',
      clip,
      '-c',
      'copy',
      ...more,
      '-f',
      'hls',
      '-hls_time',
      '1',
      '-hls_list_size',
      '0',
    ],
    ...['-hls_segment_type', type, '-hls_fmp4_init_filename', `${name}-init.mp4`],
    ...['-hls_segment_filename', folder.file(`${name}-%d.seg`), folder.file(`${name}.m3u8`)],
  ]);
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(answer: (path: string, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => answer(request.url ?? '', response));
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves the folder, and playlists of the test's own: a text, or one text after the other and then the last. */
async function serve(playlists: Readonly<Record<string, readonly string[]>> = {}): Promise<string> {
  const asked = new Map<string, number>();
  return listen((path, response) => {
    const own = playlists[path.slice(1)];
    const turn = asked.get(path) ?? 0;
    asked.set(path, turn + 1);
    if (own !== undefined) response.end(own[Math.min(turn, own.length - 1)]);
    else {
      readFile(folder.file(path.slice(1))).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    }
  });
}

/** Steps of times that were found. */
const stepsMs = (findings: readonly Finding[]): number[] =>
  findings.filter(({ kind }) => timeKinds.includes(kind)).map(({ measured }) => Number(measured['stepMs']));

const written = (name: string): Promise<string> => readFile(folder.file(name), 'utf8');

describe('an HLS address', () => {
  it.each(['fmp4', 'mpegts', 'wrapping'])(
    'with segments of %s is read to its end, without a step at their joins',
    async (kind) => {
      const { summary, findings, damage } = await watchAddress(`${await serve()}/${kind}.m3u8`);
      expect(summary.video?.units).toBe(PICTURES);
      expect(summary.audio).toMatchObject({ codec: 'aac', sampleRate: 48_000 });
      expect(damage).toEqual([]);
      expect(findings.filter(({ kind }) => timeKinds.includes(kind))).toEqual([]);
    },
  );

  it('with a segment that is not to be had has that told, and the hole in its times', async () => {
    const text = await written('fmp4.m3u8');
    const base = await serve({
      'lost.m3u8': [text.replace('fmp4-1.seg', 'nowhere.seg')],
      'gap.m3u8': [text.replace(/(#EXTINF.*\n)(fmp4-1.seg)/, '#EXT-X-GAP\n$1$2')],
    });
    for (const [name, problem] of [
      ['lost', /^segment 1 could not be loaded: .* status 404/],
      ['gap', /^segment 1 is missing at the server/],
    ] as const) {
      const { summary, findings, damage } = await watchAddress(`${base}/${name}.m3u8`);
      expect(summary.video?.units).toBe(PICTURES - 25);
      expect(damage).toMatchObject([{ measured: { problem: expect.stringMatching(problem) as string } }]);
      expect(findings.some(({ kind }) => kind === 'pts-gap')).toBe(true);
    }
  });

  it('puts times together where a discontinuity is marked, and only there', async () => {
    const text = await written('fmp4.m3u8');
    const [, segments = ''] = /(#EXTINF[^]*)#EXT-X-ENDLIST/.exec(text) ?? [];
    const again = (join: string): string =>
      text.replace('#EXT-X-ENDLIST', `${join}${segments}#EXT-X-ENDLIST`);
    const base = await serve({ 'marked.m3u8': [again('#EXT-X-DISCONTINUITY\n')], 'bare.m3u8': [again('')] });
    const marked = await watchAddress(`${base}/marked.m3u8`);
    expect(marked.summary.video?.units).toBe(2 * PICTURES);
    expect(marked.summary.durationMs).toBeGreaterThan(2000 * CLIP_SECONDS - 100);
    expect(stepsMs(marked.findings).filter((ms) => Math.abs(ms) > JOIN_STEP_MS)).toEqual([]);
    const bare = await watchAddress(`${base}/bare.m3u8`);
    expect(bare.findings.some(({ kind }) => kind === 'pts-backwards')).toBe(true);
  });

  it('goes on over a discontinuity with another initialisation section, whose change is told', async () => {
    const [text, larger] = await Promise.all([written('fmp4.m3u8'), written('larger.m3u8')]);
    const [, second = ''] = /(#EXT-X-MAP[^]*)/.exec(larger) ?? [];
    const both = text.replace('#EXT-X-ENDLIST', `#EXT-X-DISCONTINUITY\n${second}`);
    const { summary, findings, damage } = await watchAddress(
      `${await serve({ 'both.m3u8': [both] })}/both.m3u8`,
    );
    expect(summary.video?.units).toBe(2 * PICTURES);
    expect(damage).toEqual([]);
    expect(findings.filter(({ kind }) => kind === 'resolution-change')).toMatchObject([{ unit: PICTURES }]);
    expect(stepsMs(findings).filter((ms) => Math.abs(ms) > JOIN_STEP_MS)).toEqual([]);
  });

  it('that has ended is taken no longer than was asked for', async () => {
    const { summary } = await watchAddress(`${await serve()}/fmp4.m3u8`, { durationMs: 1500 });
    expect(summary.video?.units).toBe(50);
  });

  it('whose segments are none of them there has that told, and what came before is analysed', async () => {
    const text = await written('fmp4.m3u8');
    const absent = Array.from({ length: 50 }, (_, at) => `#EXTINF:1,\nabsent-${at}.seg\n`).join('');
    const [head = '', segments = ''] = text.split(/(?<=init.mp4"\n)/);
    const base = await serve({
      'none.m3u8': [`${head}${absent}#EXT-X-ENDLIST`],
      'left.m3u8': [`${head}${segments.replace('#EXT-X-ENDLIST', absent)}#EXT-X-ENDLIST`],
    });
    await expect(watchAddress(`${base}/none.m3u8`)).rejects.toThrow(
      /absent-4.seg: expected media, got status 404/,
    );
    const { summary, damage } = await watchAddress(`${base}/left.m3u8`);
    expect(summary.video?.units).toBe(PICTURES);
    expect(damage.map(({ measured }) => measured['problem'])).toEqual([
      expect.stringMatching(/^segment 3 could not be loaded/),
      'the address stopped sending',
    ]);
  });

  it('whose playlist leaves segments behind has that told', async () => {
    const text = await written('fmp4.m3u8');
    const [head = ''] = /^[^]*?(?=#EXTINF)/.exec(text) ?? [];
    const segment = (index: number): string => `#EXTINF:1,\nfmp4-${index}.seg\n`;
    const later = head.replace(/MEDIA-SEQUENCE:0/, 'MEDIA-SEQUENCE:2');
    const base = await serve({
      'live.m3u8': [head + segment(0), `${later}${segment(2)}#EXT-X-ENDLIST\n`],
    });
    const { damage, summary } = await watchAddress(`${base}/live.m3u8`);
    expect(summary.video?.units).toBe(PICTURES - 25);
    expect(damage).toMatchObject([
      { measured: { problem: 'segments 1 to 1 were gone from the playlist before they could be read' } },
    ]);
  });

  it('of a multivariant playlist is that of the variant with the most bits', async () => {
    const variant = (bits: number, uri: string, more = ''): string =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${bits}${more}\n${uri}\n`;
    const sound = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="sound.m3u8"\n';
    const base = await serve({
      'best.m3u8': [`#EXTM3U\n${variant(1000, 'nowhere.m3u8')}${variant(9000, 'fmp4.m3u8')}`],
      'apart.m3u8': [`#EXTM3U\n${sound}${variant(9000, 'fmp4.m3u8', ',AUDIO="a"')}`],
      'locked.m3u8': ['#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n'],
      'none.m3u8': ['<html></html>'],
    });
    const best = await openLive(`${base}/best.m3u8`);
    expect(best.variant).toEqual({ address: `${base}/fmp4.m3u8`, bandwidthBps: 9000, of: 2 });
    await best.close();
    const { summary } = await watchAddress(`${base}/best.m3u8`);
    expect(summary.video?.units).toBe(PICTURES);
    await expect(openLive(`${base}/apart.m3u8`)).rejects.toThrow(/sound in a playlist of its own/);
    await expect(openLive(`${base}/locked.m3u8`)).rejects.toThrow(UnsupportedMediaError);
    await expect(openLive(`${base}/none.m3u8`)).rejects.toThrow(MalformedMediaError);
  });

  it('with segments of other kinds is refused, and what is supported told', async () => {
    await segment(folder.file('clip.mp4'), 'mpegts', 'mp2', ['-c:a', 'mp2']);
    const text = await written('mpegts.m3u8');
    const base = await serve({ 'flv.m3u8': [text.replaceAll(/.*\.seg/g, 'clip.flv')] });
    await writeFile(folder.file('clip.flv'), Buffer.from('FLV\x01 is not HLS'));
    const refused = watchAddress(`${base}/flv.m3u8`);
    await expect(refused).rejects.toThrow(UnsupportedMediaError);
    await expect(refused).rejects.toThrow(/neither fragmented MP4 nor TS/);
    await expect(watchAddress(`${base}/mp2.m3u8`)).rejects.toThrow(/something else than H.264 and AAC/);
  });

  it('is watched by the command, findings told as they come', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const text = await written('fmp4.m3u8');
    const base = await serve({ 'lost.m3u8': [text.replace('fmp4-1.seg', 'nowhere.seg')] });
    const args = [`${base}/lost.m3u8`, '--watch', '--duration', '60', '--json'];
    const { result, stderr } = await captureOutput<GlitchReport>(() => AnalyzeGlitch.run(args, config));
    expect(result).toMatchObject({ format: 'hls', rewritten: false });
    expect(result?.counts['damaged-frame']).toBe(1);
    expect(stderr).toContain('damaged-frame major');
    expect(stderr).toContain('pts-gap major');
  });

  it('that never starts, refuses or is not there is the destination’s failure', async () => {
    const base = await serve({ 'empty.m3u8': ['#EXTM3U\n#EXT-X-TARGETDURATION:1\n'] });
    await expect(watchAddress(`${base}/empty.m3u8`, { silenceMs: 500 })).rejects.toThrow(/never started/);
    await expect(watchAddress(`${base}/nothing.m3u8`)).rejects.toThrow(/status 404/);
    await expect(watchAddress('http://127.0.0.1:1/live.m3u8')).rejects.toThrow(/cannot be reached/);
    const silent = await listen(() => undefined);
    await expect(watchAddress(`${silent}/live.m3u8`, { silenceMs: 300 })).rejects.toThrow(DestinationError);
  });
});

describe('the origin’s HLS', () => {
  let origin: Origin;
  let source: LiveSource;

  /**
   * Its pictures change their size once: the playlist changes its initialisation section.
   *
   * @param lingerMs how long a program stays on air without its publisher
   */
  async function onAir(lingerMs: number): Promise<string> {
    const clips = [
      makeClip(folder.file('plain.mp4')),
      makeClip(folder.file('wide.mp4'), { size: '640x360' }),
    ];
    const program = concatenate(await Promise.all(clips.map(readUnits)));
    origin = await Origin.open({ host: '127.0.0.1', rtmpPort: 0, segmentMs: 1000, lingerMs });
    const server = createServer((request, response) => {
      if (!origin.handle(request, response)) response.writeHead(404).end();
    });
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    source = await LiveSource.open(origin.rtmpUrl('show'), program);
    const first = (): Promise<boolean> =>
      fetch(`${base}/live/show/media.m3u8`).then(async (response) =>
        (await response.text()).includes('#EXTINF'),
      );
    await waitFor('the first segment', first);
    return `${base}/live/show/index.m3u8`;
  }
  afterEach(async () => {
    await source.close();
    await origin.close();
  });

  it('is followed live until it ends, through a change of its pictures', async () => {
    const address = await onAir(300);
    void source.finished.then(() => source.close());
    const { summary, damage, findings } = await watchAddress(address);
    expect(summary.durationMs).toBeGreaterThan(3000);
    expect(summary.audio?.codec).toBe('aac');
    expect(damage).toEqual([]);
    expect(findings.filter(({ kind }) => timeKinds.includes(kind))).toEqual([]);
    expect(findings.filter(({ kind }) => kind === 'resolution-change')).toMatchObject([{ medium: 'video' }]);
  });

  it('that has nothing new any more has what came analysed and that told', async () => {
    const address = await onAir(60_000);
    const { damage, summary } = await watchAddress(
      address,
      { silenceMs: 2500 },
      {
        after: EVENTS_BEFORE,
        act: () => source.vanish(),
      },
    );
    expect(summary.audio?.units).toBeGreaterThan(0);
    expect(damage).toMatchObject([{ measured: { problem: 'the address stopped sending' } }]);
  });
});
