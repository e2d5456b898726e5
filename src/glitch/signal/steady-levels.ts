import { decibels, mean } from './levels.js';
import { HOP, type Sound } from './sound.js';

/** Looked at in slots of this length. */
const SLOT_MS = 20;
/** On either side of the slot that may hold the step. */
const SIDE_SLOTS = 12;
const MIN_STEP_DB = 4.5;
/** Largest standard deviation of the slots of one side. */
const STEADY_DB = 1;
/** That of tones in beats, also as a share of the step. */
const BEATS_DB = 2;
const BEATS = 0.28;
/** Every slot of one side is louder than every slot of the other by this much. */
const CLEAR_DB = 0.5;
/** A change of gain leaves the spectrum's balance alone. */
const BALANCE_DB = 1.5;
const BEATS_BALANCE_DB = 0.6;
const MIN_DB = -55;
/** Each channel steps by as much, but for this, over so many slots on either side. */
const SIDES_DB = 3.5;
const SIDES_SLOTS = 4;

/** Steps between sound that is steady before and sound that is steady, and of the same colour, after. */
export class SteadyLevels {
  readonly #levels: number[] = [];
  readonly #roughness: number[] = [];
  #next = 0;

  /** Steps that are in the sound by now and were not told before, in samples. */
  advance(sound: Sound): number[] {
    const slot = sound.hops(SLOT_MS);
    const found: number[] = [];
    this.#next = Math.max(this.#next, sound.firstHop);
    for (; this.#next + slot <= sound.endHop; this.#next += slot) {
      this.#add(sound, slot);
      if (this.#levels.length <= 2 * SIDE_SLOTS) continue;
      const stepDb = this.#step();
      if (stepDb === undefined) continue;
      const hop = sharpest(sound, this.#next - SIDE_SLOTS * slot, slot);
      if (isOfAllSides(sound, { hop, slot, stepDb })) found.push(HOP * hop);
    }
    return found;
  }

  #add(sound: Sound, slot: number): void {
    let level = 0;
    let rough = 0;
    const from = this.#next - sound.firstHop;
    for (const measures of sound.measures) {
      for (let i = from; i < from + slot; i++) {
        level += measures.energy[i]!;
        rough += measures.rough[i]!;
      }
    }
    this.#levels.push(decibels(level / slot));
    this.#roughness.push(decibels(rough / slot));
    if (this.#levels.length <= 2 * SIDE_SLOTS + 1) return;
    this.#levels.shift();
    this.#roughness.shift();
  }

  /** Around the middle slot. */
  #step(): number | undefined {
    const levels = this.#levels;
    // Most slots end here.
    if (Math.abs(levels[SIDE_SLOTS + 1]! - levels[SIDE_SLOTS - 1]!) < CLEAR_DB) return undefined;
    const before = levels.slice(0, SIDE_SLOTS);
    const after = levels.slice(SIDE_SLOTS + 1);
    const step = average(after) - average(before);
    if (Math.abs(step) < MIN_STEP_DB || Math.min(average(before), average(after)) < MIN_DB) return undefined;
    const [louder, softer] = step > 0 ? [after, before] : [before, after];
    if (Math.min(...louder) - Math.max(...softer) < CLEAR_DB) return undefined;
    const swing = Math.max(deviation(before), deviation(after));
    if (swing > Math.min(BEATS_DB, BEATS * Math.abs(step))) return undefined;
    const roughStep =
      average(this.#roughness.slice(SIDE_SLOTS + 1)) - average(this.#roughness.slice(0, SIDE_SLOTS));
    const isBalanced = Math.abs(roughStep - step) < (swing < STEADY_DB ? BALANCE_DB : BEATS_BALANCE_DB);
    return isBalanced ? step : undefined;
  }
}

/** A gain is of all channels: what only comes on one side and goes on another is none. */
function isOfAllSides(
  sound: Sound,
  { hop, slot, stepDb }: { readonly hop: number; readonly slot: number; readonly stepDb: number },
): boolean {
  return sound.measures.every((_, channel) => {
    const before = decibels(mean(sound, channel, hop - SIDES_SLOTS * slot, hop - 2));
    const after = decibels(mean(sound, channel, hop + 2, hop + SIDES_SLOTS * slot));
    return Math.max(before, after) < MIN_DB || Math.abs(after - before - stepDb) < SIDES_DB;
  });
}

/** The hop in and around a slot that parts loud from quiet best. */
function sharpest(sound: Sound, from: number, slot: number): number {
  const reach = sound.hops(8);
  let best = from;
  let contrast = -1;
  for (let hop = from - slot; hop <= from + 2 * slot; hop++) {
    let low = 0;
    let high = 0;
    for (const { energy } of sound.measures) {
      for (let i = 1; i <= reach; i++) {
        low += energy[hop - sound.firstHop - i] ?? 0;
        high += energy[hop - sound.firstHop + i - 1] ?? 0;
      }
    }
    const ratio = Math.abs(Math.log((high + 1e-12) / (low + 1e-12)));
    if (ratio > contrast) [contrast, best] = [ratio, hop];
  }
  return best;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const mean = average(values);
  return Math.sqrt(average(values.map((value) => (value - mean) ** 2)));
}
