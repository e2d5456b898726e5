import { execFile } from 'node:child_process';
import { createServer, get, type Server } from 'node:http';
import { promisify } from 'node:util';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FlvDemuxer } from '../../src/container/flv/demuxer.js';
import { DestinationError } from '../../src/base/errors.js';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { Origin } from '../../src/origin/origin.js';
import { RtmpClient } from '../../src/rtmp/rtmp-client.js';
import { concatenate, decodeErrors, makeClip, readUnits } from '../container/mp4-media.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';
import { LiveSource } from './live-source.js';

let folder: TempDir;
let origin: Origin;
let server: Server;
let base: string;
let program: AccessUnit[];
let source: LiveSource;

beforeAll(async () => {
  folder = await TempDir.open('origin');
  const clip = await readUnits(makeClip(folder.file('clip.mp4')));
  const larger = await readUnits(
    makeClip(folder.file('larger.mp4'), { size: '640x360', profile: 'baseline' }),
  );
  program = concatenate(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? clip : larger)));
  origin = await Origin.open({ host: '127.0.0.1', rtmpPort: 0, lingerMs: 300 });
  server = createServer((request, response) => {
    if (!origin.handle(request, response)) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  source = await LiveSource.open(origin.rtmpUrl('show'), program);
  await waitFor('the first segment', async () => (await playlist()).includes('#EXTINF'));
});
afterAll(async () => {
  await source.close();
  await origin.close();
  server.closeAllConnections();
  server.close();
  await folder.close();
});

const fetchText = async (path: string): Promise<string> => (await fetch(base + path)).text();
const playlist = (query = ''): Promise<string> => fetchText(`/live/show/media.m3u8${query}`);

interface Newest {
  readonly msn: number;
  readonly part: number;
}
/** The newest part that a playlist lists. */
function newest(text: string): Newest {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  const blocks = text.split('#EXTINF');
  const parts = blocks.at(-1)?.match(/#EXT-X-PART:/g)?.length ?? 0;
  return { msn: first + blocks.length - 1, part: parts - 1 };
}

test('the multivariant playlist names the codecs and leads to the media playlist', async () => {
  const response = await fetch(`${base}/live/show/index.m3u8`);
  expect(response.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(response.headers.get('cache-control')).toBe('no-cache');
  expect(await response.text()).toMatch(/CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2".*\nmedia\.m3u8/);
});

test('media come with their type, an unchanging name, and the same bytes to HEAD and GET', async () => {
  const text = await playlist();
  const uri = /^(\S+-seg-\d+\.m4s)$/m.exec(text)?.[1] ?? '';
  const head = await fetch(`${base}/live/show/${uri}`, { method: 'HEAD' });
  const whole = await fetch(`${base}/live/show/${uri}`);
  const bytes = await whole.arrayBuffer();
  expect(whole.headers.get('content-type')).toBe('video/mp4');
  expect(whole.headers.get('cache-control')).toContain('immutable');
  expect(Number(head.headers.get('content-length'))).toBe(bytes.byteLength);
  const init = /MAP:URI="([^"]+)"/.exec(text)?.[1] ?? '';
  const path = join(folder.path, 'fetched.mp4');
  writeFileSync(
    path,
    Buffer.concat([
      Buffer.from(await (await fetch(`${base}/live/show/${init}`)).arrayBuffer()),
      Buffer.from(bytes),
    ]),
  );
  expect(decodeErrors(path)).toBe('');
});

test('a blocking reload waits for the part it asks for, and only for that', async () => {
  const { msn, part } = newest(await playlist());
  const started = performance.now();
  const text = await playlist(`?_HLS_msn=${msn}&_HLS_part=${part + 1}`);
  const took = performance.now() - started;
  const now = newest(text);
  expect(now.msn * 100 + now.part).toBeGreaterThan(msn * 100 + part);
  // A part is 400 ms; a server that did not wake for it would answer at its limit of 10 s or repeat the old list.
  expect(took).toBeLessThan(1_500);
});

test('the hinted part can be fetched before it is there', async () => {
  const uri = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(await playlist())?.[1] ?? '';
  const response = await fetch(`${base}/live/show/${uri}`);
  expect(response.status).toBe(200);
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100);
  expect(await playlist()).toContain(uri);
});

test('directives that make no sense are refused', async () => {
  for (const query of ['?_HLS_msn=999999', '?_HLS_part=1', '?_HLS_msn=abc', '?_HLS_msn=-1']) {
    expect((await fetch(`${base}/live/show/media.m3u8${query}`)).status).toBe(400);
  }
});

