import type { Report, SoundDetector } from '../detector.js';
import type { Verdict } from '../finding.js';
import { Forest, type Features, type Watch } from './forest.js';
import { dropoutForest } from './forests.js';
import { HeldPlaces } from './held-places.js';
import { decibels, mean, meanOf } from './levels.js';
import { HOP, type Sound } from './sound.js';

/** A side may be gone when, in this long, it has fallen to this share by itself and beside the other. */
const NOW_MS = 2;
const GONE = 0.2;
/** What it is compared with: this long before, but for what a codec blurs. */
const BEFORE_MS = 20;
const BLUR_MS = 2.7;
/** No dip begins above this share of the energy of late, over some 16 hops. */
const MAYBE = 0.4;
const USUAL_RATE = 1 / 16;
/** It is back when its share beside the other is this much of what it was. */
const BACK = 0.3;
const MIN_MS = 4;
/** A side that stays away longer is told without waiting for its return. */
const LONG_MS = 400;
/** A shallower dip, by itself or beside the other side, is none. */
const MIN_DEPTH_DB = 6;
/** A shorter dip that is no deeper leaves the side there. */
const SHORT_MS = 10;
const SHALLOW_DB = 15;
/** Stretches by which it is measured how far the sides differ from moment to moment. */
const STRETCH_MS = 4.5;
const SPREAD_MS = 60;
/** The other side is compared with this long before: fades from side to side take some time. */
const EARLIER_MS = [260, 60] as const;
const MIN_LEVEL = 3e-6;
/** What a dip is compared with on either side: sound that is panned dips again and again. */
const SECONDS_AROUND = 3;
/** From these odds on a dip is told: {@link Forest}. */
const LEAST_LOG_ODDS = 1.5;
/** Both sides are one sound where they differ by no more than this. */
const SAME_DB = 0.3;
const SURE_DEPTH_DB = 20;

interface Begun {
  readonly from: number;
  /** Energy of this side and of the other before. */
  readonly own: number;
  readonly other: number;
}

interface Dip {
  readonly position: number;
  readonly channel: number;
  readonly lengthMs: number;
  readonly levelDb: number;
  readonly depthDb: number;
  readonly features: Features;
}

interface Side {
  readonly channel: number;
  next: number;
  /** Energy of late, by which hops that cannot begin a dip are told. */
  usual: number;
  begun: Begun | undefined;
}

/**
 * One side falls out, hard, while the other goes on as it was: judged by what lies between the sides, not by levels. A
 * forest that has learned it from labelled sets tells it from instruments that end or move on one side.
 */
export class ChannelDropout implements SoundDetector {
  readonly #report: Report;
  readonly #watch: Watch | undefined;
  readonly #isDropout = new Forest(dropoutForest);
  readonly #sides: Side[] = [0, 1].map((channel) => ({ channel, next: 0, usual: 0, begun: undefined }));
  readonly #dips = new HeldPlaces<Dip>();

  constructor(report: Report, watch?: Watch) {
    this.#report = report;
    this.#watch = watch;
  }

  advance(sound: Sound): void {
    if (sound.channels < 2) return;
    const margin = sound.hops(SPREAD_MS + BLUR_MS) + 2;
    for (const side of this.#sides) {
      side.next = Math.max(side.next, sound.firstHop + margin);
      for (; side.next + margin < sound.endHop; side.next++) this.#look(sound, side);
    }
    this.#judge(sound, sound.endPosition);
  }

  end(sound: Sound): void {
    this.#judge(sound, Infinity);
  }

  #look(sound: Sound, side: Side): void {
    const { channel, next: at, begun } = side;
    if (begun === undefined) {
      // Most hops end here.
      const energy = sound.measures[channel]!.energy[at - sound.firstHop]!;
      side.usual += USUAL_RATE * (energy - side.usual);
      if (energy > MAYBE * side.usual) return;
    }
    const now = sound.hops(NOW_MS);
    const ownNow = mean(sound, channel, at, at + now - 1);
    const otherNow = mean(sound, 1 - channel, at, at + now - 1);
    if (begun === undefined) {
      if (otherNow < MIN_LEVEL) return;
      const until = at - sound.hops(BLUR_MS);
      const from = until - sound.hops(BEFORE_MS);
      const own = mean(sound, channel, from, until);
      if (own < MIN_LEVEL || ownNow > GONE * own) return;
      const other = mean(sound, 1 - channel, from, until);
      if (ownNow * other <= GONE * otherNow * own) side.begun = { from: at, own, other };
      return;
    }
    const lengthMs = sound.ms((at - begun.from) * HOP);
    const isBack = ownNow * begun.other > BACK * otherNow * begun.own;
    if (!isBack && lengthMs < LONG_MS) return;
    side.begun = undefined;
    this.#take(sound, channel, begun, { to: at + (isBack ? now : 0), isBack });
  }

  #take(sound: Sound, channel: number, begun: Begun, { to, isBack }: { to: number; isBack: boolean }): void {
    const { from } = begun;
    const lengthMs = sound.ms((to - from) * HOP);
    if (lengthMs < MIN_MS) return;
    const dip = measureDip(sound, channel, { ...begun, to });
    if (Math.min(dip.depthDb, dip.fallDb) < MIN_DEPTH_DB) return;
    const { depthDb } = dip;
    const features = { lengthMs, isBack: isBack ? 1 : 0, ...dip };
    const levelDb = decibels(begun.own);
    this.#dips.add({ position: from * HOP, channel, lengthMs, levelDb, depthDb, features });
  }

  #judge(sound: Sound, end: number): void {
    const span = SECONDS_AROUND * sound.sampleRate;
    this.#dips.judge(end, span, (dip) => {
      const others = this.#dips.around(dip, span);
      const asDeep = others.filter(({ depthDb }) => depthDb > dip.depthDb - 3);
      const features = { ...dip.features, others: others.length, asDeep: asDeep.length };
      this.#watch?.look(dip.position, features);
      if (isOfOneSound(features) || this.#isDropout.logOdds(features) >= LEAST_LOG_ODDS)
        this.#tell(sound, dip);
    });
  }

  #tell(sound: Sound, { position, channel, lengthMs, levelDb, depthDb }: Dip): void {
    const { timeMs, unit, byteOffset } = sound.locate(position);
    this.#report({
      kind: 'channel-dropout',
      medium: 'audio',
      ...verdict(lengthMs, depthDb),
      timeMs,
      durationMs: lengthMs,
      unit,
      byteOffset,
      measured: {
        channel: channel + 1,
        lengthMs: Math.round(lengthMs * 100) / 100,
        levelBeforeDb: Math.round(levelDb * 10) / 10,
        depthDb: Math.round(depthDb),
      },
      cause: 'one channel was lost: a cable, a device, or a mix',
    });
  }
}

