import type { Report, SoundDetector } from '../detector.js';
import type { Verdict } from '../finding.js';
import { Forest, type Features, type Watch } from './forest.js';
import { burstForest } from './forests.js';
import { HeldPlaces } from './held-places.js';
import { decibels, meanOf } from './levels.js';
import { HOP, type Sound } from './sound.js';

/** Second difference against signal, as mean squares: 6 for white noise, under 1 for voices and most music. */
const LEAST_WHITE = 0.3;
/** Where the second difference grows and falls by so much, noise may begin and end. */
const STEP = 5;
const MIN_MS = 4;
const MAX_MS = 300;
/** Codecs blur an edge over this long. */
const EDGE_MS = 1.4;
const CONTEXT_MS = 12;
/** No codec's echo of the burst reaches back as far. */
const EARLIER_MS = [45, 25] as const;
const MIN_LEVEL = 1e-5;
/** What a burst is compared with on either side: garbage is rare, consonants and cymbals come again and again. */
const SECONDS_AROUND = 3;
/** This many others within this time on either side make it a sound. */
const HABIT = { count: 2, seconds: 1.5 };
/**
 * Plosives, up to this length, do not come from sound as loud as what follows them: garbage takes the place of sound that
 * goes on.
 */
const PLOSIVE_MS = 20;
const GOES_ON_DB = 9;
/** From these odds on a burst is told: {@link Forest}. */
const LEAST_LOG_ODDS = 1;

interface Burst {
  readonly position: number;
  readonly channel: number;
  readonly lengthMs: number;
  /** Mean square. */
  readonly level: number;
  readonly features: Features;
}

/** Hops of a channel in which noise has begun. */
interface Begun {
  readonly from: number;
  /** Mean square of the second difference. */
  readonly rough: number;
}

/**
 * White noise that begins and ends at once: what a decoder makes of garbage. A forest that has learned it from labelled
 * sets tells it from consonants, plosives and cymbals.
 */
export class NoiseBurst implements SoundDetector {
  readonly #report: Report;
  readonly #watch: Watch | undefined;
  readonly #isBurst = new Forest(burstForest);
  readonly #lanes: { next: number; begun: Begun | undefined }[] = [];
  readonly #bursts = new HeldPlaces<Burst>();

  constructor(report: Report, watch?: Watch) {
    this.#report = report;
    this.#watch = watch;
  }

  advance(sound: Sound): void {
    const context = sound.hops(EARLIER_MS[0]) + 1;
    for (let channel = 0; channel < sound.channels; channel++) {
      const lane = (this.#lanes[channel] ??= { next: 0, begun: undefined });
      lane.next = Math.max(lane.next, sound.firstHop + context);
      for (; lane.next + context < sound.endHop; lane.next++) {
        const { begun, next } = lane;
        if (begun === undefined) lane.begun = beginAt(sound, channel, next);
        else if (this.#isOver(sound, channel, begun, next)) lane.begun = undefined;
      }
    }
    this.#judge(sound, sound.endPosition);
  }

  end(sound: Sound): void {
    this.#judge(sound, Infinity);
  }

  #isOver(sound: Sound, channel: number, { from, rough }: Begun, hop: number): boolean {
    const series = sound.measures[channel]!.rough;
    const at = hop - sound.firstHop;
    const lengthMs = sound.ms((hop - from) * HOP);
    // Noise has soft moments of its own.
    const isOver = series[at]! < rough / STEP && meanOf(series, at, at + sound.hops(EDGE_MS)) < rough / STEP;
    if (!isOver) return lengthMs >= MAX_MS;
    if (lengthMs >= MIN_MS) {
      const span = { from: from - sound.firstHop, to: at };
      const level = meanOf(sound.measures[channel]!.energy, span.from + 1, at - 2);
      const features = { lengthMs, ...measureBurst(sound, channel, span) };
      this.#bursts.add({ position: from * HOP, channel, lengthMs, level, features });
    }
    return true;
  }

  #judge(sound: Sound, end: number): void {
    const span = SECONDS_AROUND * sound.sampleRate;
    this.#bursts.judge(end, span, (burst) => {
      const within = (samples: number): Burst[] =>
        this.#bursts.around(burst, samples).filter(({ channel }) => channel === burst.channel);
      const isAsLoud = ({ level }: Burst): boolean => level > burst.level / 2;
      const others = within(span);
      const asLoud = others.filter(isAsLoud);
      const features = { ...burst.features, others: others.length, asLoud: asLoud.length };
      this.#watch?.look(burst.position, features);
      if (isPlosive(burst) || this.#isBurst.logOdds(features) < LEAST_LOG_ODDS) return;
      const near = within(HABIT.seconds * sound.sampleRate).filter(isAsLoud);
      this.#tell(sound, burst, near.length >= HABIT.count);
    });
  }

  #tell(sound: Sound, { position, channel, lengthMs, level }: Burst, isHabit: boolean): void {
    const { timeMs, unit, byteOffset } = sound.locate(position);
    this.#report({
      kind: 'noise-burst',
      medium: 'audio',
      ...(isHabit ? habit : verdictOn(lengthMs)),
      timeMs,
      durationMs: lengthMs,
      unit,
      byteOffset,
      measured: {
        lengthMs: Math.round(lengthMs * 10) / 10,
        levelDb: Math.round(decibels(level) * 10) / 10,
        channel: channel + 1,
      },
      cause: 'a decoder was fed garbage, or other data were played as sound',
    });
  }
}

