import type { Report, SoundDetector } from '../detector.js';
import { holeInSound, silence } from '../severity.js';
import type { Finding } from '../finding.js';
import { energyAt, isCut, LEVEL_MS, loudest, mean, peak } from './levels.js';
import type { SoundPlace } from './place-map.js';
import { HOP, type Sound } from './sound.js';

/** The level that a hole is a hole in: the loudest {@link LEVEL_MS} of this long before and after it. */
const AROUND_MS = 40;
/** A fall to this share of the 5 ms before begins a hole. */
const FALL = 0.02;
/** No hole begins above this share of the energy of late, over some 15 hops. */
const MAYBE = 0.1;
const USUAL_RATE = 1 / 16;
/** Codecs blur a hard edge over this long. */
const FALL_MS = 3;
/** The hole's end: back to this share of what was before. */
const RISE = 0.03;
/** Of the last and first milliseconds at a hard edge, the loudest two have this share of the level around. */
const EDGE = 0.3;
const EDGE_MS = 5;
/** Codecs blur a fall more than a rise. */
const FALL_EDGE_MS = 5;
/** Below this there is nothing to have a hole in. */
const MIN_LEVEL = 3e-6;
const MIN_HOLE_MS = 2.6;
const MIN_DROPOUT_MS = 4;
const LONGEST_GAP_MS = 200;
/** Other dips as deep as this many times the hole's own make it part of the sound, as between pulses of a voice. */
const OWN_DIPS = 6;
/** Longer holes must be quieter than the quiet that the sound falls into by itself. */
const FLOOR_FROM_MS = 40;
const BELOW_FLOOR = 0.3;
const DEAD = 1e-9;
/** A hole is as quiet as its quietest stretch of this length: codecs smear the sound on either side into it. */
const CALM_MS = 20;
/** This many others within this time on either side make a hole one of a pattern. */
const HABIT_COUNT = 2;
const HABIT_MS = 1500;
/** Pauses with softer edges are of the pattern when they are as long: a gate's or a dial's. */
const ALIKE_MS = 4;
/** A side that grows by more than this as the other goes took over: sound that is panned. */
const TAKES_OVER = 12;
const BESIDE_MS = 200;
/** Fades from one side to the other take this long. */
const CROSSFADE_MS = 60;

interface Hole {
  readonly from: number;
  readonly level: number;
  /** Whether the sound was full right before it. Judged at once: a long hole's beginning is soon forgotten. */
  readonly hardFall: boolean;
  readonly place: SoundPlace;
  to: number;
  energy: number;
  /** Mean energy of the quietest {@link CALM_MS}; of all of it when it is shorter. */
  calm: number;
  /** Sum of energy over the stretch that is being listened to. */
  stretch: number;
}

interface Told extends Hole {
  readonly lengthMs: number;
  readonly isHabit: boolean;
}

/** What is looked for a hole in: all channels together, or one of them. */
interface Lane {
  readonly channel: number | undefined;
  open: Hole | undefined;
  next: number;
  /** Energy of late, by which hops that cannot begin a hole are told. */
  usual: number;
  /** Holes that have ended and wait for what follows them. */
  readonly waiting: Hole[];
  /** Holes that wait for others like them. */
  readonly held: {
    readonly position: number;
    readonly lengthMs: number;
    readonly tell: (isHabit: boolean) => void;
  }[];
  readonly recent: number[];
  /** All that have ended of late, soft ones too. */
  readonly pauses: { readonly position: number; readonly lengthMs: number }[];
  /** The quietest that this lane's sound has become by fading. */
  floor: number;
}

/**
 * Holes with edges too hard for a performance: `gap` up to 200 ms, `silence-run` beyond, `channel-dropout` where one
 * side alone is gone.
 */
