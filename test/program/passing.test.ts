import { describe, expect, it } from 'vitest';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import type { ProgramSettings } from '../../src/media/program-settings.js';
import type { ResumeAt } from '../../src/program/program-options.js';
import { illegalWindowSteps } from '../peers/aac-windows.js';
import { expectSoundVideo, expectUnbrokenAudio } from './judge.js';
import { encodedMusic, realSound } from './real-sound.js';
import { switchEveryMs, VirtualRoom } from './virtual-room.js';

const picture = 3_000;
/** Half of the time in live mode is spent by a joint at each end, and by what is held back. */
const passedShare = 0.75;

function soundRoom(settings: Partial<ProgramSettings> = {}, resumeAt?: ResumeAt): VirtualRoom {
  return new VirtualRoom(settings, resumeAt, realSound);
}

/** Units of the program that are the host's own bytes, with the distance in time of the two. */
function passedOf(
  room: VirtualRoom,
  host: readonly (AacUnit | undefined)[],
): { readonly unit: AacUnit; readonly index: number }[] {
  const indexOf = new Map(host.map((unit, index) => [unit?.data.toString('latin1'), index]));
  return room.audio.flatMap((unit) => {
    const index = indexOf.get(unit.data.toString('latin1'));
    return index === undefined ? [] : [{ unit, index }];
  });
}

/** One configuration, times without a break, windows that may follow each other, and nothing that does not decode. */
function expectSoundAac(units: readonly AacUnit[]): void {
  expectUnbrokenAudio(units);
  const { config } = units[0]!;
  expect(units.filter((unit) => !unit.config.asc.equals(config.asc))).toEqual([]);
  expect(illegalWindowSteps(units)).toEqual([]);
  const decoder = AudioDecoder.open({ sampleRate: config.sampleRate, channels: config.channels as 1 | 2 });
  for (const unit of units) decoder.decode(unit);
  expect(decoder.stats.errors).toBe(0);
  decoder.close();
}

describe.each([
  ['fdk, stereo, 48 kHz', { encoder: 'libfdk_aac', sampleRate: 48_000, channels: 2 }],
  ['libav, stereo, 44.1 kHz', { encoder: 'aac', sampleRate: 44_100, channels: 2 }],
  ['libav, mono, 48 kHz', { encoder: 'aac', sampleRate: 48_000, channels: 1 }],
  ['fdk, mono, 44.1 kHz', { encoder: 'libfdk_aac', sampleRate: 44_100, channels: 1 }],
] as const)('a host who sends AAC by %s', (_, format) => {
  const aac = encodedMusic({ ...format, seconds: 34 });

  it('is passed through byte for byte, whatever switches there are in between', () => {
    const room = soundRoom();
    room.join('host', 'host', { aac, mediaUs: 777_123_457 });
    room.join('guest', 'guest', {
      mediaUs: 5_000,
      delayUs: 60_000,
      aac: encodedMusic({ ...format, seconds: 34, seed: 40 }),
    });
    room.run(2_000);
    room.switchToAndFro(20);
    room.run(3_000);
    expect(room.switched.filter(({ source }) => source === 'relay')).toHaveLength(11);
    expectSoundVideo(room.video, 2 * picture);
    expectSoundAac(room.audio);
    const { sampleRate, channels } = room.audio[0]!.config;
    expect({ sampleRate, channels }).toEqual({ sampleRate: format.sampleRate, channels: format.channels });
    const passed = passedOf(room, aac);
    // Each at the same distance from its own time.
    expect(new Set(passed.map(({ unit, index }) => unit.pts - index * 1_024)).size).toBe(1);
    const liveMs = 2_000 + 10 * switchEveryMs + 3_000;
    expect(passed.length).toBeGreaterThan((passedShare * liveMs * format.sampleRate) / 1_024 / 1_000);
    expect(room.seams.map(({ to }) => to)).toEqual(
      Array.from({ length: 21 }, (__, i) => (i % 2 === 0 ? 'source' : 'encoder')),
    );
    expect(room.seams.filter(({ joint }) => joint === 'mismatched')).toEqual([]);
    expect(room.program.stats.decodeErrors).toBe(0);
  });

  it('is bridged where units are lost, and passed again after them', () => {
    const room = soundRoom();
    const lossy = aac.map((unit, i) => (i % 97 === 50 || i % 211 > 205 ? undefined : unit));
    room.join('host', 'host', { aac: lossy });
    room.run(15_000);
    expectSoundAac(room.audio);
    expect(passedOf(room, aac).length).toBeGreaterThan(0.8 * room.audio.length);
    const distances = passedOf(room, aac).map(({ unit, index }) => unit.pts - index * 1_024);
    expect(new Set(distances).size).toBe(1);
  });
});

