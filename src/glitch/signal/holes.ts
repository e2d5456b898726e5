import type { Report, SoundDetector } from '../detector.js';
import { holeInSound, silence } from '../severity.js';
import { Forest, type Features, type Watch } from './forest.js';
import { holeForest } from './forests.js';
import { Habits } from './habits.js';
import { decibels, endsInHop, energyAt, isCut, LEVEL_MS, loudest, mean, peak } from './levels.js';
import type { SoundPlace } from './place-map.js';
import { HOP, type Sound } from './sound.js';

/** The level that a hole is a hole in: the loudest {@link LEVEL_MS} of this long before and after it. */
const AROUND_MS = 40;
/** A fall to this share of the 5 ms before may begin a hole. */
const FALL = 0.04;
/** No hole begins above this share of the energy of late, over some 15 hops. */
const MAYBE = 0.1;
const USUAL_RATE = 1 / 16;
/** Codecs blur a hard edge over this long. */
const FALL_MS = 3;
/** The hole's end: back to this share of what was before. */
const RISE = 0.04;
/** Of the last and first milliseconds at a hard edge, the loudest two have this share of the level around. */
const EDGE = 0.3;
const EDGE_MS = 5;
/** Codecs blur a fall more than a rise. */
const FALL_EDGE_MS = 5;
/** Below this there is nothing to have a hole in. */
const MIN_LEVEL = 3e-6;
const MIN_HOLE_MS = 2.6;
const LONGEST_GAP_MS = 200;
/** Other dips as deep as this many times the hole's own make it part of the sound, as between pulses of a voice. */
const OWN_DIPS = 6;
/** Of such dips that are looked for, in hops. */
const DIP = 2;
/** Longer holes must be quieter than the quiet that the sound falls into by itself. */
const FLOOR_FROM_MS = 40;
const BELOW_FLOOR = 0.3;
const DEAD = 1e-9;
/** A hole is as quiet as its quietest stretch of this length: codecs smear the sound on either side into it. */
const CALM_MS = 20;
/** And as deep as its deepest of this one. */
const DEPTH_MS = 4;
/** With no more than this share of the level before, a hole may lie beside a note that is louder than what it cuts. */
const DEEP = 2.5e-3;
/** Only in less than this: a rest between two notes may be as deep. */
const DEEP_MS = 16;
/** From these odds on a hole is told: {@link Forest}; and from these on where its edges are hard by all of the above. */
const LEAST_LOG_ODDS = 0;
const LEAST_IF_HARD = -2;

interface Hole {
  readonly from: number;
  readonly level: number;
  /** Whether the sound was full right before it. Judged at once: a long hole's beginning is soon forgotten. */
  readonly hardFall: boolean;
  /** Of the last milliseconds before it, the loudest. */
  readonly last: number;
  /** Whether it ended between two samples. */
  readonly cutFall: boolean;
  /** Energy of the quietest {@link DIP} of {@link AROUND_MS} before it. */
  readonly ownDip: number;
  /** By name, of its beginning. */
  readonly begins: Features;
  readonly place: SoundPlace;
  to: number;
  energy: number;
  /** Mean energy of the quietest {@link CALM_MS}; of all of it when it is shorter. */
  calm: number;
  /** The same of {@link DEPTH_MS}. */
  depth: number;
}

/**
 * Holes in all channels with edges too hard for a performance: `gap` up to 200 ms, `silence-run` beyond. Which they are, a
 * forest tells that has learned it from labelled sets.
 */
export class Holes implements SoundDetector {
  readonly #report: Report;
  readonly #watch: Watch | undefined;
  readonly #isHole = new Forest(holeForest);
  readonly #habits = new Habits();
  #open: Hole | undefined;
  #next = 0;
  /** Energy of late, by which hops that cannot begin a hole are told. */
  #usual = 0;
  /** Holes that have ended and wait for what follows them. */
  readonly #waiting: Hole[] = [];
  /** The quietest that the sound has become by fading. */
  #floor = 1e-7;

