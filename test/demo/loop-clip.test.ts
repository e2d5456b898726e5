import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleClip } from '../../src/demo/demo.js';
import { LoopClip } from '../../src/demo/loop-clip.js';
import { writeBeepAndFlash } from '../peers/beep-and-flash.js';
import { TempDir } from '../peers/temp-dir.js';

const picturesOfSample = 300;
const framesOfSample = 500;

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('clips');
});
afterAll(() => folder.close());

describe('a clip in a loop', () => {
  it('goes on in even steps from one turn to the next', async () => {
    for (const name of ['host.mp4', 'guest.mp4'] as const) {
      const clip = await LoopClip.read([sampleClip(name)]);
      expect(clip.length).toBe(900_000);
      for (let i = 1; i <= 2 * picturesOfSample; i++) {
        expect(clip.picture(i, 0).pts - clip.picture(i - 1, 0).pts).toBe(3_000);
      }
      for (let i = 1; i <= 2 * framesOfSample; i++) {
        expect(clip.frame(i).pts - clip.frame(i - 1).pts).toBe(960);
      }
      expect(clip.picture(picturesOfSample, 0).data).toEqual(clip.picture(0, 0).data);
      expect(clip.frame(framesOfSample).data).toEqual(clip.frame(0).data);
    }
  });

  it('has an IDR near any picture when it comes in renditions', async () => {
    const paths = [folder.file('a.mp4'), folder.file('b.mp4')];
    const format = { audio: 'opus', gopFrames: 30 } as const;
    const clipOptions = { seconds: 2, width: 320, height: 180 };
    await writeBeepAndFlash(paths[0] ?? '', clipOptions, format);
    await writeBeepAndFlash(paths[1] ?? '', clipOptions, { ...format, firstGopFrames: 15 });
    const clip = await LoopClip.read(paths);
    const withIdr = Array.from({ length: 120 }, (_, i) => clip.renditionWithIdr(i));
    expect(
      withIdr.map((rendition, i) => (rendition === undefined ? '' : `${i}:${rendition}`)).filter(Boolean),
    ).toEqual(['0:0', '15:1', '30:0', '45:1', '60:0', '75:1', '90:0', '105:1']);
    expect(clip.picture(15, 1).isIdr).toBe(true);
  });

  it('refuses what WebRTC does not carry', async () => {
    const bFrames = folder.file('b-frames.mp4');
    await writeBeepAndFlash(
      bFrames,
      { seconds: 1, width: 320, height: 180 },
      { video: 'main-b', audio: 'opus' },
    );
    await expect(LoopClip.read([bFrames])).rejects.toThrow('B-frames');
    const aac = folder.file('aac.mp4');
    await writeBeepAndFlash(aac, { seconds: 1, width: 320, height: 180 }, { audio: 'aac' });
    await expect(LoopClip.read([aac])).rejects.toThrow('Opus');
  });
});
