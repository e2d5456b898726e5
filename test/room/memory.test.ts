import { describe, expect, it } from 'vitest';
import { waitFor } from '../peers/wait-for.js';
import { expectSoundVideo, expectUnbrokenAudio } from '../program/judge.js';
import { LiveSource } from './live-source.js';
import { RoomRig } from './room-rig.js';

/** The project's promise for four 720p participants. */
const maxRssBytes = 250e6;

describe('a room process with four participants at 720p', () => {
  it('stays within its memory and makes every picture in time', async () => {
    await using rig = await RoomRig.open({ width: 1280, height: 720, videoBitrateBps: 2_500_000 });
    const ids = ['host', 'ann', 'ben', 'eve'];
    for (const id of ids) {
      const role = id === 'host' ? 'host' : 'guest';
      rig.room.setParticipant(id, { role, name: id, gainDb: 0, muted: false, onAir: true }, true);
      rig.room.beginSession(id);
    }
    // One encoder for all four: what is measured is the room, and the machine has other work.
    const source = new LiveSource({
      clip: { width: 1280, height: 720 },
      onUnit: (unit, arrivalUs) => ids.forEach((id) => rig.room.write(id, unit, arrivalUs)),
    });
    rig.room.on('request-keyframe', () => source.requestKeyframe());
    try {
      await rig.goOn(0);
      await rig.nextSwitch(() => rig.room.setMode('collab'));
      await rig.goOn(8);
      const before = rig.stats.length;
      await waitFor('figures', () => rig.stats.length > before);
    } finally {
      source.close();
    }
    expect(Math.max(...rig.stats.map(({ rssBytes }) => rssBytes))).toBeLessThan(maxRssBytes);
    expectSoundVideo(rig.video, 6_000);
    expectUnbrokenAudio(rig.audio);
  });
});
