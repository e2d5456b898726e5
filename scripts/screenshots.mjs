// Makes the README's screenshots anew: docs/images/*.png, from the demo running on this machine and a report on a sample.
// Needs a build (`npm run build`) and Debian's chromium and ffmpeg. Usage: node scripts/screenshots.mjs
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { createLogger } from '../dist/src/base/logger.js';
import { runDemo } from '../dist/src/demo/demo.js';
import { RtmpServer } from '../dist/src/rtmp/rtmp-server.js';
import { AnchorServer } from '../dist/src/serve/server.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const images = join(root, 'docs/images');
const viewport = { width: 1440, height: 900 };
/** So that a page of the repository stays quick to load. */
const MAX_BYTES = 200_000;
/** Live for a moment, then collab for long enough to be looked at. */
const timing = { liveMs: 4_000, collabMs: 120_000 };
const ROUND_MS = 60_000;
/** One a second: enough for curves that show something. */
const LEAST_SAMPLES = 30;

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
  await measured(watch);
  await shoot(watch, 'watch', { fullPage: true });
  await watch.goto(baseUrl);
  await collab(watch);
  await shoot(watch, 'dashboard');

  const page = join(folder, 'report.html');
  const command = ['bin/run.js', 'analyze-glitch', 'samples/glitchy.flv', '--html', page];
  execFileSync(process.execPath, command, { cwd: root, stdio: 'ignore' });
  const report = await context.newPage();
  await report.emulateMedia({ colorScheme: 'dark' });
  await report.goto(pathToFileURL(page).href);
  await shoot(report, 'report');
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
  await until(page, moving, `${selector} plays`);
}

/** Until the statistics of the watch page have filled. */
async function measured(page) {
  const drawn = `(() => { const curve = document.querySelector('.statistics polyline');
    return curve !== null && curve.points.length >= ${LEAST_SAMPLES}; })()`;
  await until(page, drawn, `${LEAST_SAMPLES} samples are drawn`);
}

/** Not waitForFunction: the pages' own policy forbids its eval. */
async function until(page, condition, what) {
  const deadline = Date.now() + ROUND_MS;
  while (!(await page.evaluate(condition))) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await page.waitForTimeout(100);
  }
}

/** @throws Error when the picture is too large for the README */
async function shoot(page, name, options) {
  const path = join(images, `${name}.png`);
  await page.waitForSelector('.toasts .notice', { state: 'detached' });
  const full = join(folder, `${name}.png`);
  await page.screenshot({ path: full, animations: 'disabled', ...options });
  // 256 colours are plenty for flat panels and drawn people, and a third of the bytes.
  const palette = 'split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none';
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', full, '-vf', palette, path]);
  const { size } = await stat(path);
  process.stderr.write(`${name}.png ${Math.round(size / 1024)} KB\n`);
  if (size > MAX_BYTES) throw new Error(`${path}: ${size} bytes, expected at most ${MAX_BYTES}`);
}
