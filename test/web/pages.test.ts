import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtPagesFolder } from '../../src/serve/http/pages.js';
import { AnchorServer } from '../../src/serve/server.js';
import { Chromium } from '../peers/chromium.js';
import { TempDir } from '../peers/temp-dir.js';
import { openHttp, type HttpFixture } from '../serve/http-fixture.js';
import { busyRoom } from '../serve/http-room-scenes.js';

/** Software encoding and decoding of several 720p streams on a busy machine. */
const MEDIA_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 240_000;
/** The narrowest phone and the widest screen that the pages are made for. */
const WIDTHS = [360, 1920];

beforeAll(() => {
  if (existsSync(join(builtPagesFolder(), 'dashboard.html'))) return;
  execFileSync(process.execPath, ['scripts/build-web.mjs']);
});

describe('the pages', () => {
  let http: HttpFixture;
  let browser: Chromium;
  beforeAll(async () => {
    http = await openHttp({ adminToken: undefined });
    http.room.state = busyRoom(http.room.state, Date.now());
    browser = await Chromium.open();
  });
  afterAll(async () => {
    await browser.close();
    await http[Symbol.asyncDispose]();
  });

  it(
    'fit phones and wide screens without scrolling sideways, and log no error',
    async () => {
      const { token } = await http.tokens.invite(http.room);
      const pages = [
        ['/', '.room'],
        [`/studio/show#key=${http.room.secrets().hostKey}`, '.studio'],
        [`/join/show#token=${token}`, '.green-room'],
      ] as const;
      for (const [path, content] of pages) {
        const page = await browser.page(http.base + path);
        await page.waitForSelector(content);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 800 });
          const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          expect(overflow, `${path} at ${width}`).toBeLessThanOrEqual(0);
        }
        await page.close();
      }
      expect(browser.errors).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'take the host key out of the address bar and keep it for the tab',
    async () => {
      const page = await browser.page(`${http.base}/studio/show#key=${http.room.secrets().hostKey}`);
      await page.waitForSelector('.studio');
      expect(page.url()).toBe(`${http.base}/studio/show`);
      await page.reload();
      await page.waitForSelector('.studio');
      await page.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'create a room, let a guest in, and change the layout through the API',
    async () => {
      const dashboard = await browser.page(http.base);
      await dashboard.click('text=New room');
      await dashboard.fill('dialog input', 'Late night');
      await dashboard.click('text=Create room');
      await dashboard.waitForSelector('.room h3:text("Late night")');
      expect(http.rooms.get('late-night')).toBeDefined();
      await dashboard.close();

      const studio = await browser.page(`${http.base}/studio/show`);
      await studio.click('li.waiting button:has-text("Accept")');
      await studio.waitForSelector('li.waiting', { state: 'detached' });
      expect(http.room.view().participants.find(({ id }) => id === 'g2')?.state).toBe('accepted');
      await studio.click('[aria-label="Picture in picture"]');
      await studio.waitForSelector('[aria-label="Picture in picture"][aria-checked="true"]');
      expect(http.room.view().layout).toBe('pip');
      await studio.close();
    },
    TEST_TIMEOUT_MS,
  );
});

describe('a show, through the real pages', () => {
  it(
    'goes live, takes a guest on air, and reaches viewers by HLS, HTTP-FLV and WebRTC',
    async () => {
      await using folder = await TempDir.open('pages');
      await using server = await AnchorServer.open({
        httpPort: 0,
        stateFolder: folder.path,
        // Small pictures: the machine encodes for two browsers and decodes for all.
        settings: { width: 640, height: 360, fps: 15, videoBitrateBps: 500_000 },
      });
      await using browser = await Chromium.open();
      const base = `http://127.0.0.1:${server.httpPort}`;
      const room = await server.rooms.create({ id: 'show', name: 'Show' });

      const studio = await browser.page(`${base}/studio/show#key=${room.secrets().hostKey}`);
      await studio.click('.golive');
      await playing(studio, '.monitor video', 1);

      const invite = await fetch(`${base}/api/v1/rooms/show/invites`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${room.secrets().hostKey}` },
        body: '{}',
      });
      const { path } = (await invite.json()) as { path: string };
      const guest = await browser.page(base + path);
      await guest.fill('input[autocomplete=name]', 'Ada');
      await guest.click('button[type=submit]');
      await guest.waitForSelector('text=Waiting for the host');
      await studio.click('li.waiting button:has-text("Accept")');
      await playing(guest, '.people-grid video', 2);
      await playing(studio, '.strip video', 2);

      await studio.click('.segmented button:has-text("Collab")');
      await guest.waitForSelector('text=You are on air', { timeout: MEDIA_TIMEOUT_MS });
      for (const protocol of ['LL-HLS', 'HTTP-FLV', 'WebRTC']) {
        const viewer = await browser.page(`${base}/watch/show`);
        await viewer.click(`.segmented button:has-text("${protocol}")`);
        await playing(viewer, '.screen video', 1);
        await viewer.close();
      }
      await guest.click('text=Leave');
      await guest.waitForSelector('text=You left the room');
      studio.on('dialog', (dialog) => void dialog.accept());
      await studio.click('text=End stream');
      await studio.waitForSelector('.golive.live');
    },
    TEST_TIMEOUT_MS,
  );
});

/** Waits until so many of the videos show pictures that move. */
async function playing(page: Page, selector: string, count: number): Promise<void> {
  const moving = `[...document.querySelectorAll(${JSON.stringify(selector)})]
    .filter((video) => video.videoWidth > 0 && video.currentTime > 0.3).length`;
  await expect.poll(() => page.evaluate(moving), { timeout: MEDIA_TIMEOUT_MS }).toBeGreaterThanOrEqual(count);
}
