import { describe, expect, it } from 'vitest';
import { expectSoundVideo, expectUnbrokenAudio } from '../program/judge.js';
import {
  beepOnsets,
  decodePictures,
  decodeSound,
  flashOnsets,
  pairSkews,
  toneDropouts,
  wholeBeepOnsets,
} from '../peers/judge-content.js';
import { decodeErrors } from '../peers/judge.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';
import { LiveSource } from './live-source.js';
import { RoomRig } from './room-rig.js';

const picture = 3_000;
/** The tolerance of lip sync that the project promises. */
const maxSkewMs = 40;

/** A part of the picture that is the host's in both modes, in the grid of two and alone; and one of the guest's. */
const hostRegion = { x: 0.1, y: 0.28, width: 0.3, height: 0.13 };
const guestRegion = { ...hostRegion, x: 0.6 };
const hostBeepHz = 1_000;
const guestBeepHz = 2_000;

function expectInStep(skews: readonly number[], atLeast: number): void {
  expect(skews.length).toBeGreaterThanOrEqual(atLeast);
  expect(skews.filter((skew) => Math.abs(skew) > maxSkewMs)).toEqual([]);
}

/** Half of the pilot tone's amplitude: what is below has a hole. */
const pilotFloor = 0.01;
/** Loading libav from source on a busy machine, twice the longest seen. */
const restartSeconds = 8;

async function hostSkews(path: string): Promise<number[]> {
  const flashes = flashOnsets(await decodePictures(path), hostRegion);
  const beeps = beepOnsets(await decodeSound(path), hostBeepHz);
  return pairSkews(flashes, beeps).map(({ skewMs }) => skewMs);
}

/** From its beeps to the flashes: in live mode its place in the picture shows the host's flashes. */
async function guestSkews(path: string): Promise<number[]> {
  const flashes = flashOnsets(await decodePictures(path), guestRegion);
  const beeps = wholeBeepOnsets(await decodeSound(path), guestBeepHz);
  return pairSkews(beeps, flashes).map(({ skewMs }) => skewMs);
}

describe('a room process with a live host', () => {
  it('relays its pictures and turns its Opus into AAC, in step', async () => {
    await using folder = await TempDir.open('room');
    await using rig = await RoomRig.open();
    rig.join('host', 'host', { mediaUs: 12_345_678 });
    await rig.goOn(0);
    await rig.goOn(6);
    expectSoundVideo(rig.video, picture + 1);
    expectUnbrokenAudio(rig.audio);
    expect(new Set(rig.sources)).toEqual(new Set(['relay']));
    const path = folder.file('live.flv');
    await rig.write(path);
    expect(await decodeErrors(path)).toEqual([]);
    expectInStep(await hostSkews(path), 4);
  });
});

/** Request to first picture of the new mode. */
const switchMs = 500;

describe('a room process that switches', () => {
  it('twenty times puts out one unbroken, decodable program in step', async () => {
    await using folder = await TempDir.open('room');
    await using rig = await RoomRig.open();
    rig.join('host', 'host', { mediaUs: 95_000_000_000 });
    // Half a second off the host's, so that no flash can be taken for the other's.
    const clip = { beepHz: guestBeepHz, pilotHz: 500, phaseMs: 500 };
    rig.join('guest', 'guest', { mediaUs: 1_000, delayUs: 30_000, clip });
    await rig.goOn(0);
    await rig.goOn(2);
    const took: number[] = [];
    for (let i = 0; i < 20; i++) {
      const collab = i % 2 === 0;
      const switched = await rig.nextSwitch(() => rig.room.setMode(collab ? 'collab' : 'live'));
      expect(switched.source).toBe(collab ? 'mix' : 'relay');
      took.push(switched.tookMs);
      await rig.goOn(0.47);
    }
    took.sort((a, b) => a - b);
    expect(took[18]).toBeLessThanOrEqual(switchMs);
    expectSoundVideo(rig.video, 2 * picture);
    expectUnbrokenAudio(rig.audio);
    expect(rig.stats.at(-1)?.droppedUnits).toBe(0);
    const path = folder.file('switches.flv');
    await rig.write(path);
    expect(await decodeErrors(path)).toEqual([]);
    expectInStep(await hostSkews(path), 10);
    // Half of the time nobody but the host is on air.
    expectInStep(await guestSkews(path), 3);
  });
});

