import type { PictureLook } from './picture-look.js';

/** For how long it is looked back, at least: half of a short fade. */
export const FADE_MS = 450;
/** In a fade the picture in the middle is further from the mean of both ends by no more than this share of their distance. */
const BENT = 0.15;

/**
 * Whether pictures went over into the last one in a straight line, each pixel for itself: they were mixed. What moves
 * covers and uncovers.
 *
 * @param looks at least {@link FADE_MS} up to a picture
 */
export function isFade(looks: readonly PictureLook[]): boolean {
  const [first, middle, last] = [looks[0], looks[looks.length >> 1], looks.at(-1)];
  if (first === undefined || middle === undefined || last === undefined) return false;
  if (last.timeMs - first.timeMs < FADE_MS) return false;
  const share = (middle.timeMs - first.timeMs) / (last.timeMs - first.timeMs);
  let [bent, distance] = [0, 0];
  for (const [i, from] of first.luma.entries()) {
    const way = last.luma[i]! - from;
    distance += Math.abs(way);
    bent += Math.abs(middle.luma[i]! - from - share * way);
  }
  return bent < BENT * distance;
}