describe('a host who sends AAC', () => {
  const format = { encoder: 'aac', sampleRate: 48_000, channels: 2 } as const;
  const aac = encodedMusic({ ...format, seconds: 20 });

  it('and comes back with its frames anywhere between the former ones is passed through again', () => {
    const room = soundRoom();
    room.join('host', 'host', { aac });
    for (const mediaUs of [3_000, 12_345_678, 99_991_117]) {
      room.run(2_000);
      room.program.endSession('host');
      room.vanish('host');
      room.run(1_500);
      room.publish('host', { aac, mediaUs });
    }
    room.run(2_000);
    expectSoundVideo(room.video, 2 * picture);
    expectSoundAac(room.audio);
    const last = room.audio.slice(-40);
    expect(passedOf(room, aac).map(({ unit }) => unit)).toEqual(expect.arrayContaining(last));
    const seamsBack = room.seams.filter(({ to }) => to === 'source');
    expect(seamsBack).toHaveLength(4);
  });

  it.each([
    ['with a gain', { gainDb: -6, muted: false }],
    ['muted', { gainDb: 0, muted: true }],
  ])('is encoded while it is %s', (_, change) => {
    const room = soundRoom();
    room.join('host', 'host', { aac });
    room.run(2_000);
    const settings = { role: 'host', name: 'host', gainDb: 0, muted: false, onAir: true } as const;
    room.program.setParticipant('host', { ...settings, ...change }, true);
    room.run(300);
    const before = passedOf(room, aac).length;
    room.run(2_000);
    expect(passedOf(room, aac)).toHaveLength(before);
    room.program.setParticipant('host', settings, true);
    room.run(2_000);
    expect(passedOf(room, aac).length).toBeGreaterThan(before + 70);
    expectSoundAac(room.audio);
  });

  it('is encoded when everything goes through the mixer', () => {
    const room = soundRoom({ relay: 'off' });
    room.join('host', 'host', { aac: encodedMusic({ ...format, sampleRate: 44_100, seconds: 4 }) });
    room.run(3_000);
    expect(room.seams).toEqual([]);
    expect(room.audio[0]?.config.sampleRate).toBe(48_000);
    expectSoundAac(room.audio);
  });

  it('after one whose sound had another format is encoded', () => {
    const room = soundRoom();
    room.join('host', 'host', { aac });
    room.run(2_000);
    room.program.endSession('host');
    room.vanish('host');
    room.run(500);
    const other = encodedMusic({ ...format, sampleRate: 44_100, seconds: 4 });
    room.publish('host', { aac: other });
    room.run(3_000);
    expect(passedOf(room, other)).toEqual([]);
    expectSoundAac(room.audio);
  });

  it('goes on where the program was taken up, on its grid and in its format', () => {
    const mono = encodedMusic({ encoder: 'libfdk_aac', sampleRate: 44_100, channels: 1, seconds: 6 });
    const first = soundRoom();
    first.join('host', 'host', { aac: mono });
    first.run(3_000);
    const resumeAt = first.program.position!;
    first.program.close();
    const room = soundRoom({}, { ...resumeAt, atUs: 4_800_000 });
    room.join('host', 'host', { aac: mono });
    room.run(3_000);
    expectSoundAac([...first.audio, ...room.audio]);
    expect(passedOf(room, mono).length).toBeGreaterThan(60);
  });

  it('that is damaged does not stop the program, and is not passed on', () => {
    const room = soundRoom();
    const damaged = aac.map((unit, i) => {
      if (i % 50 !== 30) return unit;
      return { ...unit, data: Buffer.from(unit.data.map((byte, at) => (at % 7 === 3 ? byte ^ 0x5a : byte))) };
    });
    room.join('host', 'host', { aac: damaged });
    room.run(8_000);
    expectSoundAac(room.audio);
    expect(passedOf(room, aac).length).toBeGreaterThan(0.6 * room.audio.length);
  });
});
