import { HOP, type Sound } from './sound.js';

/** Levels are those of stretches of this length. */
export const LEVEL_MS = 5;
/** Codecs blur a break or a step over this long on either side, in samples. */
export const BLUR = 144;
/** No sound decays by as much within a millisecond: it was cut. */
const CUT = 1e-6;
const CUT_FROM = 0.02;
/** Between two samples: half the step of 16 bits and less is silence, from this share of the 5 ms beside it on. */
const SILENT = 2e-5;
const BESIDE = 8;
const CUT_BESIDE = 0.03;

/** Of one channel, or the sum of all. */
export function energyAt(sound: Sound, channel: number | undefined, hop: number): number {
  const at = hop - sound.firstHop;
  if (channel !== undefined) return sound.measures[channel]!.energy[at] ?? 0;
  let sum = 0;
  for (const { energy } of sound.measures) sum += energy[at] ?? 0;
  return sum;
}

/** Of a series of hops, over indices in [from, to]; missing ones are 0. */
export function meanOf(series: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i <= to; i++) sum += series[i] ?? 0;
  return sum / Math.max(1, to - from + 1);
}

/** Over hops in [from, to]. */
export function mean(sound: Sound, channel: number | undefined, from: number, to: number): number {
  let sum = 0;
  for (let hop = from; hop <= to; hop++) sum += energyAt(sound, channel, hop);
  return sum / Math.max(1, to - from + 1);
}

/** Whether the sound ends within a hop, from not far below the level around. */
export function endsInHop(
  sound: Sound,
  { at, level }: { readonly at: number; readonly level: number },
): boolean {
  const last = energyAt(sound, undefined, at - 2);
  return last > CUT_FROM * level && energyAt(sound, undefined, at) < CUT * last;
}

/**
 * Whether a silence begins (`side` -1: the sound is before it) or ends (1) between two samples in or next to a hop, with
 * the sound beside it as loud as it is around: a gate or a performer takes longer, and goes through zero.
 */
export function isCut(sound: Sound, hop: number, side: 1 | -1): boolean {
  const edge = hop * HOP;
  const reach = 2 * HOP;
  const beside = Math.round((LEVEL_MS * sound.sampleRate) / 1000);
  const from = side < 0 ? edge + reach - 1 : edge - reach;
  let first = -1;
  for (let i = 0; i < 2 * reach && first < 0; i++) if (power(sound, from + side * i) > SILENT ** 2) first = i;
  // Sound right at the beginning: the silence is elsewhere.
  if (first <= 0) return false;
  const at = from + side * first;
  let near = 0;
  let around = 0;
  for (let i = 0; i < beside; i++) {
    around += power(sound, at + side * i);
    if (i === BESIDE - 1) near = around;
  }
  return near / BESIDE > (CUT_BESIDE * around) / beside;
}

/** Of one sample, all channels. */
function power(sound: Sound, position: number): number {
  let sum = 0;
  for (let channel = 0; channel < sound.channels; channel++) {
    sum += (sound.view(channel, position, position + 1)[0] ?? 0) ** 2;
  }
  return sum;
}

/** The loudest 2 ms of hops in [from, to], all channels. */
export function peak(sound: Sound, from: number, to: number): number {
  let best = 0;
  for (let hop = from; hop + 2 <= to; hop++) best = Math.max(best, mean(sound, undefined, hop, hop + 2));
  return best;
}

/** The loudest 5 ms of hops in [from, to), all channels. */
export function loudest(sound: Sound, from: number, to: number): number {
  const length = sound.hops(LEVEL_MS);
  let best = 0;
  for (let hop = from; hop + length <= to; hop += length) {
    best = Math.max(best, mean(sound, undefined, hop, hop + length - 1));
  }
  return best;
}

/** Of an energy, full scale 0; no less than -120. */
export function decibels(energy: number): number {
  return 10 * Math.log10(Math.max(energy, 1e-12));
}
