import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { writeBeepAndFlash } from '../peers/beep-and-flash.js';
import { beepOnsets, decodePictures, decodeSound, flashOnsets, pairSkews } from '../peers/judge-content.js';
import { decodeErrors } from '../peers/judge.js';
import { TempDir } from '../peers/temp-dir.js';
import { expectSoundVideo, expectUnbrokenAudio } from '../program/judge.js';
import { RoomRig } from './room-rig.js';

const picture = 3_000;
/** FLV rounds times to milliseconds: a step of two pictures may be one millisecond longer. */
const maxStep = 2 * picture + 90;
const maxSkewMs = 40;

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('recorded');
  const size = { width: 320, height: 180, seconds: 14 };
  await writeBeepAndFlash(folder.file('obs.flv'), size, { video: 'main-b', audio: 'aac', gopFrames: 30 });
});
afterAll(() => folder.close());

async function expectInStep(path: string): Promise<void> {
  expect(await decodeErrors(path)).toEqual([]);
  // Away from the middle, where the bar code is; inside the host's tile in both modes.
  const region = { x: 0.1, y: 0.28, width: 0.3, height: 0.13 };
  const flashes = flashOnsets(await decodePictures(path), region);
  const skews = pairSkews(flashes, beepOnsets(await decodeSound(path), 1_000));
  expect(skews.length).toBeGreaterThanOrEqual(6);
  for (const { skewMs } of skews) expect(Math.abs(skewMs)).toBeLessThanOrEqual(maxSkewMs);
}

describe('a host that sends B-pictures and AAC and takes no PLI', () => {
  it('is relayed, mixed and relayed again without a hole', async () => {
    await using rig = await RoomRig.open();
    await rig.joinRecorded('host', folder.file('obs.flv'));
    rig.join('guest', 'guest', { clip: { beepHz: 2_000, pilotHz: 500 } });
    await rig.goOn(0);
    await rig.goOn(1.2);
    for (let i = 0; i < 4; i++) {
      const collab = i % 2 === 0;
      const switched = await rig.nextSwitch(() => rig.room.setMode(collab ? 'collab' : 'live'));
      expect(switched.source).toBe(collab ? 'mix' : 'relay');
      await rig.goOn(1.3);
    }
    expectSoundVideo(rig.video, maxStep);
    expectUnbrokenAudio(rig.audio);
    expect(rig.stats.at(-1)?.droppedUnits).toBe(0);
    const path = folder.file('program.flv');
    await rig.write(path);
    await expectInStep(path);
  });

  it('with fifty milliseconds of jitter and lost sound stays in step', async () => {
    await using rig = await RoomRig.open();
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    await rig.joinRecorded('host', folder.file('obs.flv'), {
      jitterUs: () => random() * 50_000,
      lost: (unit) => unit.kind === 'audio' && random() < 0.05,
    });
    await rig.goOn(0);
    await rig.goOn(4);
    await rig.nextSwitch(() => rig.room.setMode('collab'));
    await rig.goOn(4);
    expectSoundVideo(rig.video, maxStep);
    expectUnbrokenAudio(rig.audio);
    const path = folder.file('jitter.flv');
    await rig.write(path);
    await expectInStep(path);
  });
});
