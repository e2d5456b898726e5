import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import {
  Aired,
  expectCleanDecoding,
  expectContinuousContent,
  expectSynchrony,
  expectUnbrokenTimes,
} from './aired.js';
import { Show } from './show.js';

const switches = 20;
/** Between two switches: a flash of each participant falls into it. */
const picturesBetween = 45;
/** Flashes lie off the seam of the loop, where the Opus decoder meets another history than the encoder had. */
const clip = { seconds: 5, phaseMs: 500 };
const loopPictures = clip.seconds * beepAndFlashDefaults.fps;
const hostBeepHz = 1_000;
const guestBeepHz = 2_500;
/** The first picture is an IDR that is asked for; until it is there the sound may begin. */
const beginningMs = 100;

describe('twenty switches between live and collab', () => {
  let show: Show;
  let tookMs: number[];
  let aired: Aired;

  beforeAll(async () => {
    show = await Show.open();
    const hostClip = await show.clip('host', { ...clip, beepHz: hostBeepHz });
    const guestClip = await show.clip('guest', { ...clip, beepHz: guestBeepHz, pilotHz: 450 });
    const host = await show.host(hostClip);
    await show.letRun(host, 60);
    await show.guest(guestClip);
    tookMs = [];
    for (let i = 0; i < switches; i++) {
      tookMs.push(await show.switchTo(i % 2 === 0 ? 'collab' : 'live'));
      await show.letRun(host, picturesBetween);
    }
    aired = await Aired.read(await show.recording());
  }, 180_000);
  afterAll(() => show.close());

  it('happen within one RTMP connection and one publish', () => {
    expect(tookMs).toHaveLength(switches);
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
    expect(aired.durationMs).toBeGreaterThan(switches * picturesBetween * (1_000 / 30));
  });

  it('leave audio advancing by 1024 samples a frame, and video by two pictures at most', () => {
    expectUnbrokenTimes(aired);
    expect(show.events.filter(({ type }) => type === 'pts-gap')).toEqual([]);
  });

  it('leave nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(aired);
  });

  it('neither repeat nor skip what the host shows', (context) => {
    show.skipWhenHeldUp(context);
    expectContinuousContent(aired, beginningMs, loopPictures);
  });

  it('keep beep and flash together in both modes, the host as well as the guest', () => {
    expectSynchrony(aired.hostSkews(hostBeepHz), { atLeast: 25 });
    expectSynchrony(aired.guestSkews(guestBeepHz), { atLeast: 8 });
  });

  it('tear no hole into the host’s sound', (context) => {
    show.skipWhenHeldUp(context);
    expect(aired.soundHoles(beginningMs)).toEqual([]);
  });
});
