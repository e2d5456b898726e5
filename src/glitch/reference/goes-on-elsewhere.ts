import type { Sound } from '../signal/sound.js';
import { alignChunk, CHUNK, findNear, middle, mix, power } from './align.js';
import { LEAVES_NOTHING, shareLeft } from './correlate.js';
import { FRAME, SKIRT } from './frame.js';
import type { Line } from './line.js';
import type { ReferenceSound } from './reference-sound.js';

/** What is looked for beyond a bad frame, in samples. */
export const PIECE = 4096;
/** Samples that are needed from the beginning of a frame on. */
export const AHEAD = SKIRT + 2 * FRAME + PIECE;
/** Smaller jumps are drift, in samples. */
export const LEAST_JUMP = 8;
/** Searched around the line at once, and after so many bad frames. */
const reaches = [
  { afterFrames: 1, reachSeconds: 0.1 },
  { afterFrames: 6, reachSeconds: 1 },
  { afterFrames: 40, reachSeconds: 10 },
] as const;
/** After so many the whole reference is searched, and again. */
const LOST_FRAMES = 300;
/** Another place must leave less than this of the error that the line leaves. */
const MUST_LEAVE = 0.3;
/** And no more than so many times what the codec leaves: half a note fits the other half quite well. */
const MAY_LEAVE = 4;
/** The line goes on where it leaves no more than the codec, and than this. */
const ON_LINE = 0.1;
/** Mean square from which on sound is like any other only where it is the same. */
const SILENCE = 1e-7;

interface BadFrame {
  /** Position of the first sample after it. */
  readonly after: number;
  readonly line: Line;
  /** In a row, this one included. */
  readonly badFrames: number;
  /** What the codec leaves of the sound, as a share of its energy. */
  readonly usualShare: number;
}

/** By how many samples the capture has jumped in the reference, when it goes on elsewhere after a bad frame. */
export function goesOnElsewhere(
  sound: Sound,
  reference: ReferenceSound,
  { after, line, badFrames, usualShare }: BadFrame,
): number | undefined {
  const ahead = after + SKIRT;
  const piece = middle(sound, ahead, PIECE);
  if (piece.length < PIECE || power(piece) < SILENCE) return undefined;
  const expected = line.place(ahead);
  const leftHere = shareLeft(likeness(piece, mix(line.read(reference, ahead, PIECE))));
  if (leftHere < Math.min(usualShare, ON_LINE) + LEAVES_NOTHING) return undefined;
  let found: { readonly at: number; readonly score: number } | undefined;
  if (badFrames % LOST_FRAMES === 0) {
    const anew = alignChunk(sound, sound.endPosition - CHUNK, reference);
    found = anew && findNear(piece, reference, anew.place(ahead), LEAST_JUMP);
  } else {
    const reach = reaches.findLast(
      ({ afterFrames }) => badFrames >= afterFrames && badFrames % afterFrames === 0,
    );
    if (reach === undefined) return undefined;
    found = findNear(piece, reference, expected, Math.round(reach.reachSeconds * sound.sampleRate));
  }
  if (found === undefined) return undefined;
  const left = shareLeft(found.score);
  if (left > MUST_LEAVE * leftHere) return undefined;
  if (left > MAY_LEAVE * usualShare + LEAVES_NOTHING) return undefined;
  return found.at - expected;
}

/** Normalised correlation. */
function likeness(a: Float32Array, b: Float32Array): number {
  let product = 0;
  for (let i = 0; i < a.length; i++) product += a[i]! * b[i]!;
  return product / (a.length * Math.sqrt(power(a) * power(b)) + 1e-12);
}
