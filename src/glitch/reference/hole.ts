import { difference, energies, HOP, smooth, type Part, type Stretch } from './stretch.js';

/** In a hole the capture has less than this of the reference's power: what a codec smears into it. */
const LEFT = 0.25;
/** As a whole it has less than this, and hardly anything at its quietest: a codec of few bits leaves more. */
const LEFT_OF_ALL = 0.09;
const LEFT_AT_LEAST = 0.0125;
/** What a codec smears into a hole is short: a longer one is empty. */
const LONG_MS = 200;
const LEFT_OF_LONG = 0.004;
/** What is missing is all that the reference has: of sound that is only softer less is missing. */
const MISSING = 0.85;
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

/**
 * The longest hole of a stretch. Where one side goes on, that the other is gone says enough; where both are gone they must
 * be empty, as codecs of few bits leave out some of any sound.
 */
export function findHole(stretch: Stretch): Hole | undefined {
  const sides = stretch.heard.map((heard, channel) => {
    const powers = powersOf(heard, stretch.reference[channel]!);
    return { powers, parts: candidates(powers) };
  });
  const find = (isHole: (powers: Powers, part: Part, ms: number) => boolean): Hole | undefined => {
    const holes = sides.map(({ powers, parts }) =>
      longest(parts.filter((part) => isHole(powers, part, toMs(part, stretch.sampleRate)))),
    );
    return common(stretch, holes);
  };
  const found = find(isGone);
  return found?.channel === undefined ? find(isEmpty) : found;
}

/** The hole that both sides have, or the longer one of a side. */
function common(stretch: Stretch, holes: readonly (Part | undefined)[]): Hole | undefined {
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

/** Of parts in hops, in samples; the first of several. */
function longest(parts: readonly Part[]): Part | undefined {
  const best = parts.reduce<Part | undefined>(
    (most, part) => (most === undefined || length(part) > length(most) ? part : most),
    undefined,
  );
  return best && { from: best.from * HOP, to: best.to * HOP };
}

/** Of one channel, one value per hop. */
interface Powers {
  readonly own: Float64Array;
  readonly due: Float64Array;
  /** Of the difference. */
  readonly missing: Float64Array;
}

/** Hops from one where the reference's sound is gone to the last such one before the capture has sound again. */
function candidates({ own, due, missing }: Powers): Part[] {
  const bar = Math.max(SOUND, (SHARE * sum(due)) / due.length);
  const parts: Part[] = [];
  let from: number | undefined;
  let to = 0;
  for (let hop = 0; hop <= own.length; hop++) {
    const [here, wanted] = [own[hop] ?? 1, due[hop] ?? 0];
    // Where the reference is soft itself, nothing speaks against a hole that goes on.
    const isOpen = here < LEFT * Math.max(wanted, SOUND);
    const isGone =
      wanted > (from === undefined ? bar : SOUND) &&
      here < LEFT * wanted &&
      missing[hop]! > (1 - LEFT) * wanted * 0.5;
    if (isGone) {
      from ??= hop;
      to = hop + 1;
    } else if (!isOpen) {
      if (from !== undefined) parts.push({ from, to });
      from = undefined;
    }
  }
  return parts;
}

/** Whether it is long enough, and no dip that the difference has by chance. */
function isGone({ missing }: Powers, { from, to }: Part, ms: number): boolean {
  if (ms < LEAST_MS) return false;
  return ms >= SHORT_MS || sum(missing.subarray(from, to)) >= MOST * sum(missing);
}

function isEmpty(powers: Powers, part: Part, ms: number): boolean {
  if (!isGone(powers, part, ms)) return false;
  const { from, to } = part;
  const [own, due, missing] = [powers.own, powers.due, powers.missing].map((means) =>
    means.subarray(from, to),
  ) as [Float64Array, Float64Array, Float64Array];
  if (sum(own) > (ms < LONG_MS ? LEFT_OF_ALL : LEFT_OF_LONG) * sum(due)) return false;
  return sum(missing) >= MISSING * sum(due) && own.some((here, hop) => here < LEFT_AT_LEAST * due[hop]!);
}

function powersOf(heard: Float32Array, reference: Float32Array): Powers {
  return {
    own: smooth(energies(heard)),
    due: smooth(energies(reference)),
    missing: smooth(energies(difference(heard, reference))),
  };
}

function toMs(hops: Part, sampleRate: number): number {
  return (length(hops) * HOP * 1000) / sampleRate;
}

function sum(values: Float64Array): number {
  return values.reduce((total, x) => total + x, 0);
}

function length({ from, to }: Part): number {
  return to - from;
}

function overlap(one: Part, other: Part): number {
  const common = Math.min(one.to, other.to) - Math.max(one.from, other.from);
  return Math.max(0, common) / Math.max(1, Math.min(length(one), length(other)));
}
