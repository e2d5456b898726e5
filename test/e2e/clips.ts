import { writeBeepAndFlash, type BeepAndFlash } from '../peers/beep-and-flash.js';
import type { TempDir } from '../peers/temp-dir.js';

/** IDRs are this many pictures apart over all renditions of a clip: a keyframe request is answered within 200 ms. */
const idrDistance = 6;
const gopFrames = 30;
/** What OBS sends by default. */
const rtmpGopFrames = 60;

/** Makes a beep-and-flash clip to be sent by WebRTC, in renditions with their IDRs at different places. */
export async function whipClip(
  folder: TempDir,
  name: string,
  options: Partial<BeepAndFlash> & { readonly videoBitrateBps?: number } = {},
): Promise<string[]> {
  const { videoBitrateBps = 1_500_000, ...clip } = options;
  const paths: string[] = [];
  for (let first = gopFrames; first > 0; first -= idrDistance) {
    const path = folder.file(`${name}-${first}.mp4`);
    const format = { audio: 'opus', gopFrames, firstGopFrames: first, videoBitrateBps } as const;
    await writeBeepAndFlash(path, clip, format);
    paths.push(path);
  }
  return paths;
}

/** Makes a clip as OBS would send it, with B-frames and an IDR every two seconds. */
export async function rtmpClip(
  folder: TempDir,
  name: string,
  options: Partial<BeepAndFlash> = {},
): Promise<string> {
  const path = folder.file(`${name}.mp4`);
  await writeBeepAndFlash(path, options, { video: 'main-b', gopFrames: rtmpGopFrames });
  return path;
}
