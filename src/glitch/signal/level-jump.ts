import type { Report, SoundDetector } from '../detector.js';
import { GainStep } from './gain-step.js';
import { HOP, type Sound } from './sound.js';

/** Looked at in slots of this length. */
const SLOT_MS = 20;
/** On either side. */
const SIDE_SLOTS = 12;
const MIN_JUMP_DB = 4.5;
/** Largest standard deviation of the slots of one side. */
const STEADY_DB = 1;
/** A change of gain leaves the spectrum's balance alone. */
const BALANCE_DB = 1.5;
const MIN_DB = -55;
/** In sound that is not steady: slots next to the step, of which the middle one holds a part, and the step in all bands. */
const MIN_NEAR_DB = 3.5;
const MIN_GAIN_DB = 4;
/** More is an end or a beginning of sound. */
const MAX_GAIN_DB = 20;

/**
 * A sudden, lasting change of gain in sound that is steady and of one colour on both sides, or whose bands all change by
 * as much at once.
 */
export class LevelJump implements SoundDetector {
  readonly #report: Report;
  readonly #gain = new GainStep();
  readonly #levels: number[] = [];
  readonly #roughness: number[] = [];
  #next = 0;
  #silentUntil = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    const slot = sound.hops(SLOT_MS);
    this.#next = Math.max(this.#next, sound.firstHop);
    for (; this.#next + slot <= sound.endHop; this.#next += slot) {
      let energy = 0;
      let rough = 0;
      for (const measures of sound.measures) {
        for (let i = this.#next - sound.firstHop; i < this.#next - sound.firstHop + slot; i++) {
          energy += measures.energy[i]!;
          rough += measures.rough[i]!;
        }
      }
      this.#levels.push(decibels(energy / slot));
      this.#roughness.push(decibels(rough / slot));
      if (this.#levels.length > 2 * SIDE_SLOTS + 1) {
        this.#levels.shift();
        this.#roughness.shift();
      }
      if (this.#levels.length === 2 * SIDE_SLOTS + 1) this.#judge(sound, this.#next + slot);
    }
  }

  /** The middle slot may hold the jump; the sides must not. */
  #judge(sound: Sound, endHop: number): void {
    if (endHop < this.#silentUntil) return;
    const before = this.#levels.slice(0, SIDE_SLOTS);
    const after = this.#levels.slice(SIDE_SLOTS + 1);
    // Right at the edge, where even voices have no time to change.
    const near = average(after.slice(0, 2)) - average(before.slice(-2));
    if (Math.abs(near) < MIN_NEAR_DB || Math.min(before.at(-1)!, after[0]!) < MIN_DB) return;
    const slot = sound.hops(SLOT_MS);
    const hop = this.#refine(sound, endHop - (SIDE_SLOTS + 1) * slot, slot);
    const jump = this.#steadyJump(before, after) ?? this.#gainStep(sound, hop);
    if (jump === undefined) return;
    const place = sound.locate(hop * HOP);
    this.#silentUntil = endHop + 3 * slot;
    this.#report({
      kind: 'level-jump',
      medium: 'audio',
      severity: Math.abs(jump) >= 10 ? 'major' : 'minor',
      reason: `the level ${jump > 0 ? 'rises' : 'falls'} by ${Math.abs(jump).toFixed(1)} dB at once`,
      timeMs: place.timeMs,
      durationMs: 0,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: { jumpDb: Math.round(jump * 10) / 10, beforeDb: Math.round(average(before) * 10) / 10 },
      cause: 'two sources of different loudness were joined, or a gain was switched',
    });
  }

  #steadyJump(before: readonly number[], after: readonly number[]): number | undefined {
    const jump = average(after) - average(before);
    if (Math.min(average(before), average(after)) < MIN_DB) return undefined;
    if (Math.abs(jump) < MIN_JUMP_DB || deviation(before) > STEADY_DB || deviation(after) > STEADY_DB)
      return undefined;
    const balance =
      average(this.#roughness.slice(SIDE_SLOTS + 1)) - average(this.#roughness.slice(0, SIDE_SLOTS)) - jump;
    return Math.abs(balance) > BALANCE_DB ? undefined : jump;
  }

  #gainStep(sound: Sound, hop: number): number | undefined {
    const step = this.#gain.at(sound, hop * HOP);
    return step !== undefined && Math.abs(step) >= MIN_GAIN_DB && Math.abs(step) <= MAX_GAIN_DB
      ? step
      : undefined;
  }

  /** The hop in and around the middle slot that parts loud from quiet best. */
  #refine(sound: Sound, from: number, slot: number): number {
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
}

function decibels(energy: number): number {
  return 10 * Math.log10(Math.max(energy, 1e-12));
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const mean = average(values);
  return Math.sqrt(average(values.map((value) => (value - mean) ** 2)));
}