const habit: Verdict = { severity: 'info', reason: 'one of many alike: a sound rather than a defect' };

function verdictOn(lengthMs: number): Verdict {
  return {
    severity: lengthMs >= 10 ? 'major' : 'minor',
    reason: `${lengthMs.toFixed(1)} ms of white noise with hard edges`,
  };
}

function isPlosive({ lengthMs, features }: Burst): boolean {
  const { energyGoesOn, energySince } = features;
  const goesOn = Math.min(Math.abs(energyGoesOn!), Math.abs(energySince!)) < GOES_ON_DB;
  return lengthMs < PLOSIVE_MS && !goesOn;
}

function beginAt(sound: Sound, channel: number, hop: number): Begun | undefined {
  const { energy, rough } = sound.measures[channel]!;
  const at = hop - sound.firstHop;
  const edge = sound.hops(EDGE_MS);
  // Most hops end here.
  if (energy[at]! < MIN_LEVEL || rough[at]! < LEAST_WHITE * energy[at]!) return undefined;
  if (rough[at]! < STEP * Math.min(rough[at - edge]!, rough[at - 2 * edge]!)) return undefined;
  const last = at + sound.hops(MIN_MS) - 1;
  const inside = meanOf(rough, at + 1, last);
  const before = meanOf(rough, at - sound.hops(CONTEXT_MS), at - 2 * edge);
  if (inside < STEP * before || inside < LEAST_WHITE * meanOf(energy, at + 1, last)) return undefined;
  return { from: hop, rough: inside };
}

/** By name, in dB but for the length; hops count from the first one that is kept. */
function measureBurst(sound: Sound, channel: number, { from, to }: { from: number; to: number }): Features {
  const edge = sound.hops(EDGE_MS);
  const context = sound.hops(CONTEXT_MS);
  const earlier = EARLIER_MS.map((ms) => sound.hops(ms));
  const middle = Math.floor((from + to) / 2);
  const features: Record<string, number> = {};
  const insides: number[] = [];
  for (const measure of ['energy', 'rough'] as const) {
    const series = sound.measures[channel]![measure];
    const beside = sound.measures[sound.channels - 1 - channel]![measure];
    const level = (first: number, last: number, of = series): number => decibels(meanOf(of, first, last));
    const [before, inside, after] = [
      level(from - context, from - 2 * edge),
      level(from + 1, to - 2),
      level(to + edge, to + context),
    ];
    insides.push(inside);
    features[`${measure}Rise`] = inside - before;
    features[`${measure}Fall`] = inside - after;
    features[`${measure}GoesOn`] = after - before;
    features[`${measure}Since`] = after - level(from - earlier[0]!, from - earlier[1]!);
    features[`${measure}Later`] = level(to + earlier[1]!, to + earlier[0]!) - before;
    features[`${measure}Begins`] = level(from, from + 1) - level(from - 3, from - 2);
    features[`${measure}Ends`] = level(to - 3, to - 2) - level(to + 1, to + 2);
    features[`${measure}Even`] = level(middle, to - 2) - level(from + 1, middle);
    features[`${measure}Rough`] = unevenness(series, from + 1, to - 2);
    features[`${measure}Beside`] = level(from + 1, to - 2, beside) - inside;
    features[`${measure}BesideRise`] =
      level(from + 1, to - 2, beside) - level(from - context, from - 2 * edge, beside);
  }
  return { ...features, levelDb: insides[0]!, whiteDb: insides[1]! - insides[0]! };
}

/** By how much hops differ from each other, as a standard deviation in dB: noise of one level by 1.5. */
function unevenness(series: Float32Array, from: number, to: number): number {
  let [sum, squares] = [0, 0];
  for (let i = from; i <= to; i++) {
    const db = decibels(series[i]!);
    sum += db;
    squares += db * db;
  }
  const count = Math.max(1, to - from + 1);
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}