export class Holes implements SoundDetector {
  readonly #report: Report;
  #lanes: Lane[] | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    this.#lanes ??= lanesOf(sound);
    const margin = sound.hops(AROUND_MS) + 2;
    const span = (HABIT_MS * sound.sampleRate) / 1000;
    for (const lane of this.#lanes) {
      lane.next = Math.max(lane.next, sound.firstHop + margin);
      for (; lane.next + 2 < sound.endHop; lane.next++) this.#look(sound, lane);
      while (lane.waiting.length > 0 && lane.waiting[0]!.to + margin < sound.endHop) {
        this.#judge(sound, lane, lane.waiting.shift()!);
      }
      this.#release(lane, { before: sound.endPosition - span, span });
    }
  }

  end(sound: Sound): void {
    const span = (HABIT_MS * sound.sampleRate) / 1000;
    for (const lane of this.#lanes ?? []) this.#release(lane, { before: Infinity, span });
  }

  #look(sound: Sound, lane: Lane): void {
    const at = lane.next;
    const energy = energyAt(sound, lane.channel, at);
    const hole = lane.open;
    if (hole === undefined) {
      // Most hops end here.
      lane.usual += USUAL_RATE * (energy - lane.usual);
      if (energy > MIN_LEVEL && energy > MAYBE * lane.usual) return;
      const until = at - sound.hops(FALL_MS);
      const before = mean(sound, lane.channel, until - sound.hops(LEVEL_MS), until);
      if (before < MIN_LEVEL || energy > FALL * before) return;
      const level = loudest(sound, lane.channel, at - sound.hops(AROUND_MS), at);
      const hardFall =
        peak(sound, lane.channel, at - sound.hops(FALL_EDGE_MS), at - 1) > EDGE * level ||
        isCut(sound, lane.channel, { at, level });
      const place = sound.locate(at * HOP);
      lane.open = {
        from: at,
        to: at,
        level: before,
        energy,
        calm: Infinity,
        stretch: energy,
        hardFall,
        place,
      };
      return;
    }
    if (energy < RISE * hole.level) {
      const calmHops = sound.hops(CALM_MS);
      hole.energy += energy;
      if ((at - hole.from) % calmHops === 0) {
        hole.calm = Math.min(hole.calm, hole.stretch / calmHops);
        hole.stretch = 0;
      }
      hole.stretch += energy;
      return;
    }
    lane.open = undefined;
    hole.to = at;
    hole.energy /= at - hole.from;
    hole.calm = Math.min(hole.calm, hole.energy);
    if (sound.ms((hole.to - hole.from) * HOP) >= MIN_HOLE_MS) lane.waiting.push(hole);
  }

  #judge(sound: Sound, lane: Lane, hole: Hole): void {
    // Its ends lie, on average, in the middle of the hops next to it.
    const lengthMs = sound.ms((hole.to - hole.from + 1) * HOP);
    const { channel } = lane;
    const around = sound.hops(AROUND_MS);
    const levelAfter = loudest(sound, channel, hole.to, hole.to + around);
    const edge = sound.hops(EDGE_MS);
    const closes = peak(sound, channel, hole.to, hole.to + edge);
    const { hardFall } = hole;
    const hardRise = closes > EDGE * levelAfter;
    const isLong = lengthMs > FLOOR_FROM_MS;
    if (isLong && !hardFall) lane.floor = Math.max(Math.min(lane.floor, hole.calm), DEAD);
    const isDead = hole.calm < DEAD || hole.calm < BELOW_FLOOR * lane.floor;
    lane.pauses.push({ position: hole.from * HOP, lengthMs });
    const isHard = isLong ? hardFall && isDead : hardFall && hardRise && this.#standsAlone(sound, lane, hole);
    if (!isHard) return;
    const tell = (isHabit: boolean): void => {
      const told = { ...hole, lengthMs, isHabit };
      if (channel === undefined) this.#tellHole(told, hardRise);
      else if (isBeside) this.#tellDropout(channel, told);
    };
    const isBeside = channel !== undefined && hasOtherSide(sound, channel, hole);
    lane.held.push({ position: hole.from * HOP, lengthMs, tell });
  }

  #release(lane: Lane, { before, span }: { before: number; span: number }): void {
    while (lane.held.length > 0 && lane.held[0]!.position < before) {
      const { position, lengthMs, tell } = lane.held.shift()!;
      while (lane.recent.length > 0 && lane.recent[0]! < position - span) lane.recent.shift();
      const later = lane.held.filter((other) => other.position < position + span).length;
      const alike = lane.pauses.filter(
        (other) =>
          other.position !== position &&
          Math.abs(other.position - position) < span &&
          Math.abs(other.lengthMs - lengthMs) < ALIKE_MS,
      ).length;
      tell(Math.max(lane.recent.length + later, alike) >= HABIT_COUNT);
      lane.recent.push(position);
    }
    while (lane.pauses.length > 0 && lane.pauses[0]!.position < before - span) lane.pauses.shift();
  }

  /** Whether nothing around a short hole is nearly as quiet. */
  #standsAlone(sound: Sound, lane: Lane, hole: Hole): boolean {
    const around = sound.hops(AROUND_MS);
    const bar = OWN_DIPS * Math.max(hole.energy, 1e-10);
    const dips = (from: number, to: number): boolean => {
      for (let hop = from; hop + 2 <= to; hop++)
        if (mean(sound, lane.channel, hop, hop + 2) < bar) return true;
      return false;
    };
    return !dips(hole.from - around, hole.from - 1) && !dips(hole.to, hole.to + around);
  }

  #tellHole(hole: Told, hardRise: boolean): void {
    const isGap = hole.lengthMs < LONGEST_GAP_MS;
    if (isGap && !hardRise) return;
    const verdict = isGap ? holeInSound(hole.lengthMs) : silence(hole.lengthMs, true);
    const habit = {
      severity: 'info' as const,
      reason: 'one of many pauses alike: gated sound rather than a defect',
    };
    this.#report({
      ...common(hole),
      ...(hole.isHabit ? habit : verdict),
      kind: isGap ? 'gap' : 'silence-run',
      cause: isGap
        ? 'samples or a frame were lost and replaced by silence'
        : 'the source was cut off: a device, a connection or a mute',
    });
  }

  #tellDropout(channel: number, hole: Told): void {
    if (hole.lengthMs < MIN_DROPOUT_MS) return;
    const found = common(hole);
    this.#report({
      ...found,
      ...(hole.isHabit
        ? { severity: 'info' as const, reason: 'one of many alike: panned sound rather than a defect' }
        : {
            severity: hole.lengthMs >= 20 ? ('major' as const) : ('minor' as const),
            reason: `one side is gone for ${hole.lengthMs.toFixed(1)} ms`,
          }),
      kind: 'channel-dropout',
      measured: { channel: channel + 1, ...found.measured },
      cause: 'one channel was lost: a cable, a device, or a mix',
    });
  }
}

