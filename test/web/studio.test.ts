import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParticipantView } from '../../src/serve/room-api.js';
import { Show, smallPictures, streamKey } from '../e2e/show.js';
import { Chromium } from '../peers/chromium.js';
import { freeTcpPort } from '../peers/free-port.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import { waitFor } from '../peers/wait-for.js';

/** Software encoding and decoding of several streams on a busy machine. */
const MEDIA_TIMEOUT_MS = 30_000;
/** Chromium's second fake camera is a depth sensor, without pictures to send: the third is taken instead. */
const flags = [
  '--use-fake-device-for-media-stream=device-count=3',
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
];

/** One show, in the order of a real one: each test goes on where the one before stopped. */
describe('the studio, while live', () => {
  let show: Show;
  let browser: Chromium;
  let studio: Page;
  let guest: Page;

  beforeAll(async () => {
    show = await Show.open({ settings: { ...smallPictures, fps: 15, videoBitrateBps: 500_000 } });
    await show.room.removeTarget(show.room.view().targets[0]?.id ?? '');
    browser = show.closing(await Chromium.open({ flags }));
    studio = await openStudio();
    await studio.click('.golive');
    await show.onAir('relay', MEDIA_TIMEOUT_MS);
    guest = await browser.page(`${show.baseUrl}/join/show#token=${await invite()}`);
    await guest.fill('input[autocomplete=name]', 'Ada');
    await guest.click('button[type=submit]');
    await studio.click('li.waiting button:has-text("Accept")');
    await waitFor('the guest to send', () => guestView()?.stats?.width);
  }, 90_000);
  afterAll(() => show.close());

  const participant = (role: 'host' | 'guest'): ParticipantView | undefined =>
    show.room.view().participants.find((one) => one.role === role);
  const guestView = (): ParticipantView | undefined => participant('guest');

  async function openStudio(): Promise<Page> {
    const page = await browser.page(`${show.baseUrl}/studio/show#key=${show.hostKey}`);
    page.on('dialog', (dialog) => void dialog.accept());
    return page;
  }

  async function invite(): Promise<string> {
    const response = await fetch(`${show.baseUrl}/api/v1/rooms/show/invites`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${show.hostKey}` },
      body: '{}',
    });
    return ((await response.json()) as { token: string }).token;
  }

  it('records, shows for how long, and stops', async () => {
    await studio.click('button:has-text("Record")');
    const running = '.controls button.danger:has-text("0:")';
    await studio.waitForSelector(running);
    await waitFor('bytes in the recording', () => show.room.view().recording.bytes > 10_000);
    await studio.click(running);
    await studio.waitForSelector('button:has-text("Record")');
    await waitFor('the recording to end', () => show.room.view().recording.state === 'off');
    expect(show.room.view().recording).toMatchObject({ lastError: null });
  });

  it('sends to a real RTMP server entered in the form, shows it live, and takes it off', async () => {
    await using cdn = await NginxRtmp.open();
    await studio.click('[aria-label=Targets] button:has-text("Add")');
    await studio.fill('[aria-label=Targets] input[placeholder^="rtmp"]', `rtmp://127.0.0.1:${cdn.port}/live`);
    await studio.fill('[aria-label=Targets] input[type=password]', streamKey);
    await studio.fill('[aria-label=Targets] input[placeholder="Main channel"]', 'Nginx');
    await studio.click('text=Add target');
    await studio.waitForSelector('.target-list .dot.good');
    expect(await studio.textContent('.target-list')).not.toContain(streamKey);
    await cdn.published(streamKey);
    await studio.waitForSelector('.target-list li:has-text("sent")');
    await studio.click('[aria-label="Remove Nginx"]');
    await waitFor('nginx to be told', () => cdn.publishesOf(streamKey)[0]?.ended);
    await studio.waitForSelector('.target-list li', { state: 'detached' });
  });

  it('tells what is wrong with a target', async () => {
    await studio.click('[aria-label=Targets] button:has-text("Add")');
    await studio.fill('[aria-label=Targets] input[placeholder^="rtmp"]', 'rtmp://127.0.0.1');
    await studio.click('text=Add target');
    await studio.waitForSelector('[aria-label=Targets] .notice');
    await studio.click('[aria-label=Targets] button:has-text("Close")');
  });

  it('tells why a target is not reached, and what to look at', async () => {
    const { id } = await show.room.addTarget({ url: `rtmp://127.0.0.1:${await freeTcpPort()}/live/key` });
    const trouble = studio.locator('.target-list .problem');
    await trouble.waitFor();
    const said = await trouble.textContent();
    expect(said).toMatch(/^Connection refused \(ECONNREFUSED\)\. Is the server running/);
    expect(said).not.toContain('stream key');
    await show.room.removeTarget(id);
    await studio.waitForSelector('.target-list li', { state: 'detached' });
  });

  it('sets gain and mute of a guest, who is told of it', async () => {
    const slider = studio.locator('li:has-text("Ada") input[type=range]');
    await slider.focus();
    for (let n = 0; n < 6; n++) await slider.press('ArrowLeft');
    await waitFor('the gain', () => guestView()?.gainDb === -6);
    await studio.waitForSelector('li:has-text("Ada") output:has-text("-6 dB")');
    await studio.click('[aria-label="Mute Ada"]');
    await guest.waitForSelector('text=The host has muted you');
    await studio.click('[aria-label="Unmute Ada"]');
    await guest.waitForSelector('text=The host has muted you', { state: 'detached' });
  });

  it('changes the camera without a new session', async () => {
    const seen = show.events.length;
    const pickers = studio.locator('[aria-label="Camera and microphone"] select');
    const label = `document.querySelector('.strip video').srcObject?.getVideoTracks()[0]?.label ?? ''`;
    const before = await studio.evaluate<string>(label);
    await pickers.first().selectOption({ index: 3 });
    await waitFor('the other camera', async () => (await studio.evaluate<string>(label)) !== before, {
      state: () => before,
    });
    await waitFor('pictures of the other camera', () => (participant('host')?.stats?.fps ?? 0) > 5);
    expect(show.events.slice(seen).filter(({ type }) => type === 'replaced')).toEqual([]);
  });

  it('goes on after a reload: the slate in between, the host’s pictures after it', async () => {
    const startedAt = show.room.view().program.startedAt;
    await studio.reload();
    await waitFor('the host to be gone', () => show.room.view().source === 'slate', {
      timeoutMs: MEDIA_TIMEOUT_MS,
    });
    await show.onAir('relay', MEDIA_TIMEOUT_MS);
    await studio.waitForSelector('text=End stream');
    expect(show.room.view().program.startedAt).toBe(startedAt);
  }, 60_000);

  it('lets a guest back in after a reload, as the same guest', async () => {
    const before = guestView()?.id;
    await guest.reload();
    await guest.waitForSelector('.call');
    await waitFor('the guest to send again', () => guestView()?.publishing === true);
    expect(guestView()?.id).toBe(before);
    expect(guestView()?.gainDb).toBe(-6);
  });

  it('gives way to another window that takes over, and does not fight for the place', async () => {
    const other = await openStudio();
    await other.click('.golive:has-text("Take over")');
    await studio.waitForSelector('text=Sending goes on from elsewhere');
    await other.waitForSelector('.golive:has-text("End stream")');
    const replaced = show.events.filter(({ type }) => type === 'replaced').length;
    // Longer than the first pause of a page that would reconnect.
    const clock = `document.querySelector('.monitor video').currentTime`;
    const until = Number(await other.evaluate(clock)) + 2;
    await waitFor('two seconds of program', async () => Number(await other.evaluate(clock)) > until);
    expect(show.events.filter(({ type }) => type === 'replaced')).toHaveLength(replaced);
    expect(participant('host')?.publishing).toBe(true);
    await other.close();
    await studio.click('.golive:has-text("Go live")');
    await waitFor('the first window to be on air again', () => participant('host')?.publishing === true);
  }, 60_000);

  it('sends a guest away, who is told so', async () => {
    await studio.click('[aria-label="Remove Ada"]');
    await guest.waitForSelector('text=The host ended your visit');
    expect(guestView()).toBeUndefined();
  });

  it('adds a guest by RTMP and copies the key without showing it', async () => {
    await studio.click('[aria-label=Guests] button:has-text("RTMP")');
    await studio.fill('[aria-label=Guests] form input', 'Field crew');
    await studio.click('[aria-label=Guests] form button');
    await studio.waitForSelector('li:has-text("Field crew"):has-text("waiting for RTMP")');
    const key = show.room.streamKeyOf(guestView()?.id ?? '');
    await studio.waitForSelector('text=Copy stream key');
    expect(await studio.textContent('body')).not.toContain(key);
  });

  it('plays by the next way when one fails', async () => {
    const watch = await browser.page('about:blank');
    await watch.route('**/*.m3u8*', (route) => route.abort());
    await watch.goto(`${show.baseUrl}/watch/show`);
    await watch.waitForSelector('[aria-label=Statistics] header:has-text("HTTP-FLV · 6")', {
      timeout: MEDIA_TIMEOUT_MS,
    });
    for (const width of [1440, 768, 390]) {
      await watch.setViewportSize({ width, height: 800 });
      const overflow = await watch.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(overflow, `at ${width}`).toBeLessThanOrEqual(0);
    }
    await watch.close();
  }, 60_000);

  it('ends the program at once when told to', async () => {
    await studio.click('.golive:has-text("End stream")');
    await waitFor('the end', () => show.room.view().state === 'idle');
    await studio.waitForSelector('.golive:has-text("Go live")');
  });
});