test('unknown names, files and methods are refused, other paths are left to others', async () => {
  expect((await fetch(`${base}/live/nobody/index.m3u8`)).status).toBe(404);
  expect((await fetch(`${base}/live/nobody.flv`)).status).toBe(404);
  expect((await fetch(`${base}/live/show/secrets.m4s`)).status).toBe(404);
  expect((await fetch(`${base}/live/show.flv`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${base}/live/show.flv`, { method: 'OPTIONS' })).status).toBe(204);
  expect((await fetch(`${base}/live/..%2f..%2fetc/passwd`)).status).toBe(418);
  expect((await fetch(`${base}/other`)).status).toBe(418);
});

test('nobody publishes without the unguessable address', async () => {
  const url = `rtmp://127.0.0.1:${origin.rtmpPort}/live/show`;
  await expect(RtmpClient.connect(url)).rejects.toThrow(DestinationError);
  expect(origin.streams().map((stream) => stream.name)).toEqual(['show']);
});

async function readFlv(untilUnits: number): Promise<AccessUnit[]> {
  const response = await fetch(`${base}/live/show.flv`);
  expect(response.headers.get('content-type')).toBe('video/x-flv');
  const demuxer = new FlvDemuxer();
  const units: AccessUnit[] = [];
  const reader = response.body?.getReader();
  while (reader !== undefined && units.length < untilUnits) {
    const { value, done } = await reader.read();
    if (done) break;
    units.push(...demuxer.push(Buffer.from(value)));
  }
  await reader?.cancel();
  return units;
}

test('an HTTP-FLV viewer starts with an IDR at once and crosses new parameter sets', async () => {
  const started = performance.now();
  const [first] = (await readFlv(1)).filter((unit) => unit.kind === 'video');
  // The cached GOP comes at once; without it the wait would be up to a second.
  expect(performance.now() - started).toBeLessThan(500);
  expect(first?.kind === 'video' && first.isIdr).toBe(true);
  const units = await readFlv(400);
  const widths = new Set(units.flatMap((unit) => (unit.kind === 'video' ? [unit.config.width] : [])));
  expect([...widths].sort()).toEqual([320, 640]);
  let last = -1;
  for (const unit of units) {
    if (unit.kind !== 'video') continue;
    expect(unit.dts).toBeGreaterThan(last);
    last = unit.dts;
  }
});

test('ffmpeg plays the HTTP-FLV stream and the HLS stream without a complaint', async () => {
  for (const path of ['/live/show.flv', '/live/show/index.m3u8']) {
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ffmpeg -v error -t 3 -i "$0" -map 0 -c copy -f null - 2>&1 || echo FAILED',
      base + path,
    ]);
    expect(stdout).toBe('');
  }
});

test('a viewer that does not read is dropped to IDRs and holds nobody up', async () => {
  const fast = await Origin.open({ host: '127.0.0.1', rtmpPort: 0 });
  const http = createServer((request, response) => void fast.handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const big = await readUnits(
    makeClip(folder.file('big.mp4'), {
      size: '1280x720',
      seconds: 3,
      output: ['-crf', '1', '-vf', 'noise=alls=60:allf=t'],
    }),
  );
  // 20 times real time: tens of megabytes in a few seconds, far over a viewer's 4 MB.
  const feed = await LiveSource.open(fast.rtmpUrl('big'), concatenate(Array<AccessUnit[]>(8).fill(big)), 8);
  await waitFor('the stream', () => fast.streams().length === 1);
  const stuck = connect(port, '127.0.0.1');
  stuck.on('error', () => undefined);
  stuck.pause();
  stuck.write('GET /live/big.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  let received = 0;
  const reading = get({ port, host: '127.0.0.1', path: '/live/big.flv' }, (response) => {
    response.on('data', (chunk: Buffer) => (received += chunk.length));
    response.on('error', () => undefined);
  });
  reading.on('error', () => undefined);
  await feed.finished;
  await waitFor('the drop', () => (fast.streams()[0]?.drops ?? 0) > 0, { state: () => fast.streams() });
  await waitFor('the other viewer', () => received > 6_000_000, { state: () => received });
  reading.destroy();
  stuck.destroy();
  await feed.close();
  await fast.close();
  http.closeAllConnections();
  http.close();
});

test('a publisher that comes back within the grace period continues; one that does not ends the stream', async () => {
  const ended: string[] = [];
  origin.on('ended', (name) => ended.push(name));
  const first = await LiveSource.open(origin.rtmpUrl('again'), program.slice(0, 2_000), 4);
  await waitFor('the stream', async () => (await fetchText('/live/again/media.m3u8')).includes('#EXTINF'));
  first.vanish();
  const second = await LiveSource.open(origin.rtmpUrl('again'), program.slice(0, 2_000), 4);
  await waitFor('the second publisher', () => origin.streams().find((one) => one.name === 'again')?.isLive);
  expect(ended).toEqual([]);
  await second.close();
  await waitFor('the end', () => ended.includes('again'));
  expect(await fetchText('/live/again/media.m3u8')).toContain('#EXT-X-ENDLIST');
});
