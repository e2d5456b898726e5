import type { Report, SoundDetector } from '../detector.js';
import type { Verdict } from '../finding.js';
import { Habits } from './habits.js';
import { decibels, mean } from './levels.js';
import type { SoundPlace } from './place-map.js';
import { HOP, type Sound } from './sound.js';

/** A side is gone when, in this long, it has fallen to this share by itself and beside the other. */
const NOW_MS = 2;
const GONE = 0.13;
/** What it is compared with: this long before, but for what a codec blurs. */
const BEFORE_MS = 20;
const BLUR_MS = 2.7;
/** No dip begins above this share of the energy of late, over some 16 hops. */
const MAYBE = 0.3;
const USUAL_RATE = 1 / 16;
/** It is back when its share beside the other is this much of what it was. */
const BACK = 0.25;
const MIN_MS = 4.5;
/** In stereo the sides cancel out for a shorter time, without being gone. */
const SURE_MS = 5;
/** A side that stays away longer is told without waiting for its return, if it is gone altogether. */
const LONG_MS = 400;
const GONE_DEPTH_DB = 35;
/** It comes back as it went: instruments that move from side to side do not. */
const SAME_DB = 6;
const MIN_DEPTH_DB = 9;
const MIN_HIGHS_DB = 6;
/** It need not be so in the highs, where it is so deep and comes back so much as it was. */
const PLAIN_DB = 18;
const PLAIN_SAME_DB = 1.5;
const PLAIN_MS = 5;
const PLAIN_DEVIATIONS = 10;
/** A shorter dip that is no deeper leaves the side there. */
const SHORT_MS = 10;
const SHALLOW_DB = 15;
/** The depth, over how much the sides differ from moment to moment, in standard deviations. */
const DEVIATIONS = 4;
const SPREAD_MS = 60;
/** The other side does not fall by more than this, as where both are gated. */
const GOES_ON_DB = 8;
/** A side that grows by more than this as the other goes took over. */
const TAKES_OVER_DB = 11;
/** It is compared with this long before: fades from side to side take some time. */
const EARLIER_MS = [260, 60] as const;
const MIN_LEVEL = 3e-6;

interface Dip {
  readonly from: number;
  /** Energy of this side and of the other before. */
  readonly own: number;
  readonly other: number;
  readonly place: SoundPlace;
}

interface Side {
  readonly channel: number;
  readonly habits: Habits;
  next: number;
  /** Energy of late, by which hops that cannot begin a dip are told. */
  usual: number;
  open: Dip | undefined;
}

