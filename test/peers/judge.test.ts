import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beepAndFlashDefaults, writeBeepAndFlash } from './beep-and-flash.js';
import { audioTiming, decodeErrors, flvRoundingMs, probe, videoTiming } from './judge.js';
import {
  beepOnsets,
  blackPictures,
  decodePictures,
  decodeSound,
  flashOnsets,
  longestFreezeMs,
  pairSkews,
  pictureNumber,
  toneDropouts,
  wholeBeepOnsets,
  type Skew,
} from './judge-content.js';
import { Program } from './program.js';
import { TempDir } from './temp-dir.js';

/** The judge's own error: a flash is known to a picture's start, a beep to about a millisecond. */
const judgeErrorMs = 5;
const pictureMs = 1000 / 30;

let folder: TempDir;
let good: string;

beforeAll(async () => {
  folder = await TempDir.open('judge');
  good = folder.file('good.flv');
  await writeBeepAndFlash(good, { seconds: 4, width: 640, height: 360 }, { video: 'main-b' });
});
afterAll(() => folder.close());

async function skewsOf(path: string): Promise<Skew[]> {
  const [pictures, sound] = await Promise.all([decodePictures(path), decodeSound(path)]);
  return pairSkews(flashOnsets(pictures), beepOnsets(sound, beepAndFlashDefaults.beepHz));
}

/** Times of a clip's packets with one of them left out. */
function without<T>(items: readonly T[], index: number): T[] {
  return items.filter((_, i) => i !== index);
}

describe('the judge', () => {
  it('finds nothing wrong with a clip that is right', async () => {
    const facts = await probe(good);
    expect(facts.video?.reorderFrames).toBeGreaterThan(0);
    const video = videoTiming(facts.videoPackets);
    expect(video).toMatchObject({ pictures: 120, dtsBackward: 0, ptsRepeated: 0 });
    expect(video.maxStepMs).toBeLessThan(pictureMs + 2 * flvRoundingMs);
    expect(audioTiming(facts.audioPackets, 48_000).maxDeviationMs).toBeLessThanOrEqual(flvRoundingMs);
    expect(await decodeErrors(good)).toEqual([]);
  });

  it('measures no skew where there is none', async () => {
    const skews = await skewsOf(good);
    expect(skews).toHaveLength(3);
    for (const { skewMs } of skews) expect(Math.abs(skewMs)).toBeLessThan(judgeErrorMs);
  });

  it('measures a planted skew of 100 ms', async () => {
    const late = folder.file('late.flv');
    await writeBeepAndFlash(late, { seconds: 3, width: 320, height: 180, beepLateMs: 100 });
    const skews = await skewsOf(late);
    expect(skews.length).toBeGreaterThan(0);
    for (const { skewMs } of skews) expect(Math.abs(skewMs - 100)).toBeLessThan(judgeErrorMs);
  });

  it('leaves a beep that is cut short out of the whole ones', async () => {
    const sound = await decodeSound(good);
    const { beepHz } = beepAndFlashDefaults;
    const all = beepOnsets(sound, beepHz);
    expect(wholeBeepOnsets(sound, beepHz)).toEqual(all);
    const cut = { ...sound, samples: sound.samples.slice() };
    const inTheSecond = all[1]! + 50 - sound.frames[0]!.ptsMs;
    const [from, to] = [inTheSecond, inTheSecond + 100].map((ms) => Math.round(ms * 48));
    cut.samples.fill(0, from, to);
    expect(beepOnsets(cut, beepHz)).toHaveLength(all.length);
    expect(wholeBeepOnsets(cut, beepHz)).toEqual(without(all, 1));
  });

  it('takes no pictures for missing that were still to come at the end', async () => {
    const { videoPackets } = await probe(good);
    const inMidCycle = videoPackets.findLastIndex(({ ptsMs, dtsMs }) => ptsMs - dtsMs > 2 * pictureMs);
    const { maxStepMs } = videoTiming(videoPackets.slice(0, inMidCycle + 1));
    expect(maxStepMs).toBeLessThan(pictureMs + 2 * flvRoundingMs);
  });

  it('sees a missing picture and a missing audio frame', async () => {
    const facts = await probe(good);
    expect(videoTiming(without(facts.videoPackets, 60)).maxStepMs).toBeGreaterThan(1.9 * pictureMs);
    expect(audioTiming(without(facts.audioPackets, 60), 48_000).maxDeviationMs).toBeGreaterThan(20);
  });

  it('sees a picture that goes back in time', async () => {
    const { videoPackets } = await probe(good);
    const [a, b] = [videoPackets[50], videoPackets[51]];
    if (a === undefined || b === undefined) throw new Error('clip too short');
    const swapped = [...videoPackets.slice(0, 50), b, a, ...videoPackets.slice(52)];
    expect(videoTiming(swapped).dtsBackward).toBe(1);
    expect(videoTiming([...videoPackets, a]).ptsRepeated).toBe(1);
  });

  it('reports damage as decode errors', async () => {
    const bytes = await readFile(good);
    for (let i = 0; i < 400; i++) bytes[Math.floor(bytes.length / 2) + i] = (i * 37) & 0xff;
    const damaged = folder.file('damaged.flv');
    await writeFile(damaged, bytes);
    expect(await decodeErrors(damaged)).not.toEqual([]);
  });

  it('reads the number of every picture', async () => {
    const pictures = await decodePictures(good);
    expect(pictures.map((picture) => pictureNumber(picture))).toEqual(
      Array.from({ length: 120 }, (_, i) => i),
    );
  });

  it('hears a planted dropout of 50 ms and no other', async () => {
    const path = folder.file('dropout.flv');
    await writeBeepAndFlash(
      path,
      { seconds: 2, width: 320, height: 180, dropout: { startMs: 1_500, endMs: 1_550 } },
      { audio: 'aac' },
    );
    const sound = await decodeSound(path);
    const [beepMs] = beepOnsets(sound, beepAndFlashDefaults.beepHz);
    if (beepMs === undefined) throw new Error('no beep heard');
    // The silence that an encoder puts before its first frame, and its last window, are no dropouts.
    const dropouts = toneDropouts(sound, beepAndFlashDefaults.pilotHz, 0.008).filter(
      ({ startMs, endMs }) => startMs > 100 && endMs < 1_900,
    );
    expect(dropouts).toHaveLength(1);
    const { startMs = 0, endMs = 0 } = dropouts[0] ?? {};
    expect(Math.abs(startMs - beepMs - 1_500)).toBeLessThan(judgeErrorMs);
    expect(Math.abs(endMs - startMs - 50)).toBeLessThan(judgeErrorMs);
  });

  it('sees black and frozen pictures', async () => {
    const path = folder.file('frozen.flv');
    await Program.run('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30:duration=1'],
      ...[
        '-vf',
        'tpad=stop_mode=clone:stop_duration=1,tpad=stop_duration=0.5:color=black',
        '-c:v',
        'libx264',
        path,
      ],
    ]);
    const pictures = await decodePictures(path);
    expect(blackPictures(pictures)).toBe(15);
    expect(longestFreezeMs(pictures)).toBeGreaterThan(900);
    expect(longestFreezeMs(await decodePictures(good))).toBeLessThan(2 * pictureMs);
  });
});
