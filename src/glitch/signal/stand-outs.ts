import { FACTOR, type LowBand } from './low-band.js';
import { Residual, type Line } from './residual.js';
import { HOP, type Sound } from './sound.js';

/** A place where prediction fails as nowhere around it: in all the sound, or in its low band. */
export interface StandOut {
  /** Position of the sample. */
  readonly position: number;
  /** The largest residual of all the sound, full scale 1. */
  readonly size: number;
  /** Its power over that of the largest around it, in dB. */
  readonly ratioDb: number;
  /** Its power over that of the sound around it, in dB. */
  readonly shareDb: number;
  /** Power of the residual after it over that before it, in dB: an attack has more of it from here on. */
  readonly hissStepDb: number;
  /** Power of the sound after it over that before it, in dB; and the largest such change of a channel, positive. */
  readonly stepDb: number;
  readonly sideStepDb: number;
  /** Of the low band: energy of 2.7 ms of the residual over the most around it, in dB. */
  readonly lowRatioDb: number;
  /** The largest residual of the low band, as a power over that of the band around it, in dB. */
  readonly lowShareDb: number;
  /** Residual of all the sound, and of its low band, in the {@link PROFILE} spans around it, over that at the place, in dB. */
  readonly profile: readonly number[];
  readonly lowProfile: readonly number[];
}

const CONTEXT_MS = 40;
/** Codecs smear a break over a short block on either side. */
const SMEAR_MS = 4;
const MIN_RATIO = 1.6;
const MIN_LOW_RATIO = 1.3;
/** As magnitudes: less is not heard. */
const MIN_SIZE = 3e-4;
const MIN_LOW_POWER = 6e-8;
/** Hops whose energy is taken together in the low band, where a break rings longer. */
const RING = 4;
/** One break is in hops of both bands that lie so close. */
const SAME = 4;
/** The low band's break begins with a residual of this share of its largest. */
const BEGINS = 0.3;
/** Mean square: less is silence, on either side of a step. */
const SILENCE = 1e-7;
/** Edges of spans around a place, in hops from it: 20, 8, 4 and 1.3 ms on either side at 48 kHz. */
const PROFILE = [-30, -12, -6, -2, 3, 7, 13, 31];
/** Residual next to a place, in hops from it. */
const HISS = { near: 3, far: 13 };

interface Reach {
  /** In hops. */
  readonly context: number;
  readonly smear: number;
}

/** Finds such places hop by hop, with two predictors. Whether they are breaks is for others to tell. */
export class StandOuts {
  readonly #full = new Residual({ order: 12, block: 1024, fit: 1536, hop: HOP });
  readonly #low: Residual;
  #next = 0;

  constructor(low: LowBand) {
    this.#low = low.residual;
  }

