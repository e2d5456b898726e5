import type { Random } from './random.js';

const FIRST_AT_MS = 2600;
const APART_MS = 3300;
/** Something must follow the last one. */
const LAST_BEFORE_END_MS = 3000;

/** Where the defects of one capture are, in ms: far enough apart for each to be a case of its own. */
export function defectPlaces(seconds: number, random: Random): number[] {
  const times: number[] = [];
  for (let ms = FIRST_AT_MS; ms < seconds * 1000 - LAST_BEFORE_END_MS; ms += APART_MS)
    times.push(ms + random.integer(-150, 150));
  return times;
}