/** Whether the other channel goes on as it was: neither gone too, nor taking over. */
function hasOtherSide(sound: Sound, channel: number, hole: Hole): boolean {
  const other = channel === 0 ? 1 : 0;
  const until = Math.min(hole.to, hole.from + sound.hops(LONGEST_GAP_MS));
  const beside = mean(sound, other, hole.from, until);
  const before = mean(sound, other, hole.from - sound.hops(AROUND_MS), hole.from - 1);
  const longBefore = mean(
    sound,
    other,
    hole.from - sound.hops(CROSSFADE_MS + BESIDE_MS),
    hole.from - sound.hops(CROSSFADE_MS),
  );
  return beside > 0.2 * before && beside < TAKES_OVER * longBefore && beside > MIN_LEVEL;
}

function common(
  hole: Told,
): Pick<Finding, 'medium' | 'timeMs' | 'durationMs' | 'unit' | 'byteOffset' | 'measured'> {
  const { timeMs, unit, byteOffset } = hole.place;
  return {
    medium: 'audio',
    timeMs,
    durationMs: hole.lengthMs,
    unit,
    byteOffset,
    measured: {
      lengthMs: Math.round(hole.lengthMs * 100) / 100,
      levelBeforeDb: decibels(hole.level),
      levelInsideDb: decibels(hole.calm),
    },
  };
}

function lanesOf(sound: Sound): Lane[] {
  const lane = (channel: number | undefined): Lane => ({
    channel,
    open: undefined,
    next: 0,
    usual: 0,
    waiting: [],
    held: [],
    recent: [],
    pauses: [],
    floor: 1e-7,
  });
  return sound.channels === 2 ? [lane(undefined), lane(0), lane(1)] : [lane(undefined)];
}

function decibels(energy: number): number {
  return Math.round(100 * Math.log10(Math.max(energy, 1e-12))) / 10;
}