/**
 * In dB: how deep a side falls beside the other (`depthDb`) and by itself, how deep in the highs (low notes come and go on
 * one side alone), how little of it is left, whether it is as before afterwards, and how the other side goes on.
 */
function measureDip(
  sound: Sound,
  channel: number,
  { from, to, own, other }: Begun & { readonly to: number },
): Features & Readonly<Record<'depthDb' | 'fallDb', number>> {
  const beside = 1 - channel;
  const [blur, span] = [sound.hops(BLUR_MS), sound.hops(BEFORE_MS)];
  // Its edges are blurred, and click.
  const edge = Math.max(2, Math.round((to - from) / 4));
  const inside = [from + edge, to - edge - 1] as const;
  const before = [from - blur - span, from - blur] as const;
  const after = [to + blur, to + blur + span] as const;
  const early = EARLIER_MS.map((ms) => from - sound.hops(ms)) as [number, number];
  const level = (one: number, [first, last]: readonly [number, number]): number =>
    decibels(mean(sound, one, first, last));
  const highs = (one: number, [first, last]: readonly [number, number]): number =>
    decibels(meanOf(sound.measures[one]!.rough, first - sound.firstHop, last - sound.firstHop));
  const ratioBefore = decibels(own) - decibels(other);
  const ratioOfHighs = (at: readonly [number, number]): number => highs(channel, at) - highs(beside, at);
  const ownInside = level(channel, inside);
  const otherInside = level(beside, inside);
  return {
    depthDb: ratioBefore - (ownInside - otherInside),
    fallDb: decibels(own) - ownInside,
    leftDb: ownInside,
    deepestDb: deepest(sound, channel, from, to),
    otherDb: decibels(other),
    otherRiseDb: otherInside - decibels(other),
    otherSinceDb: otherInside - level(beside, early),
    ratioBefore,
    ratioSince: ratioBefore - (level(channel, early) - level(beside, early)),
    ratioChange: Math.abs(level(channel, after) - level(beside, after) - ratioBefore),
    ownChange: Math.abs(level(channel, after) - decibels(own)),
    highsDepthDb: ratioOfHighs(before) - ratioOfHighs(inside),
    highsFallDb: highs(channel, before) - highs(channel, inside),
    highsChange: Math.abs(ratioOfHighs(after) - ratioOfHighs(before)),
    beginsDb: level(channel, [from - 4, from - 2]) - level(channel, [from + 2, from + 4]),
    endsDb: level(channel, [to + 1, to + 3]) - level(channel, [to - 5, to - 3]),
    spreadDb: spreadBefore(sound, channel, from - blur),
  };
}

/** One sound on both sides before and after, and all but gone on one of them: no set is needed to tell it. */
function isOfOneSound({ depthDb, spreadDb, ratioSince, ratioChange }: Features): boolean {
  return (
    depthDb! >= SURE_DEPTH_DB && [spreadDb!, ratioSince!, ratioChange!].every((db) => Math.abs(db) <= SAME_DB)
  );
}

/** The level of the softest of its hops, in dB. */
function deepest(sound: Sound, channel: number, from: number, to: number): number {
  const { energy } = sound.measures[channel]!;
  let least = Infinity;
  for (let hop = from; hop < to; hop++) least = Math.min(least, energy[hop - sound.firstHop] ?? 0);
  return decibels(least);
}

/** How much what lies between the sides varies, in dB, in stretches of {@link STRETCH_MS}. */
function spreadBefore(sound: Sound, channel: number, until: number): number {
  const length = sound.hops(STRETCH_MS);
  const values: number[] = [];
  for (let from = until - sound.hops(SPREAD_MS); from + length <= until; from += length) {
    const [own, other] = [channel, 1 - channel].map((one) => mean(sound, one, from, from + length - 1));
    values.push(decibels(own!) - decibels(other!));
  }
  const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length);
}

function verdict(lengthMs: number, depthDb: number): Verdict {
  if (lengthMs < SHORT_MS && depthDb < SHALLOW_DB) {
    return { severity: 'info', reason: `one side dips for ${lengthMs.toFixed(1)} ms, but is not gone` };
  }
  return {
    severity: lengthMs >= 20 ? 'major' : 'minor',
    reason: `one side is gone for ${lengthMs.toFixed(1)} ms`,
  };
}
