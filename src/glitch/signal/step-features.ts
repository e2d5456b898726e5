import type { Features } from './forest.js';
import { decibels } from './levels.js';
import { HOP, type Sound } from './sound.js';

/** Edges of spans on either side of a step, in ms; what is nearer is blurred by a codec. */
const SPANS_MS = [1.5, 4, 8, 20, 50, 150, 350];

/** How much sound {@link levelStep} needs after a place. */
export const STEP_AHEAD_MS = 351;

/** How level and highs step at a place. */
export interface LevelStep {
  readonly position: number;
  /** In dB, from 4 to 8 ms before it to as far behind it. */
  readonly stepDb: number;
  /**
   * By name: how both step from spans next to the place to others as far on the other side, and how they change on either
   * side by themselves. A rise is the mirror image of a fall only for gains: what rises is told apart.
   */
  readonly features: Features;
}

export function levelStep(sound: Sound, position: number): LevelStep {
  let stepDb = 0;
  const features: Record<string, number> = {};
  for (const measure of ['energy', 'rough'] as const) {
    const before = levelsBeside(sound, position, { measure, direction: -1 });
    const after = levelsBeside(sound, position, { measure, direction: 1 });
    if (measure === 'energy') stepDb = after[1]! - before[1]!;
    const sign = Math.sign(stepDb);
    features[`${measure}Db`] = Math.max(before[1]!, after[1]!);
    for (const [n, level] of before.entries()) {
      features[`${measure}Step${n}`] = sign * (after[n]! - level);
      if (n === 0) continue;
      features[`${measure}Before${n}`] = level - before[0]!;
      features[`${measure}After${n}`] = after[n]! - after[0]!;
    }
  }
  return { position, stepDb, features: { sign: Math.sign(stepDb), ...features } };
}

function levelsBeside(
  sound: Sound,
  position: number,
  { measure, direction }: { readonly measure: 'energy' | 'rough'; readonly direction: 1 | -1 },
): number[] {
  const at = Math.round(position / HOP) - sound.firstHop;
  const edges = SPANS_MS.map((ms) => sound.hops(ms));
  return edges.slice(1).map((to, n) => {
    const from = edges[n]!;
    let total = 0;
    for (const { [measure]: series } of sound.measures)
      for (let i = from; i < to; i++) total += series[direction > 0 ? at + i : at - 1 - i] ?? 0;
    return decibels(total / (to - from));
  });
}