  constructor(report: Report, watch?: Watch) {
    this.#report = report;
    this.#watch = watch;
  }

  advance(sound: Sound): void {
    const margin = sound.hops(AROUND_MS) + 2;
    this.#next = Math.max(this.#next, sound.firstHop + margin);
    for (; this.#next + 2 < sound.endHop; this.#next++) this.#look(sound, this.#next);
    while (this.#waiting.length > 0 && this.#waiting[0]!.to + margin < sound.endHop) {
      this.#judge(sound, this.#waiting.shift()!);
    }
    this.#habits.advance(sound.endPosition, sound.sampleRate);
  }

  end(sound: Sound): void {
    this.#habits.end(sound.sampleRate);
  }

  #look(sound: Sound, at: number): void {
    const energy = energyAt(sound, undefined, at);
    const hole = this.#open;
    if (hole === undefined) {
      // Most hops end here.
      this.#usual += USUAL_RATE * (energy - this.#usual);
      if (energy > MIN_LEVEL && energy > MAYBE * this.#usual) return;
      this.#begin(sound, at, energy);
    } else if (energy < RISE * hole.level) {
      hole.energy += energy;
      hole.calm = Math.min(hole.calm, meanOfLast(sound, hole, { at, ms: CALM_MS }));
      hole.depth = Math.min(hole.depth, meanOfLast(sound, hole, { at, ms: DEPTH_MS }));
    } else {
      this.#open = undefined;
      hole.to = at;
      hole.energy /= at - hole.from;
      hole.calm = Math.min(hole.calm, hole.energy);
      hole.depth = Math.min(hole.depth, hole.energy);
      if (sound.ms((hole.to - hole.from) * HOP) >= MIN_HOLE_MS) this.#waiting.push(hole);
    }
  }

  #begin(sound: Sound, at: number, energy: number): void {
    const until = at - sound.hops(FALL_MS);
    const before = mean(sound, undefined, until - sound.hops(LEVEL_MS), until);
    const cutFall = energy < DEAD && isCut(sound, at, -1);
    const last = cutFall ? Math.max(before, energyAt(sound, undefined, at - 2)) : before;
    if (last < MIN_LEVEL || energy > FALL * last) return;
    const level = loudest(sound, at - sound.hops(AROUND_MS), at);
    const beside = peak(sound, at - sound.hops(FALL_EDGE_MS), at - 1);
    const endsAtOnce = endsInHop(sound, { at, level });
    const hardFall = cutFall || beside > EDGE * level || endsAtOnce;
    const begins = {
      cutFall: cutFall ? 1 : 0,
      endsAtOnce: endsAtOnce ? 1 : 0,
      lastDb: decibels(beside) - decibels(level),
      fallDb:
        decibels(mean(sound, undefined, at - 4, at - 2)) - decibels(mean(sound, undefined, at + 1, at + 2)),
      levelDb: decibels(last),
      loudestDb: decibels(level) - decibels(last),
    };
    this.#open = {
      from: at,
      to: at,
      level: last,
      energy,
      calm: Infinity,
      depth: Infinity,
      hardFall,
      last: beside,
      cutFall,
      ownDip: quietest(sound, at - sound.hops(AROUND_MS), at - 1),
      begins,
      place: sound.locate(at * HOP),
    };
  }

  #judge(sound: Sound, hole: Hole): void {
    // Its ends lie, on average, in the middle of the hops next to it.
    const lengthMs = sound.ms((hole.to - hole.from + 1) * HOP);
    const levelAfter = loudest(sound, hole.to, hole.to + sound.hops(AROUND_MS));
    const closes = peak(sound, hole.to, hole.to + sound.hops(EDGE_MS));
    const isLong = lengthMs > FLOOR_FROM_MS;
    const isDeep = lengthMs < DEEP_MS && hole.depth < DEEP * hole.level;
    const after = mean(sound, undefined, hole.to, hole.to + sound.hops(LEVEL_MS));
    const hardFall = hole.hardFall || (isDeep && hole.last > EDGE * after);
    const cutRise = isCut(sound, hole.to, 1);
    const isCutOut = hole.cutFall && cutRise;
    const hardRise = isCutOut || closes > EDGE * (isDeep ? Math.min(levelAfter, hole.level) : levelAfter);
    if (isLong && !hardFall) this.#floor = Math.max(Math.min(this.#floor, hole.calm), DEAD);
    const isDead = hole.calm < DEAD || hole.calm < BELOW_FLOOR * this.#floor;
    const pause = { position: hole.from * HOP, lengthMs };
    this.#habits.note(pause);
    const nextDip = quietest(sound, hole.to, hole.to + sound.hops(AROUND_MS));
    const ownDip = Math.min(hole.ownDip, nextDip);
    const standsAlone = ownDip >= OWN_DIPS * Math.max(hole.depth, 1e-10);
    const hasHardEdges = isLong ? hardFall && isDead : isCutOut || (hardFall && hardRise && standsAlone);
    const isHard = hasHardEdges && (hardRise || lengthMs >= LONGEST_GAP_MS);
    const features = {
      ...hole.begins,
      lengthMs,
      isHard: isHard ? 1 : 0,
      cutRise: cutRise ? 1 : 0,
      meanDb: decibels(hole.energy) - decibels(hole.level),
      calmDb: decibels(hole.calm) - decibels(hole.level),
      depthDb: decibels(hole.depth) - decibels(hole.level),
      quietDb: decibels(hole.calm),
      floorDb: decibels(hole.calm) - decibels(this.#floor),
      ownDipDb: decibels(hole.ownDip) - decibels(hole.depth),
      nextDipDb: decibels(nextDip) - decibels(hole.depth),
      changeDb: decibels(after) - decibels(hole.level),
      lastByAfterDb: decibels(hole.last) - decibels(after),
      closesDb: decibels(closes) - decibels(levelAfter),
      closesByBeforeDb: decibels(closes) - decibels(hole.level),
      riseDb:
        decibels(mean(sound, undefined, hole.to + 1, hole.to + 3)) -
        decibels(mean(sound, undefined, hole.to - 3, hole.to - 2)),
    };
    this.#watch?.look(hole.from * HOP, features);
    if (this.#isHole.logOdds(features) < (isHard ? LEAST_IF_HARD : LEAST_LOG_ODDS)) return;
    this.#habits.hold(pause, (isHabit) => this.#tell(hole, lengthMs, isHabit));
  }

  #tell({ place, level, calm }: Hole, lengthMs: number, isHabit: boolean): void {
    const isGap = lengthMs < LONGEST_GAP_MS;
    const verdict = isGap ? holeInSound(lengthMs) : silence(lengthMs, round(decibels(level)));
    const habit = {
      severity: 'info' as const,
      reason: 'one of many pauses alike: gated sound rather than a defect',
    };
    this.#report({
      ...(isHabit ? habit : verdict),
      kind: isGap ? 'gap' : 'silence-run',
      medium: 'audio',
      timeMs: place.timeMs,
      durationMs: lengthMs,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: {
        lengthMs: Math.round(lengthMs * 100) / 100,
        levelBeforeDb: round(decibels(level)),
        levelInsideDb: round(decibels(calm)),
      },
      cause: isGap
        ? 'samples or a frame were lost and replaced by silence'
        : 'the source was cut off: a device, a connection or a mute',
    });
  }
}

/** Energy of the last so many milliseconds of a hole, up to a hop; infinite while it is shorter. */
function meanOfLast(sound: Sound, { from }: Hole, { at, ms }: { at: number; ms: number }): number {
  const first = at - sound.hops(ms) + 1;
  return first < from ? Infinity : mean(sound, undefined, first, at);
}

/** Energy of the quietest few hops in [from, to]. */
function quietest(sound: Sound, from: number, to: number): number {
  let least = Infinity;
  for (let hop = from; hop + DIP <= to; hop++)
    least = Math.min(least, mean(sound, undefined, hop, hop + DIP));
  return least;
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
