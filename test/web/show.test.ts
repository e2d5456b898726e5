import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Aired,
  expectCleanDecoding,
  expectSynchrony,
  expectUnbrokenTimes,
  lipSyncMs,
  pictureMs,
} from '../e2e/aired.js';
import { Show, smallPictures } from '../e2e/show.js';
import { beepAndFlashCamera, Chromium, takeCameraLapses, type CameraLapses } from '../peers/chromium.js';
import { waitFor } from '../peers/wait-for.js';

const switches = 20;
const hostBeepHz = 1_000;
const guestBeepHz = 2_500;
/** About two seconds of the program at its bitrate: a flash or two in each mode. */
const bytesBetween = 220_000;
const videoBitrateBps = 800_000;
/**
 * In live mode the program's pictures are the camera's own, and the camera of this test is drawn by a page, which falls
 * behind when the machine is busy. The program can be no steadier than it, and its encoder may leave out one picture to
 * catch up. But once no picture has come for so long the program goes on with pictures of its own (`STALL_US`): a step
 * beyond it is the program's fault, whatever the camera does.
 */
const longestCameraStepMs = 400;
/** Longer than two of the camera's pictures of which neither is late, with the one between them left out. */
const lateStepMs = 2.5 * pictureMs;
/** Two pages in one browser: the one behind must not be slowed down. */
const flags = [
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
];

/** Painting the pages in software is most of what a browser without a graphics card does. */
const viewport = { width: 480, height: 600 };

describe('a host and a guest in Chromium, through the studio and the guest page', () => {
  let show: Show;
  let browser: Chromium;
  let tookMs: number[];
  /** From this time of the program on its synchrony is judged. */
  let judgedFromMs: number;
  let aired: Aired;
  let hostLapses: CameraLapses;
  let guestLapses: CameraLapses;

  beforeAll(async () => {
    show = await Show.open({ settings: { ...smallPictures, videoBitrateBps } });
    browser = show.closing(await Chromium.open({ flags, viewport }));
    const studio = await browser.page(
      `${show.baseUrl}/studio/show#key=${show.hostKey}`,
      beepAndFlashCamera(hostBeepHz, smallPictures),
    );
    await studio.click('.golive');
    await show.onAir('relay');
    await takeCameraLapses(studio);
    await show.reachCdn();

    const guest = await browser.page(
      show.baseUrl + (await inviteOf(studio)),
      beepAndFlashCamera(guestBeepHz, smallPictures),
    );
    await guest.fill('input[autocomplete=name]', 'Ada');
    await guest.click('button[type=submit]');
    await studio.click('li.waiting button:has-text("Accept")');
    await waitFor('the guest to send', () =>
      show.room.view().participants.some(({ role, stats }) => role === 'guest' && stats?.width !== undefined),
    );
    // The stalls of pages that open and devices that start are not what is judged.
    await takeCameraLapses(guest);
    judgedFromMs = Date.now() - Date.parse(show.room.view().program.startedAt ?? '');
    tookMs = [];
    for (let i = 0; i < switches; i++) {
      tookMs.push(await switchBy(studio, i % 2 === 0 ? 'Collab' : 'Live'));
      await show.letProgramRun(bytesBetween);
    }
    [hostLapses, guestLapses] = [await takeCameraLapses(studio), await takeCameraLapses(guest)];
    aired = await Aired.read(await show.recording());
  }, 240_000);
  afterAll(() => show.close());

  /** Presses the studio's own button. @returns how long the switch took, as the studio was told */
  async function switchBy(studio: Page, name: 'Collab' | 'Live'): Promise<number> {
    const seen = show.events.length;
    await studio.click(`.segmented button:has-text("${name}")`);
    const mode = name === 'Live' ? 'live' : 'collab';
    const switched = await waitFor(`the switch to ${mode}`, () =>
      show.events.slice(seen).find((event) => event.type === 'switched' && event.mode === mode),
    );
    await studio.waitForSelector(`.segmented button[aria-checked="true"]:has-text("${name}")`);
    return switched.type === 'switched' ? switched.tookMs : Number.NaN;
  }

  it('switch twenty times within one RTMP connection and one publish', () => {
    expect(tookMs).toHaveLength(switches);
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
  });

  it('leave audio advancing by 1024 samples a frame, and video by two pictures or the camera’s own step', () => {
    const cameraStepMs = Math.min(hostLapses.longestStepMs + pictureMs, longestCameraStepMs);
    expectUnbrokenTimes(aired, Math.max(2 * pictureMs, cameraStepMs));
  });

  it('leave no more steps that are late than the camera had itself', () => {
    expect(aired.stepsOver(lateStepMs).length).toBeLessThanOrEqual(hostLapses.lateSteps);
  });

  it('leave nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(aired);
  });

  it('are in sync in both modes', () => {
    // A late flash is late by the camera, as it says itself; the usual one is not.
    const isJudged = ({ flashMs }: { readonly flashMs: number }): boolean => flashMs > judgedFromMs;
    const skewsOfHost = aired.hostSkews(hostBeepHz).filter(isJudged);
    const skewsOfGuest = aired.guestSkews(guestBeepHz).filter(isJudged);
    expectSynchrony(skewsOfHost, { atLeast: 30, toleranceMs: lipSyncMs + hostLapses.latestFlashMs });
    expectSynchrony(skewsOfGuest, { atLeast: 12, toleranceMs: lipSyncMs + guestLapses.latestFlashMs });
    expect(Math.abs(median(skewsOfHost.map(({ skewMs }) => skewMs)))).toBeLessThanOrEqual(lipSyncMs);
    expect(Math.abs(median(skewsOfGuest.map(({ skewMs }) => skewMs)))).toBeLessThanOrEqual(lipSyncMs);
  });

  it('log no error in their pages', () => {
    expect(browser.errors).toEqual([]);
  });
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** What the studio's invite button copies. */
async function inviteOf(studio: Page): Promise<string> {
  const answer = studio.waitForResponse((response) => response.url().endsWith('/invites'));
  await studio.click('.topbar button:has-text("Invite")');
  return ((await (await answer).json()) as { path: string }).path;
}
