import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError, NativeError } from '../../src/base/errors.js';
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { RoomProcess } from '../../src/room/room-process.js';
import { Program } from '../peers/program.js';
import { waitFor } from '../peers/wait-for.js';
import { expectSoundVideo, expectUnbrokenAudio } from '../program/judge.js';
import { RoomRig } from './room-rig.js';

const picture = 3_000;
/** Longer than a process may be silent. */
const heldUpMs = 6_000;
/** A packet of Opus, a frame of AAC and the encoder's look-ahead may be under way, and the sound waits for its last piece. */
const opusApartMs = 150;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the supervision of a room process', () => {
  it('replaces one that hangs', async () => {
    await using rig = await RoomRig.open();
    rig.join('host', 'host');
    await rig.goOn(0);
    await rig.goOn(1);
    const pid = rig.room.pid!;
    process.kill(pid, 'SIGSTOP');
    await waitFor('a restart', () => rig.restarted.length === 1);
    expect(rig.restarted).toEqual(['no sign of life']);
    await rig.goOn(1);
    await waitFor('the end of the hung process', () => !isAlive(pid));
    expectSoundVideo(rig.video, 30 * 90_000);
    expectUnbrokenAudio(rig.audio);
  });

  it('does not take its own absence for that of the process', async () => {
    await using rig = await RoomRig.open();
    const { pid } = rig.room;
    // The main process does not get the processor; what the other one says meanwhile waits in the pipe.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, heldUpMs);
    const before = rig.stats.length;
    await waitFor('its figures', () => rig.stats.length > before + 1);
    expect(rig.restarted).toEqual([]);
    expect(rig.room.pid).toBe(pid);
  });

  it('lets none outlive a main process that is killed', async () => {
    const main = Program.start(process.execPath, [
      ...['--import', import.meta.resolve('tsx')],
      fileURLToPath(new URL('./owner.ts', import.meta.url)),
    ]);
    try {
      const pid = await waitFor('the room process', () => Number(main.stdout.toString().trim()));
      expect(isAlive(pid)).toBe(true);
      main.signal('SIGKILL');
      await main.result();
      await waitFor('its end', () => !isAlive(pid));
    } finally {
      await main.close();
    }
  });

  it('ends a process that does not listen within a bounded time', async () => {
    const rig = await RoomRig.open();
    const pid = rig.room.pid!;
    process.kill(pid, 'SIGSTOP');
    const before = performance.now();
    await rig.close();
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(isAlive(pid)).toBe(false);
  });

  it('says so when the program cannot be made', async () => {
    const odd = { ...defaultProgramSettings, width: 3 };
    await expect(RoomProcess.open({ settings: odd })).rejects.toThrow(InvalidOptionError);
    const unknown = { ...defaultProgramSettings, x264Preset: 'warp' as 'fast' };
    await expect(RoomProcess.open({ settings: unknown })).rejects.toThrow(NativeError);
  });
});

describe('a running room process', () => {
  it('takes new settings without a step back in time', async () => {
    await using rig = await RoomRig.open();
    rig.join('host', 'host');
    await rig.goOn(0);
    await rig.nextSwitch(() => rig.room.setMode('collab'));
    await rig.goOn(1);
    rig.room.configure({ ...rig.settings, width: 320, height: 180 });
    await waitFor('the new size', () => rig.video.at(-1)!.config.width === 320);
    await rig.goOn(0.5);
    expectSoundVideo(rig.video, 60 * picture);
    expectUnbrokenAudio(rig.audio);
    expect(rig.sources.at(-1)).toBe('mix');
    expect(() => rig.room.configure({ ...rig.settings, audioChannels: 1 })).toThrow('1');
  });

  it.each([48_000, 44_100] as const)(
    'makes Opus of the program at %d Hz for as long as somebody wants it, whatever the source',
    async (audioSampleRate) => {
      await using rig = await RoomRig.open({ audioSampleRate });
      rig.join('host', 'host');
      await rig.goOn(0);
      expect(rig.opus).toEqual([]);
      rig.room.setOpus(true);
      await rig.goOn(0.7);
      expect(rig.opus.length).toBeGreaterThan(20);
      await rig.nextSwitch(() => rig.room.setMode('collab'));
      await rig.goOn(0.7);
      await rig.nextSwitch(() => rig.room.setMode('live'));
      await rig.goOn(0.7);
      const first = rig.opus[0]!.pts;
      expect(rig.opus.findIndex((unit, i) => unit.pts !== first + i * 960)).toBe(-1);
      const apartMs = rig.video.at(-1)!.pts / 90 - rig.opus.at(-1)!.pts / 48;
      expect(Math.abs(apartMs)).toBeLessThan(opusApartMs);
      rig.room.setOpus(false);
      await rig.goOn(0.3);
      const after = rig.opus.length;
      await rig.goOn(0.5);
      expect(rig.opus.length).toBe(after);
    },
  );
});
