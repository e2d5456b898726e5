import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { Origin } from '../../src/origin/origin.js';
import { concatenate, makeClip, readUnits } from '../container/mp4-media.js';
import { Chromium } from '../peers/chromium.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';
import { LiveSource } from './live-source.js';

/** What a player page tells: filled in by the page itself. */
interface Watched {
  readonly errors: string[];
  readonly sizes: string[];
  readonly time: number;
  readonly stalls: number;
  readonly latency: number;
}

const shared = `
  const video = document.querySelector('video');
  const watched = (window.watched = { errors: [], sizes: [], stalls: 0 });
  video.addEventListener('resize', () => watched.sizes.push(video.videoWidth + 'x' + video.videoHeight));
  video.addEventListener('error', () => watched.errors.push('video: ' + video.error.message));
  video.addEventListener('waiting', () => watched.stalls++);
  video.muted = true;
  video.autoplay = true;
`;
const pages: Record<string, string> = {
  '/hls': `<video></video><script src="/lib/hls.js/dist/hls.min.js"></script><script>${shared}
    const hls = (window.hls = new Hls({ lowLatencyMode: true }));
    hls.on(Hls.Events.ERROR, (_, data) => watched.errors.push(data.details + (data.fatal ? ' (fatal)' : '')));
    hls.loadSource('/live/show/index.m3u8');
    hls.attachMedia(video);
  </script>`,
  '/flv': `<video></video><script src="/lib/mpegts.js/dist/mpegts.js"></script><script>${shared}
    const player = mpegts.createPlayer({ type: 'flv', isLive: true, url: location.origin + '/live/show.flv' });
    player.on(mpegts.Events.ERROR, (...what) => watched.errors.push(what.slice(0, 2).join(' ')));
    player.attachMediaElement(video);
    player.load();
  </script>`,
};

let folder: TempDir;
let origin: Origin;
let server: Server;
let base: string;
let source: LiveSource;
let chromium: Chromium;

beforeAll(async () => {
  folder = await TempDir.open('players');
  const clip = await readUnits(makeClip(folder.file('clip.mp4')));
  const larger = await readUnits(makeClip(folder.file('larger.mp4'), { size: '640x360', profile: 'high' }));
  // Two clips of one kind, then two of the other: the parameter sets change every six seconds.
  const program = concatenate(
    Array.from({ length: 60 }, (_, index): AccessUnit[] => (index % 4 < 2 ? clip : larger)),
  );
  origin = await Origin.open({ host: '127.0.0.1', rtmpPort: 0 });
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    if (origin.handle(request, response)) return;
    const page = pages[pathname];
    if (page !== undefined) {
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<!doctype html><link rel="icon" href="data:,">${page}`);
    } else if (pathname.startsWith('/lib/')) {
      const file = fileURLToPath(new URL(`../../node_modules/${pathname.slice(5)}`, import.meta.url));
      void readFile(file).then(
        (bytes) => response.writeHead(200, { 'content-type': 'text/javascript' }).end(bytes),
        () => response.writeHead(404).end(),
      );
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  source = await LiveSource.open(origin.rtmpUrl('show'), program);
  chromium = await Chromium.open();
  await waitFor('the first segment', async () => (await fetch(`${base}/live/show/media.m3u8`)).ok);
});
afterAll(async () => {
  await chromium.close();
  await source.close();
  await origin.close();
  server.closeAllConnections();
  server.close();
  await folder.close();
});

function watched(page: Page): Promise<Watched> {
  return page.evaluate(() => {
    const { watched: seen, hls } = window as unknown as {
      watched: Omit<Watched, 'time' | 'latency'>;
      hls?: { latency: number };
    };
    return { ...seen, time: document.querySelector('video')?.currentTime ?? 0, latency: hls?.latency ?? 0 };
  });
}

/** Seconds to be played: more than two changes of parameter sets. */
const WATCHED_S = 14;

test.each(['/hls', '/flv'])(
  'the player at %s goes through changes of parameter sets without an error',
  async (path) => {
    const page = await chromium.page(base + path);
    let state: Watched | undefined;
    await waitFor('the first picture', async () => (state = await watched(page)).sizes.length > 0, {
      state: () => state,
    });
    const { time: start } = await watched(page);
    await waitFor('playback', async () => (state = await watched(page)).time > start + WATCHED_S, {
      timeoutMs: 40_000,
      intervalMs: 200,
      state: () => state,
    });
    const seen = await watched(page);
    expect(seen.errors).toEqual([]);
    expect(seen.sizes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(seen.sizes)).toEqual(new Set(['320x180', '640x360']));
    expect(chromium.errors).toEqual([]);
    await page.close();
  },
  90_000,
);
