import type { Surface, Yuv } from '../libav/surface.js';
import { colourOfName } from './colour.js';
import { blend, fillCircle, plainText } from './overlay.js';
import { initialsOf } from './text.js';

/** How much darker than the disc the ground behind it is. */
const GROUND_SHARE = 0.45;

/** Draws what stands for a participant without a picture: the initials on a disc in the name's own colour. */
export function placeholder(surface: Surface, name: string): void {
  const { width, height } = surface;
  const disc = colourOfName(name);
  surface.fill({ x: 0, y: 0, width, height }, darker(disc, GROUND_SHARE));
  const radius = Math.min(width, height) * 0.28;
  fillCircle(surface, { x: width / 2, y: height / 2 }, radius, disc);
  const initials = plainText(initialsOf(name), Math.max(6, radius * 0.62), radius * 2);
  const x = Math.max(0, (width - initials.width) >> 1);
  // Capitals lie a little above the middle of a line, which has room for descenders.
  const y = Math.max(0, ((height - initials.height) >> 1) + Math.round(radius * 0.02));
  blend(surface, initials, x - (x % 2), y - (y % 2));
}

function darker(colour: Yuv, share: number): Yuv {
  const towards = (value: number, neutral: number): number => Math.round(neutral + (value - neutral) * share);
  return { y: towards(colour.y, 16), u: towards(colour.u, 128), v: towards(colour.v, 128) };
}
