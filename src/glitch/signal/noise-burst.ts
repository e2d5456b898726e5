import type { Report, SoundDetector } from '../detector.js';
import { Habits } from './habits.js';
import type { SoundPlace } from './place-map.js';
import { HOP, type Sound } from './sound.js';

/** Second difference against signal: 6 for white noise, under 1 for voices and most music. */
const WHITE = 0.6;
const RISE = 4;
const MIN_MS = 4;
/** Shorter bursts are those of consonants; a burst of garbage keeps its level. */
const EVEN = 1.6;
/** Bursts under this length, which plosives have too, must be more even. */
const SHORT_MS = 9.5;
const EVEN_SHORT = 1.5;
/**
 * Nor do plosives, up to this length, come from sound as loud as what follows them: garbage takes the place of sound that
 * goes on. The sound before is that right before it, or that of 25 to 45 ms earlier, where no codec's echo of it reaches.
 */
const PLOSIVE_MS = 20;
const GOES_ON = 8;
const EARLIER_MS = [45, 25] as const;
const MAX_MS = 300;
const EDGE_MS = 1.4;
const CONTEXT_MS = 12;
const MIN_LEVEL = 1e-5;

interface Lane {
  readonly habits: Habits;
  next: number;
  open:
    | { readonly from: number; readonly level: number; readonly before: number; readonly earlier: number }
    | undefined;
}

/** White noise that begins and ends at once: what a decoder makes of garbage. */
export class NoiseBurst implements SoundDetector {
  readonly #report: Report;
  readonly #lanes: Lane[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    const context = sound.hops(CONTEXT_MS);
    for (let channel = 0; channel < sound.channels; channel++) {
      const lane = (this.#lanes[channel] ??= { habits: new Habits(), next: 0, open: undefined });
      lane.next = Math.max(lane.next, sound.firstHop + context);
      for (; lane.next + context < sound.endHop; lane.next++) this.#look(sound, channel, lane);
      lane.habits.advance(sound.endPosition, sound.sampleRate);
    }
  }

  end(sound: Sound): void {
    for (const { habits } of this.#lanes) habits.end(sound.sampleRate);
  }

  #look(sound: Sound, channel: number, lane: Lane): void {
    const { energy, rough } = sound.measures[channel]!;
    const at = lane.next - sound.firstHop;
    const edge = sound.hops(EDGE_MS);
    const isWhite = energy[at]! > MIN_LEVEL && rough[at]! > WHITE * energy[at]!;
    if (lane.open === undefined) {
      // Codecs blur a beginning.
      if (!isWhite || energy[at]! < RISE * Math.min(energy[at - edge]!, energy[at - 2 * edge]!)) return;
      const before = mean(energy, at - sound.hops(CONTEXT_MS), at - 2 * edge);
      const roughBefore = mean(rough, at - sound.hops(CONTEXT_MS), at - 2 * edge);
      const inside = mean(energy, at + 1, at + sound.hops(MIN_MS) - 1);
      const roughInside = mean(rough, at + 1, at + sound.hops(MIN_MS) - 1);
      if (inside < RISE * before || roughInside < WHITE * inside || roughInside < 20 * roughBefore) return;
      const earlier = mean(energy, at - sound.hops(EARLIER_MS[0]), at - sound.hops(EARLIER_MS[1]));
      lane.open = { from: lane.next, level: inside, before, earlier };
      return;
    }
    const { from, level, before, earlier } = lane.open;
    // Noise has soft moments of its own.
    const isOver = energy[at]! < level / RISE && mean(energy, at, at + edge) < level / RISE;
    if (!isOver && sound.ms((lane.next - from) * HOP) < MAX_MS) return;
    lane.open = undefined;
    if (!isOver) return;
    const lengthMs = sound.ms((lane.next - from) * HOP);
    // Right before the end it is as loud as ever: what rings out is an instrument or a fricative.
    const middle = Math.floor((from - sound.firstHop + at) / 2);
    const late = mean(energy, middle, at - 2);
    const early = mean(energy, from - sound.firstHop + 1, middle);
    const lateRough = mean(rough, middle, at - 2);
    const isShort = lengthMs < SHORT_MS;
    if (lengthMs < MIN_MS || late < early / (isShort ? EVEN_SHORT : EVEN) || lateRough < WHITE * late) return;
    const after = mean(energy, at + edge, at + sound.hops(CONTEXT_MS));
    if (after > late / RISE) return;
    const goesOn = [before, earlier].some((one) => after < GOES_ON * one && one < GOES_ON * after);
    if (lengthMs < PLOSIVE_MS && !goesOn) return;
    const place = sound.locate(from * HOP);
    const burst = { position: from * HOP, lengthMs };
    lane.habits.hold(burst, (isHabit) => this.#tell(channel, place, { lengthMs, level, isHabit }));
  }

  #tell(
    channel: number,
    place: SoundPlace,
    { lengthMs, level, isHabit }: { lengthMs: number; level: number; isHabit: boolean },
  ): void {
    const habit = { severity: 'info' as const, reason: 'one of many alike: a sound rather than a defect' };
    const burst = {
      severity: lengthMs >= 10 ? ('major' as const) : ('minor' as const),
      reason: `${lengthMs.toFixed(1)} ms of white noise with hard edges`,
    };
    this.#report({
      ...(isHabit ? habit : burst),
      kind: 'noise-burst',
      medium: 'audio',
      timeMs: place.timeMs,
      durationMs: lengthMs,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: { lengthMs: Math.round(lengthMs * 10) / 10, levelDb: decibels(level), channel: channel + 1 },
      cause: 'a decoder was fed garbage, or other data were played as sound',
    });
  }
}

function mean(series: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i <= to; i++) sum += series[i] ?? 0;
  return sum / Math.max(1, to - from + 1);
}

function decibels(energy: number): number {
  return Math.round(100 * Math.log10(Math.max(energy, 1e-12))) / 10;
}
