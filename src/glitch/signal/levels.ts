import type { Sound } from './sound.js';

/** Levels are those of stretches of this length. */
export const LEVEL_MS = 5;
/** No sound decays by as much within a millisecond: it was cut. */
const CUT = 1e-6;
const CUT_FROM = 0.02;

/** Of one channel, or the sum of all. */
export function energyAt(sound: Sound, channel: number | undefined, hop: number): number {
  const at = hop - sound.firstHop;
  if (channel !== undefined) return sound.measures[channel]!.energy[at] ?? 0;
  let sum = 0;
  for (const { energy } of sound.measures) sum += energy[at] ?? 0;
  return sum;
}

/** Over hops in [from, to]. */
export function mean(sound: Sound, channel: number | undefined, from: number, to: number): number {
  let sum = 0;
  for (let hop = from; hop <= to; hop++) sum += energyAt(sound, channel, hop);
  return sum / Math.max(1, to - from + 1);
}

/** Whether the sound ends within a hop, from not far below the level around. */
export function isCut(
  sound: Sound,
  channel: number | undefined,
  { at, level }: { readonly at: number; readonly level: number },
): boolean {
  const last = energyAt(sound, channel, at - 2);
  return last > CUT_FROM * level && energyAt(sound, channel, at) < CUT * last;
}

/** The loudest 2 ms of hops in [from, to]. */
export function peak(sound: Sound, channel: number | undefined, from: number, to: number): number {
  let best = 0;
  for (let hop = from; hop + 2 <= to; hop++) best = Math.max(best, mean(sound, channel, hop, hop + 2));
  return best;
}

/** The loudest 5 ms of hops in [from, to). */
export function loudest(sound: Sound, channel: number | undefined, from: number, to: number): number {
  const length = sound.hops(LEVEL_MS);
  let best = 0;
  for (let hop = from; hop + length <= to; hop += length) {
    best = Math.max(best, mean(sound, channel, hop, hop + length - 1));
  }
  return best;
}
