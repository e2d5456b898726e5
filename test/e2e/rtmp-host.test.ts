import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Aired,
  expectCleanDecoding,
  expectContinuousContent,
  expectSynchrony,
  expectUnbrokenTimes,
} from './aired.js';
import { Show, smallPictures } from './show.js';

const switches = 6;
const picturesBetween = 60;
const hostBeepHz = 1_000;
const guestBeepHz = 2_500;
/** Longer than the show: a switch back waits for the host's next IDR, up to 2 s away. */
const hostSeconds = 60;
/** AAC begins with its encoder's priming, which is silent. */
const primingMs = 100;

describe('a host who pushes RTMP with B-frames and AAC, and a guest', () => {
  let show: Show;
  let tookMs: number[];
  let aired: Aired;

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    const hostClip = await show.rtmpClip('host', {
      ...smallPictures,
      seconds: hostSeconds,
      phaseMs: 500,
      beepHz: hostBeepHz,
    });
    const guestClip = await show.clip('guest', {
      ...smallPictures,
      seconds: 5,
      phaseMs: 500,
      beepHz: guestBeepHz,
      pilotHz: 450,
    });
    show.rtmpHost(hostClip);
    await show.onAir('relay');
    await show.reachCdn();
    const { broadcaster } = await show.guest(guestClip);
    await show.letRun(broadcaster, 60);
    tookMs = [];
    for (let i = 0; i < switches; i++) {
      tookMs.push(await show.switchTo(i % 2 === 0 ? 'collab' : 'live'));
      await show.letRun(broadcaster, picturesBetween);
    }
    aired = await Aired.read(await show.recording());
  }, 120_000);
  afterAll(() => show.close());

  it('switch within one RTMP connection and one publish', () => {
    expect(tookMs).toHaveLength(switches);
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
  });

  it('leave audio advancing by 1024 samples a frame, and video by two pictures at most', () => {
    expectUnbrokenTimes(aired);
  });

  it('leave nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(aired);
  });

  it('neither repeat nor skip what the host shows', (context) => {
    show.skipWhenHeldUp(context);
    expectContinuousContent(aired, 0);
  });

  it('are in sync in both modes', () => {
    expectSynchrony(aired.hostSkews(hostBeepHz), { atLeast: 12 });
    expectSynchrony(aired.guestSkews(guestBeepHz), { atLeast: 5 });
  });

  it('leave no hole in the host’s sound', (context) => {
    show.skipWhenHeldUp(context);
    expect(aired.soundHoles(primingMs)).toEqual([]);
  });
});
