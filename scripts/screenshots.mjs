// Makes the README's screenshots anew: docs/images/*.png, from the demo running on this machine.
// Needs a build (`npm run build`) and Debian's chromium and ffmpeg. Usage: node scripts/screenshots.mjs
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createLogger } from '../dist/src/base/logger.js';
import { runDemo } from '../dist/src/demo/demo.js';
import { RtmpServer } from '../dist/src/rtmp/rtmp-server.js';
import { AnchorServer } from '../dist/src/serve/server.js';

const images = fileURLToPath(new URL('../docs/images/', import.meta.url));
const viewport = { width: 1440, height: 900 };
/** So that a page of the repository stays quick to load. */
const MAX_BYTES = 200_000;
/** Live for a moment, then collab for long enough to be looked at. */
const timing = { liveMs: 4_000, collabMs: 60_000 };
const ROUND_MS = 60_000;

const folder = await mkdtemp(join(tmpdir(), 'anchornet-screenshots-'));
await mkdir(images, { recursive: true });
const logger = createLogger('warn');
const server = await AnchorServer.open({ stateFolder: folder, logger });
const room = await server.rooms.create({
  id: 'demo',
  name: 'Evening show',
  settings: { layout: 'side-by-side' },
});
// What stands for a CDN.
const cdn = await RtmpServer.open({ host: '127.0.0.1', port: 0, logger, authorize: () => true });
for (const name of ['Main channel', 'Backup']) {
  await room.addTarget({ name, url: `rtmp://127.0.0.1:${cdn.port}/live/${name.slice(0, 4)}` });
}
const baseUrl = `http://127.0.0.1:${server.httpPort}`;
const stop = new globalThis.AbortController();
const demo = runDemo({
  baseUrl,
  roomId: room.id,
  hostKey: room.secrets().hostKey,
  signal: stop.signal,
  logger,
  ...timing,
});
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--autoplay-policy=no-user-gesture-required',
    // No camera: the desk shows the demo's own people, not the browser's test picture.
    '--deny-permission-prompts',
  ],
});
try {
  const context = await browser.newContext({ viewport });
  const studio = await context.newPage();
  await studio.goto(`${baseUrl}/studio/${room.id}`);
  await collab(studio);
  await playing(studio, '.monitor video');
  await shoot(studio, 'studio');
  await studio.close();

  const watch = await context.newPage();
  await watch.goto(`${baseUrl}/watch/${room.id}`);
  await collab(watch);
  await playing(watch, '.screen video');
  await shoot(watch, 'watch');
  await watch.goto(baseUrl);
  await collab(watch);
  await shoot(watch, 'dashboard');
} finally {
  stop.abort();
  await demo;
  await browser.close();
  await server.close();
  await cdn.close();
  await rm(folder, { recursive: true, force: true });
}

async function collab(page) {
  await page.waitForSelector('.pill.collab', { timeout: ROUND_MS });
}

async function playing(page, selector) {
  const moving = `(() => { const video = document.querySelector('${selector}');
    return video !== null && video.videoWidth > 0 && video.currentTime > 1; })()`;
  const deadline = Date.now() + ROUND_MS;
  // Not waitForFunction: the pages' own policy forbids its eval.
  while (!(await page.evaluate(moving))) {
    if (Date.now() > deadline) throw new Error(`${selector} does not play`);
    await page.waitForTimeout(100);
  }
}

/** @throws Error when the picture is too large for the README */
async function shoot(page, name) {
  const path = join(images, `${name}.png`);
  await page.waitForSelector('.toasts .notice', { state: 'detached' });
  const full = join(folder, `${name}.png`);
  await page.screenshot({ path: full, animations: 'disabled' });
  // 256 colours are plenty for flat panels and drawn people, and a third of the bytes.
  const palette = 'split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none';
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', full, '-vf', palette, path]);
  const { size } = await stat(path);
  process.stderr.write(`${name}.png ${Math.round(size / 1024)} KB\n`);
  if (size > MAX_BYTES) throw new Error(`${path}: ${size} bytes, expected at most ${MAX_BYTES}`);
}
