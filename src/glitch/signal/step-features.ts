import type { Features } from './forest.js';
import type { GainStep } from './gain-step.js';
import { decibels } from './levels.js';
import { HOP, type Sound } from './sound.js';

/** Edges of spans on either side of a step, in ms; what is nearer is blurred by a codec. */
const SPANS_MS = [1.5, 4, 8, 20, 50, 150];

/** How much sound {@link measureStep} needs after a place. */
export const STEP_AHEAD_MS = 151;

/** Measures of what sets a gain apart from a note, a consonant or an end of sound, by name; and the gain if it is one. */
export interface MeasuredStep {
  readonly features: Features;
  readonly stepDb: number;
}

/**
 * How level and highs step from spans next to a place to others as far on the other side, how they change on either side by
 * themselves, and how far all bands step alike. Undefined where there is too little sound to step.
 */
export function measureStep(
  sound: Sound,
  position: number,
  { bands }: { readonly bands: GainStep },
): MeasuredStep | undefined {
  const { stepDb, ...inBands } = bands.measure(sound, position) ?? {};
  if (stepDb === undefined) return undefined;
  // A rise is the mirror image of a fall only for gains: what rises is told apart.
  const sign = Math.sign(stepDb);
  const features: Record<string, number> = { sign, stepDb: sign * stepDb, ...inBands };
  for (const measure of ['energy', 'rough'] as const) {
    const before = levelsBeside(sound, position, { measure, direction: -1 });
    const after = levelsBeside(sound, position, { measure, direction: 1 });
    features[`${measure}Db`] = Math.max(before[1]!, after[1]!);
    for (const [n, level] of before.entries()) {
      features[`${measure}Step${n}`] = sign * (after[n]! - level);
      if (n === 0) continue;
      features[`${measure}Before${n}`] = level - before[0]!;
      features[`${measure}After${n}`] = after[n]! - after[0]!;
    }
  }
  return { features, stepDb };
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