/** One side falls out, hard, while the other goes on as it was: judged by what lies between the sides, not by levels. */
export class ChannelDropout implements SoundDetector {
  readonly #report: Report;
  readonly #sides: Side[] = [0, 1].map((channel) => ({
    channel,
    habits: new Habits(),
    next: 0,
    usual: 0,
    open: undefined,
  }));

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    if (sound.channels < 2) return;
    const margin = sound.hops(SPREAD_MS + BLUR_MS) + 2;
    for (const side of this.#sides) {
      side.next = Math.max(side.next, sound.firstHop + margin);
      for (; side.next + margin < sound.endHop; side.next++) this.#look(sound, side);
      side.habits.advance(sound.endPosition, sound.sampleRate);
    }
  }

  end(sound: Sound): void {
    for (const { habits } of this.#sides) habits.end(sound.sampleRate);
  }

  #look(sound: Sound, side: Side): void {
    const { channel, next: at } = side;
    if (side.open === undefined) {
      // Most hops end here.
      const energy = sound.measures[channel]!.energy[at - sound.firstHop]!;
      side.usual += USUAL_RATE * (energy - side.usual);
      if (energy > MAYBE * side.usual) return;
    }
    const now = sound.hops(NOW_MS);
    const measures = sound.measures;
    const ownNow = sumOf(measures[channel]!.energy, at - sound.firstHop, now) / now;
    const otherNow = sumOf(measures[1 - channel]!.energy, at - sound.firstHop, now) / now;
    const dip = side.open;
    if (dip === undefined) {
      if (ownNow > GONE * otherNow * 16 || otherNow < MIN_LEVEL) return;
      const until = at - sound.hops(BLUR_MS);
      const from = until - sound.hops(BEFORE_MS);
      const own = mean(sound, channel, from, until);
      const other = mean(sound, 1 - channel, from, until);
      if (own < MIN_LEVEL || ownNow > GONE * own || ownNow * other > GONE * otherNow * own) return;
      side.open = { from: at, own, other, place: sound.locate(at * HOP) };
      return;
    }
    const lengthMs = sound.ms((at - dip.from) * HOP);
    const isBack = ownNow * dip.other > BACK * otherNow * dip.own;
    if (!isBack && lengthMs < LONG_MS) return;
    side.open = undefined;
    this.#judge(sound, side, dip, { to: at + (isBack ? now : 0), isBack });
  }

  #judge(sound: Sound, side: Side, dip: Dip, { to, isBack }: { to: number; isBack: boolean }): void {
    const { channel } = side;
    const lengthMs = sound.ms((to - dip.from) * HOP);
    if (lengthMs < MIN_MS) return;
    const other = 1 - channel;
    // Its edges are blurred, and click.
    const edge = Math.max(2, Math.round((to - dip.from) / 4));
    const inside: [number, number] = [dip.from + edge, to - edge - 1];
    const [ownIn, otherIn] = [mean(sound, channel, ...inside), mean(sound, other, ...inside)];
    const between = (own: number, beside: number): number => decibels(own) - decibels(beside);
    const before = between(dip.own, dip.other);
    const depth = before - between(ownIn, otherIn);
    const fall = decibels(dip.own) - decibels(ownIn);
    const mayBeShallow = lengthMs >= SURE_MS && isBack;
    if (Math.min(depth, fall) < (mayBeShallow ? MIN_DEPTH_DB : GONE_DEPTH_DB)) return;
    if (decibels(otherIn) - decibels(dip.other) < -GOES_ON_DB) return;
    if (!isBack) {
      const [early, late] = EARLIER_MS.map((ms) => dip.from - sound.hops(ms));
      if (decibels(otherIn) - decibels(mean(sound, other, early!, late!)) > TAKES_OVER_DB) return;
    }
    let changeDb = 0;
    if (isBack) {
      const back = to + sound.hops(BLUR_MS);
      const until = back + sound.hops(BEFORE_MS);
      const after = between(mean(sound, channel, back, until), mean(sound, other, back, until));
      changeDb = Math.abs(after - before);
      if (changeDb > SAME_DB) return;
    }
    const spread = this.#spread(sound, channel, dip.from - sound.hops(BLUR_MS));
    if (depth < MIN_DEPTH_DB / 2 + DEVIATIONS * spread) return;
    // Codecs fill the highs of a short dip with noise.
    const isDeep =
      lengthMs > PLAIN_MS && Math.min(depth, fall) > PLAIN_DB && depth > PLAIN_DEVIATIONS * spread;
    const isPlain = isBack && isDeep && changeDb < PLAIN_SAME_DB;
    if (!isPlain && this.#depthOfHighs(sound, channel, dip.from, inside) < MIN_HIGHS_DB) return;
    const pause = { position: dip.from * HOP, lengthMs };
    side.habits.hold(pause, (isHabit) => this.#tell(channel, dip, { lengthMs, depth, isHabit }));
  }

  /** By how much the high frequencies of a side fall, in dB: low notes come and go on one side alone. */
  #depthOfHighs(
    sound: Sound,
    channel: number,
    from: number,
    [first, last]: readonly [number, number],
  ): number {
    const until = from - sound.hops(BLUR_MS);
    const levels = [until - sound.hops(BEFORE_MS), first].map((start, n) => {
      const end = n === 0 ? until : last;
      const sums = [channel, 1 - channel].map((one) =>
        sumOf(sound.measures[one]!.rough, start - sound.firstHop, end - start + 1),
      );
      return decibels(sums[0]!) - decibels(sums[1]!);
    });
    return levels[0]! - levels[1]!;
  }

  /** How much what lies between the sides varies, in dB, in stretches of {@link MIN_MS}. */
  #spread(sound: Sound, channel: number, until: number): number {
    const length = sound.hops(MIN_MS);
    const values: number[] = [];
    for (let from = until - sound.hops(SPREAD_MS); from + length <= until; from += length) {
      const [own, other] = [channel, 1 - channel].map((one) => mean(sound, one, from, from + length - 1));
      values.push(decibels(own!) - decibels(other!));
    }
    const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length);
  }

  #tell(
    channel: number,
    { place, own }: Dip,
    { lengthMs, depth, isHabit }: { lengthMs: number; depth: number; isHabit: boolean },
  ): void {
    this.#report({
      kind: 'channel-dropout',
      medium: 'audio',
      ...verdict(lengthMs, depth, isHabit),
      timeMs: place.timeMs,
      durationMs: lengthMs,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: {
        channel: channel + 1,
        lengthMs: Math.round(lengthMs * 100) / 100,
        levelBeforeDb: Math.round(decibels(own) * 10) / 10,
        depthDb: Math.round(depth),
      },
      cause: 'one channel was lost: a cable, a device, or a mix',
    });
  }
}

function verdict(lengthMs: number, depthDb: number, isHabit: boolean): Verdict {
  if (isHabit) return { severity: 'info', reason: 'one of many alike: panned sound rather than a defect' };
  if (lengthMs < SHORT_MS && depthDb < SHALLOW_DB) {
    return { severity: 'info', reason: `one side dips for ${lengthMs.toFixed(1)} ms, but is not gone` };
  }
  return {
    severity: lengthMs >= 20 ? 'major' : 'minor',
    reason: `one side is gone for ${lengthMs.toFixed(1)} ms`,
  };
}

function sumOf(series: Float32Array, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += series[i]!;
  return sum;
}