  /**
   * @param take told of each place once there is enough sound after it
   * @param lookahead hops that it needs after the place
   */
  advance(
    sound: Sound,
    line: Line,
    { lookahead, take }: { readonly lookahead: number; readonly take: (found: StandOut) => void },
  ): void {
    this.#full.advance(line, sound.channels);
    const reach = { context: sound.hops(CONTEXT_MS), smear: sound.hops(SMEAR_MS) };
    const margin = Math.max(reach.context + RING, PROFILE.at(-1)!) + SAME;
    const known = Math.min(this.#full.endHop, this.#low.endHop);
    this.#next = Math.max(this.#next, sound.firstHop + margin);
    for (; this.#next < known - Math.max(lookahead, margin); this.#next++) {
      const hop = this.#next;
      const isFull = this.#standsOut(hop, reach);
      if (!isFull && !this.#standsOutLow(hop, reach)) continue;
      take(this.#measure(sound, hop, { ...reach, isFull }));
      // What is next to it belongs to it.
      this.#next += 2 * reach.smear;
    }
  }

  #standsOut(hop: number, { context, smear }: Reach): boolean {
    const residual = this.#full;
    const size = residual.peak(hop);
    if (size < MIN_SIZE) return false;
    const bar = size / MIN_RATIO;
    // Most hops end here: they do not even stand out of four others.
    for (let i = smear; i <= 2 * smear; i += smear)
      if (residual.peak(hop - i) > bar || residual.peak(hop + i) > bar) return false;
    for (let i = 1; i < smear; i++)
      if (residual.peak(hop - i) > size || residual.peak(hop + i) > size) return false;
    return this.#largest(hop, context, smear) <= bar;
  }

  #standsOutLow(hop: number, { context, smear }: Reach): boolean {
    const energy = this.#ring(hop);
    if (energy < RING * MIN_LOW_POWER) return false;
    const bar = energy / MIN_LOW_RATIO;
    for (let i = smear; i <= 2 * smear; i += smear)
      if (this.#ring(hop - i) > bar || this.#ring(hop + i) > bar) return false;
    for (let i = 1; i < smear; i++)
      if (this.#ring(hop - i) > energy || this.#ring(hop + i) > energy) return false;
    return this.#largestRing(hop, context, smear) <= bar;
  }

  /** Largest residual around a hop. */
  #largest(hop: number, context: number, smear: number): number {
    let largest = 0;
    for (let i = smear; i <= context; i++)
      largest = Math.max(largest, this.#full.peak(hop - i), this.#full.peak(hop + i));
    return largest;
  }

  /** Of the low band's residual, from a hop on. */
  #ring(hop: number): number {
    let sum = 0;
    for (let i = 0; i < RING; i++) sum += this.#low.power(hop + i);
    return sum;
  }

  #largestRing(hop: number, context: number, smear: number): number {
    let largest = 0;
    for (let i = smear; i <= context; i++)
      largest = Math.max(largest, this.#ring(hop - i), this.#ring(hop + i));
    return largest;
  }

  #measure(
    sound: Sound,
    hop: number,
    { context, smear, isFull }: Reach & { readonly isFull: boolean },
  ): StandOut {
    const [full, low] = [this.#full, this.#low];
    let lowHop = hop;
    for (let i = -SAME; i <= SAME / 2; i++) if (this.#ring(hop + i) > this.#ring(lowHop)) lowHop = hop + i;
    let lowSize = 0;
    for (let i = 0; i < RING; i++) lowSize = Math.max(lowSize, low.peak(lowHop + i));
    let begins = lowHop;
    while (low.peak(begins) < BEGINS * lowSize) begins++;
    let fullHop = isFull ? hop : begins;
    if (!isFull)
      for (let i = -SAME; i <= SAME; i++)
        if (full.peak(begins + i) > full.peak(fullHop)) fullHop = begins + i;
    const size = full.peak(fullHop);
    const ratio = size / (this.#largest(fullHop, context, smear) + 1e-6);
    const { before, after, sideStepDb } = levels(sound, fullHop, { context, smear });
    const level = Math.max(before, after) + 1e-9;
    return {
      position: isFull || ratio > MIN_RATIO ? full.peakAt(fullHop) : low.peakAt(begins) * FACTOR,
      size,
      ratioDb: decibels(ratio * ratio),
      shareDb: decibels((size * size) / level),
      hissStepDb: decibels(
        full.meanPower(fullHop + HISS.near + 1, fullHop + HISS.far + 1) /
          full.meanPower(fullHop - HISS.far, fullHop - HISS.near),
      ),
      stepDb: decibels((after + SILENCE) / (before + SILENCE)),
      sideStepDb,
      lowRatioDb: decibels(this.#ring(lowHop) / (this.#largestRing(lowHop, context, smear) + 1e-10)),
      lowShareDb: decibels((lowSize * lowSize) / level),
      profile: profileOf(full, fullHop, size * size),
      lowProfile: profileOf(low, begins, lowSize * lowSize),
    };
  }
}

function profileOf(residual: Residual, hop: number, square: number): number[] {
  return PROFILE.slice(1).map((to, n) =>
    decibels(residual.meanPower(hop + PROFILE[n]!, hop + to) / (square + MIN_LOW_POWER)),
  );
}

/** Mean squares of the channels together on either side, next to what a codec smears. */
function levels(
  sound: Sound,
  hop: number,
  { context, smear }: Reach,
): { readonly before: number; readonly after: number; readonly sideStepDb: number } {
  const centre = hop - sound.firstHop;
  const count = context - smear + 1;
  let [before, after, sideStepDb] = [0, 0, 0];
  for (const { energy } of sound.measures) {
    let [own, next] = [0, 0];
    for (let i = smear; i <= context; i++) {
      own += energy[centre - i] ?? 0;
      next += energy[centre + i] ?? 0;
    }
    before += own / count / sound.channels;
    after += next / count / sound.channels;
    sideStepDb = Math.max(sideStepDb, Math.abs(decibels((next / count + SILENCE) / (own / count + SILENCE))));
  }
  return { before, after, sideStepDb };
}

function decibels(ratio: number): number {
  return 10 * Math.log10(ratio + 1e-12);
}
