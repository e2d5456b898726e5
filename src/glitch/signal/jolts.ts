import { Residual } from './residual.js';
import { HOP, type Sound } from './sound.js';

/** A sudden break of the waveform that stands alone in its surroundings and is no attack. */
export interface Jolt {
  /** Position of the sample. */
  readonly position: number;
  /** How far it stands out of the largest residual around it. */
  readonly ratio: number;
  /** Of the prediction's residual, full scale 1. */
  readonly size: number;
}

const CONTEXT_MS = 40;
/** Codecs smear a jolt over a short block on either side. */
const SMEAR_MS = 4;
const MIN_RATIO = 2.6;
/** Against the level of the sound: less is not heard. */
const MIN_LEVEL_SHARE = 0.3;
/** A residual that stands out this far is heard beside louder sound too: it has other frequencies. Beeps reach 0.1. */
const CLEAR_RATIO = 4.5;
const CLEAR_LEVEL_SHARE = 0.15;
const MIN_SIZE = 0.004;
/** Against the mean of the surroundings. */
const MIN_DEVIATIONS = 8;
/** More rise of energy across it is an attack, more fall an end of sound: neither is a defect by itself. */
const MAX_STEP = 3;
const MIN_ENERGY = 1e-7;

/** Other breaks of the sound's own have at least this share of a jolt's residual. */
const OWN_SHARE = 0.4;
const OWN_RATIO = 3;

/** Finds jolts hop by hop; clicks and breaks are told apart by others. */
export class Jolts {
  readonly #residual = new Residual();
  readonly #take: (jolt: Jolt, sound: Sound) => void;
  #next = 0;

  constructor(take: (jolt: Jolt, sound: Sound) => void) {
    this.#take = take;
  }

  advance(sound: Sound): void {
    const residual = this.#residual;
    residual.advance(sound);
    const context = sound.hops(CONTEXT_MS);
    const smear = sound.hops(SMEAR_MS);
    this.#next = Math.max(this.#next, sound.firstHop + context);
    for (; this.#next + context < residual.endHop; this.#next++) {
      const jolt = this.#judge(sound, { at: this.#next, context, smear });
      if (jolt === undefined) continue;
      this.#take(jolt, sound);
      this.#next += smear;
    }
  }

  /**
   * How many other breaks nearly as large there are within `ms` on either side, such as the beats of a voice or of crackle.
   * They need not stand alone, only out of their surroundings.
   */
  alike(sound: Sound, { position, size }: Jolt, ms: number): number {
    const residual = this.#residual;
    const smear = sound.hops(SMEAR_MS);
    const own = Math.floor(position / HOP);
    const from = Math.max(sound.firstHop, own - sound.hops(ms));
    const to = Math.min(residual.endHop - smear, own + sound.hops(ms));
    let count = 0;
    for (let hop = from; hop < to; hop++) {
      const peak = residual.peak(hop);
      if (peak < OWN_SHARE * size || Math.abs(hop - own) <= 2 * smear) continue;
      const around = Math.max(residual.power(hop - smear), residual.power(hop + smear));
      if (peak < OWN_RATIO * Math.sqrt(around)) continue;
      count++;
      hop += smear;
    }
    return count;
  }

  #judge(
    sound: Sound,
    { at, context, smear }: { at: number; context: number; smear: number },
  ): Jolt | undefined {
    const residual = this.#residual;
    const size = residual.peak(at);
    if (size < MIN_SIZE) return undefined;
    // Most hops end here: they do not even stand out of four others.
    const bar = size / MIN_RATIO;
    if (residual.peak(at - smear) > bar || residual.peak(at + smear) > bar) return undefined;
    if (residual.peak(at - 2 * smear) > bar || residual.peak(at + 2 * smear) > bar) return undefined;
    let largest = 0;
    let sum = 0;
    for (let i = 1; i <= context; i++) {
      const around = Math.max(residual.peak(at - i), residual.peak(at + i));
      if (i < smear) {
        if (around > size) return undefined;
        continue;
      }
      largest = Math.max(largest, around);
      if (largest > bar) return undefined;
      sum += residual.power(at - i) + residual.power(at + i);
    }
    if (size < MIN_DEVIATIONS * Math.sqrt(sum / (2 * (context - smear + 1)))) return undefined;
    const ratio = size / Math.max(largest, 1e-6);
    const [near, far] = [energies(sound, at, smear, 3 * smear), energies(sound, at, smear, context)];
    for (const { before, after } of [near, far]) {
      if (before < MIN_ENERGY || after < MIN_ENERGY) return undefined;
      if (after > MAX_STEP * before || before > MAX_STEP * after) return undefined;
    }
    const share = ratio >= CLEAR_RATIO ? CLEAR_LEVEL_SHARE : MIN_LEVEL_SHARE;
    if (size < share * Math.sqrt(Math.max(far.before, far.after))) return undefined;
    return { position: locate(sound, at), ratio, size };
  }
}

/** Mean energy of all channels from `near` to `far` hops on either side. */
function energies(sound: Sound, at: number, near: number, far: number): { before: number; after: number } {
  let before = 0;
  let after = 0;
  const centre = at - sound.firstHop;
  for (const { energy } of sound.measures) {
    for (let i = near; i <= far; i++) {
      before += energy[centre - i] ?? 0;
      after += energy[centre + i] ?? 0;
    }
  }
  const count = (far - near + 1) * sound.channels;
  return { before: before / count, after: after / count };
}

/** The sample of the hop where the second difference is largest. */
function locate(sound: Sound, hop: number): number {
  const from = hop * HOP - 2;
  let best = 2;
  let size = 0;
  for (let channel = 0; channel < sound.channels; channel++) {
    const pcm = sound.view(channel, from, from + HOP + 2);
    for (let i = 2; i < pcm.length; i++) {
      const bend = Math.abs(pcm[i]! - 2 * pcm[i - 1]! + pcm[i - 2]!);
      if (bend > size) [size, best] = [bend, i];
    }
  }
  return from + best;
}
