import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broadcaster } from '../../src/demo/broadcaster.js';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import { waitFor } from '../peers/wait-for.js';
import {
  Aired,
  expectCleanDecoding,
  expectContinuousContent,
  expectSynchrony,
  expectUnbrokenTimes,
} from './aired.js';
import { Show, smallPictures } from './show.js';

const visits = 10;
/** A visit's length, and the pause after it. */
const visitPictures = 20;
const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
const loopPictures = clip.seconds * beepAndFlashDefaults.fps;
const hostBeepHz = 1_000;
const guestPilotHz = 450;
const beginningMs = 100;

describe('guests who come and go during collab', () => {
  let show: Show;
  let aired: Aired;
  let kicked: Broadcaster;
  let names: string[];

  /** Whether a participant's media reach the program. */
  const isOnAir = (id: string): boolean =>
    show.room.view().participants.find((participant) => participant.id === id)?.onAir === true;

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    const hostClip = await show.clip('host', { ...clip, beepHz: hostBeepHz });
    const guestClip = await show.clip('guest', { ...clip, beepHz: 2_500, pilotHz: guestPilotHz });
    const host = await show.host(hostClip);
    await show.onAir('relay');
    await show.reachCdn();
    await show.switchTo('collab');
    for (let visit = 0; visit < visits; visit++) {
      const { broadcaster, id } = await show.guest(guestClip, { name: `Guest ${visit + 1}` });
      await waitFor('the guest on air', () => isOnAir(id));
      await show.letRun(host, visitPictures);
      await broadcaster.close();
      await show.client.dismissGuest(id);
      await show.letRun(host, visitPictures / 2);
    }

    const { broadcaster, id } = await show.guest(guestClip, { name: 'Kicked' });
    kicked = broadcaster;
    await waitFor('the guest on air', () => isOnAir(id));
    await show.letRun(host, visitPictures);
    await show.client.dismissGuest(id);
    await waitFor('the end of the kicked guest’s session', () => !kicked.isOpen);

    const network = await show.network();
    const lost = await show.guest(guestClip, { name: 'Vanishing', baseUrl: network.httpUrl });
    await waitFor('the guest on air', () => isOnAir(lost.id));
    await show.letRun(host, visitPictures);
    network.impair({ loss: 1 }, { loss: 1 });
    await waitFor('the server to notice', () => !isOnAir(lost.id));
    await show.letRun(host, visitPictures);
    names = show.room.view().participants.map(({ name }) => name);
    await show.switchTo('live');
    await show.letRun(host, visitPictures);
    aired = await Aired.read(await show.recording());
  }, 150_000);
  afterAll(() => show.close());

  it('are all gone afterwards, but for one who only lost the connection and may come back', () => {
    expect(names).toEqual(['Host', 'Vanishing']);
    const left = show.events.filter(({ type }) => type === 'left');
    expect(left).toHaveLength(visits + 1);
    expect(kicked.isOpen).toBe(false);
  });

  it('were heard', () => {
    const { sampleRate, samples } = aired.sound;
    expect(samples.length / sampleRate).toBeGreaterThan(((visits * visitPictures) / 30) * 1.5);
    expect(aired.guestSkews(2_500).length).toBeGreaterThanOrEqual(3);
  });

  it('leave the program’s times alone, on one connection', () => {
    expectUnbrokenTimes(aired);
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
  });

  it('leave nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(aired);
  });

  it('take nothing of the host’s pictures: each in its place', (context) => {
    show.skipWhenHeldUp(context);
    expectContinuousContent(aired, beginningMs, loopPictures);
  });

  it('take nothing of the host’s sound: no hole, and in sync', (context) => {
    show.skipWhenHeldUp(context);
    expect(aired.soundHoles(beginningMs)).toEqual([]);
    expectSynchrony(aired.hostSkews(hostBeepHz), { atLeast: 15 });
  });
});
