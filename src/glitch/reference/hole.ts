import { difference, energies, HOP, smooth, type Part, type Stretch } from './stretch.js';

/** In a hole the capture has less than this of the reference's power: what a codec smears into it. */
const LEFT = 0.25;
/** There must be sound to have a hole in: −60 dB, and so much of the power of the whole stretch. */
const SOUND = 1e-6;
const SHARE = 0.05;
/** Shorter ones are beats of the sound with noise. */
const LEAST_MS = 1.3;
/** Both channels' holes are one when they share so much of the shorter one. */
const COMMON = 0.5;
const GOES_ON = 0.5;
/** What differs from the reference lies in a short hole for so much of it: aliases have such dips by chance. */
const MOST = 0.3;
const SHORT_MS = 4;

/** Where the reference has sound and the capture has none. */
export interface Hole extends Part {
  /** The only channel that is gone; undefined when all of them are. */
  readonly channel: number | undefined;
}

/** The longest hole of a stretch. */
export function findHole(stretch: Stretch): Hole | undefined {
  const holes = stretch.heard.map((heard, channel) =>
    longestHole(heard, stretch.reference[channel]!, stretch.sampleRate),
  );
  const [left, right] = holes;
  if (left === undefined && right === undefined) return undefined;
  if (stretch.heard.length === 1) return { ...left!, channel: undefined };
  if (left !== undefined && right !== undefined && overlap(left, right) >= COMMON) {
    return { from: Math.min(left.from, right.from), to: Math.max(left.to, right.to), channel: undefined };
  }
  const channel = right === undefined || (left !== undefined && length(left) > length(right)) ? 0 : 1;
  const hole = holes[channel]!;
  // A side that is silent in the reference, too, does not go on; nor does one that is nearly gone.
  const [own, due] = [stretch.heard, stretch.reference].map((sides) =>
    sides[1 - channel]!.subarray(hole.from, hole.to).reduce((sum, x) => sum + x * x, 0),
  ) as [number, number];
  const goesOn = due > SOUND * length(hole) && own > GOES_ON * due;
  return { ...hole, channel: goesOn ? channel : undefined };
}

function longestHole(heard: Float32Array, reference: Float32Array, sampleRate: number): Part | undefined {
  const [own, wanted] = [smooth(energies(heard)), smooth(energies(reference))];
  const lost = smooth(energies(difference(heard, reference)));
  const bar = Math.max(SOUND, (SHARE * wanted.reduce((sum, x) => sum + x, 0)) / wanted.length);
  let best: Part = { from: 0, to: 0 };
  let from: number | undefined;
  let to = 0;
  for (let hop = 0; hop <= own.length; hop++) {
    const [power, due] = [own[hop] ?? 1, wanted[hop] ?? 0];
    // Where the reference is soft itself, nothing speaks against a hole that goes on.
    const isOpen = power < LEFT * Math.max(due, SOUND);
    const isGone = due > bar && power < LEFT * due && lost[hop]! > (1 - LEFT) * due * 0.5;
    if (isGone) {
      from ??= hop;
      to = hop + 1;
    } else if (!isOpen) {
      if (from !== undefined && to - from > best.to - best.from) best = { from, to };
      from = undefined;
    }
  }
  const found = { from: best.from * HOP, to: best.to * HOP };
  const total = lost.reduce((sum, x) => sum + x, 0);
  const inside = lost.subarray(best.from, best.to).reduce((sum, x) => sum + x, 0);
  if (length(found) * 1000 < SHORT_MS * sampleRate && inside < MOST * total) return undefined;
  return length(found) * 1000 >= LEAST_MS * sampleRate ? found : undefined;
}

function length({ from, to }: Part): number {
  return to - from;
}

function overlap(one: Part, other: Part): number {
  const common = Math.min(one.to, other.to) - Math.max(one.from, other.from);
  return Math.max(0, common) / Math.max(1, Math.min(length(one), length(other)));
}
