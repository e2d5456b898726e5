import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beepAndFlashDefaults, flashMs } from '../peers/beep-and-flash.js';
import { longestFreezeMs } from '../peers/judge-content.js';
import type { Impairment, UdpProxy } from '../peers/udp-proxy.js';
import { Aired, expectCleanDecoding, expectSynchrony, expectUnbrokenTimes, lipSyncMs } from './aired.js';
import { Show, smallPictures } from './show.js';

const switches = 4;
const picturesBetween = 90;
const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
const loopPictures = clip.seconds * beepAndFlashDefaults.fps;
const hostBeepHz = 1_000;
/** What viewers may be shown one picture for, at the worst. */
const longestHoldMs = 1_000;
const beginningMs = 1_000;
/** A beep lasts as long as the flash. */
const beepMs = flashMs;

interface Weather {
  readonly name: string;
  readonly toServer: Impairment;
  readonly toClient: Impairment;
  /** Share of the pilot tone that may be missing: what concealment cannot bridge. */
  readonly silentShare: number;
  /** Share of the beeps that may be heard late because their first frames were lost. */
  readonly hiddenOnsetShare: number;
  /** Pictures by which the host may be seen away from where it belongs, for so large a share of the pictures. */
  readonly displacedShare: number;
}

const weathers: Weather[] = [
  {
    name: '5 % packet loss in both directions',
    toServer: { loss: 0.05, delayMs: 10 },
    toClient: { loss: 0.05, delayMs: 10 },
    // Sound is not sent again: a frame in twenty is made up by the decoder, which fades when two go at once.
    silentShare: 0.02,
    hiddenOnsetShare: 0.15,
    // Where all of a packet's repetitions are lost, pictures are missing up to the next IDR.
    displacedShare: 0.05,
  },
  {
    name: '50 ms of jitter with reordering',
    toServer: { delayMs: 10, jitterMs: 50, reorder: 0.1, reorderMs: 15 },
    toClient: { delayMs: 10, jitterMs: 50 },
    // Nothing is lost, so nothing may be missing.
    silentShare: 0,
    hiddenOnsetShare: 0,
    displacedShare: 0,
  },
];

describe.each(weathers)('a host behind $name', (weather) => {
  const { toServer, toClient, silentShare, hiddenOnsetShare, displacedShare } = weather;
  let show: Show;
  let network: UdpProxy;
  let aired: Aired;

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    const hostClip = await show.clip('host', { ...clip, beepHz: hostBeepHz });
    const guestClip = await show.clip('guest', { ...clip, beepHz: 2_500, pilotHz: 450 });
    network = await show.network({ toServer, toClient, seed: 7 });
    const host = await show.host(hostClip, `${network.httpUrl}/whip/${show.room.id}`);
    await show.onAir('relay');
    await show.reachCdn();
    await show.letRun(host, picturesBetween);
    await show.guest(guestClip);
    for (let i = 0; i < switches; i++) {
      await show.switchTo(i % 2 === 0 ? 'collab' : 'live');
      await show.letRun(host, picturesBetween);
    }
    aired = await Aired.read(await show.recording());
  }, 120_000);
  afterAll(() => show.close());

  it('was as bad as said', () => {
    const { passed, lost } = network.towardsServer;
    const loss = toServer.loss ?? 0;
    expect(lost / (passed + lost)).toBeGreaterThanOrEqual(loss * 0.7);
    // Feedback and reports, a few a second: they went the same way.
    expect(network.towardsClient.passed).toBeGreaterThan(50);
  });

  it('keeps the program’s times: audio exact, video forward, one connection', () => {
    expectUnbrokenTimes(aired, longestHoldMs);
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
  });

  it('leaves nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(aired);
  });

  it('is never frozen for long, and is seen when it belongs', (context) => {
    expect(longestFreezeMs(aired.pictures)).toBeLessThanOrEqual(longestHoldMs);
    expect(aired.longestHold({ startMs: beginningMs, endMs: Infinity }).ms).toBeLessThanOrEqual(
      longestHoldMs,
    );
    show.skipWhenHeldUp(context);
    const places = aired.displacements(loopPictures).filter(({ ptsMs }) => ptsMs > beginningMs);
    const displaced = places.filter(({ pictures }) => Math.abs(pictures) > 1.5);
    expect(displaced.length / places.length).toBeLessThanOrEqual(displacedShare);
  });

  it('keeps lip sync in both modes', () => {
    // Each flash whose picture came; a lost one has no partner and does not count. A beep whose onset was lost is heard
    // late, by no more than it lasts; never early.
    const skews = aired.hostSkews(hostBeepHz);
    const late = skews.filter(({ skewMs }) => skewMs > lipSyncMs && skewMs <= beepMs);
    expect(late.length / skews.length).toBeLessThanOrEqual(hiddenOnsetShare);
    expectSynchrony(
      skews.filter((skew) => !late.includes(skew)),
      { atLeast: 9 },
    );
  });

  it('is heard throughout', (context) => {
    show.skipWhenHeldUp(context);
    const holes = aired.soundHoles(beginningMs);
    const silentMs = holes.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    expect(silentMs / aired.durationMs, JSON.stringify(holes)).toBeLessThanOrEqual(silentShare);
  });
});