describe('a room process with guests', () => {
  it('keeps host and mix going while a guest joins and leaves ten times', async () => {
    await using folder = await TempDir.open('room');
    await using rig = await RoomRig.open();
    rig.join('host', 'host');
    await rig.goOn(0);
    await rig.nextSwitch(() => rig.room.setMode('collab'));
    let present = false;
    // One encoder for all ten visits: opening one takes long enough to hold up the host, which shares the process.
    const guest = new LiveSource({
      clip: { beepHz: 2_000, pilotHz: 500 },
      onUnit: (unit, arrivalUs) => present && rig.room.write('guest', unit, arrivalUs),
    });
    rig.room.on('request-keyframe', (id) => id === 'guest' && guest.requestKeyframe());
    await rig.goOn(1);
    const settledMs = rig.video.at(-1)!.pts / 90;
    for (let i = 0; i < 10; i++) {
      rig.room.setParticipant(
        'guest',
        { role: 'guest', name: 'guest', gainDb: 0, muted: false, onAir: true },
        true,
      );
      rig.room.beginSession('guest');
      present = true;
      await rig.goOn(0.5);
      present = false;
      rig.room.removeParticipant('guest');
      await rig.goOn(0.2);
    }
    guest.close();
    expectSoundVideo(rig.video, 2 * picture);
    expectUnbrokenAudio(rig.audio);
    const path = folder.file('guests.flv');
    await rig.write(path);
    expect(await decodeErrors(path)).toEqual([]);
    const dropouts = toneDropouts(await decodeSound(path), 300, pilotFloor);
    expect(dropouts.filter(({ startMs }) => startMs > settledMs)).toEqual([]);
  });
});

describe('a room process that is killed', () => {
  it('is replaced, and the program goes on from where it was', async () => {
    await using folder = await TempDir.open('room');
    await using rig = await RoomRig.open();
    rig.join('host', 'host', { mediaUs: 3_000_000 });
    rig.join('guest', 'guest');
    await rig.goOn(0);
    await rig.goOn(1);
    const pid = rig.room.pid!;
    process.kill(pid, 'SIGKILL');
    await waitFor('a restart', () => rig.restarted.length === 1);
    expect(rig.room.pid).not.toBe(pid);
    await rig.goOn(2);
    // Its IDR was asked for while the new process started: neither a slate nor a mix comes in between.
    expect(new Set(rig.sources)).toEqual(new Set(['relay']));
    expect(await rig.nextSwitch(() => rig.room.setMode('collab'))).toMatchObject({ source: 'mix' });
    process.kill(rig.room.pid!, 'SIGKILL');
    await waitFor('a second restart', () => rig.restarted.length === 2);
    await rig.goOn(2);
    expect(rig.sources.at(-1)).toBe('mix');
    // Nothing can be shown while there is no process; only the order of times must hold.
    expectSoundVideo(rig.video, restartSeconds * 90_000);
    expectUnbrokenAudio(rig.audio);
    const path = folder.file('killed.flv');
    await rig.write(path);
    expect(await decodeErrors(path)).toEqual([]);
  });

  it('does not survive its owner', async () => {
    const rig = await RoomRig.open();
    const pid = rig.room.pid!;
    await rig.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a host that vanishes from a room process', () => {
  it('leaves a slate on the same program and is relayed again when it is back', async () => {
    await using folder = await TempDir.open('room');
    await using rig = await RoomRig.open();
    rig.join('host', 'host');
    await rig.goOn(0);
    await rig.goOn(1.5);
    rig.vanish('host');
    await waitFor('the slate', () => rig.sources.at(-1) === 'slate');
    await rig.goOn(1);
    rig.publish('host', { mediaUs: 40_000_000 });
    await waitFor('the relay', () => rig.sources.at(-1) === 'relay');
    await rig.goOn(1);
    const sources = rig.sources.filter((source, i) => source !== rig.sources[i - 1]);
    // Its last picture stands for a moment before the slate; once it is back, it is mixed up to where its IDR is due.
    expect(sources).toEqual(['relay', 'mix', 'slate', 'mix', 'relay']);
    expectSoundVideo(rig.video, 2 * picture);
    expectUnbrokenAudio(rig.audio);
    const path = folder.file('slate.flv');
    await rig.write(path);
    expect(await decodeErrors(path)).toEqual([]);
  });
});
