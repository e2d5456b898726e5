import type { VideoEvent } from '../capture/event.js';
import type { Report, StreamDetector } from '../detector.js';
import { pictureStep } from '../severity.js';

const KEPT_STEPS = 61;
const MIN_STEPS = 8;
/** A picture this many usual steps late leaves a hole. */
const GAP_STEPS = 1.75;
/** And one this early an overlap. */
const OVERLAP_STEPS = 0.4;
/** Steps that differ from the usual one by more than this, and by more than rounding explains, are irregular. */
const IRREGULAR_SHARE = 0.2;

/** Decoding times of pictures: they grow by a usual step, but for the container's rounding. */
export class VideoTimes implements StreamDetector {
  readonly #report: Report;
  readonly #steps: number[] = [];
  #last: { ms: number; presentationMs: number } | undefined;
  #irregular = 0;
  #regular = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  video(event: VideoEvent): void {
    const { stamp, place } = event;
    const ms = (stamp.dts * 1000) / stamp.timescale;
    const presentationMs = (stamp.pts * 1000) / stamp.timescale;
    const last = this.#last;
    this.#last = { ms, presentationMs };
    if (last === undefined) return;
    const step = ms - last.ms;
    const tickMs = 1000 / stamp.timescale;
    const base = { medium: 'video' as const, unit: place.index, byteOffset: place.byteOffset };
    if (step < 0) {
      this.#report({
        ...base,
        ...pictureStep(Math.max(500, -step)),
        reason: 'players drop pictures or stop when decoding times go back',
        kind: 'pts-backwards',
        timeMs: ms,
        durationMs: 0,
        measured: { stepMs: round(step) },
        cause: 'the sender restarted or reordered its pictures',
      });
      return;
    }
    const usual = this.#usualStep();
    if (usual !== undefined && step > GAP_STEPS * usual + tickMs && step - usual > 2) {
      this.#report({
        ...base,
        ...pictureStep(step),
        kind: 'pts-gap',
        timeMs: last.ms + usual,
        durationMs: step - usual,
        measured: { stepMs: round(step), usualMs: round(usual), missing: Math.round(step / usual) - 1 },
        cause: 'pictures are missing: dropped by the sender or lost on the way',
      });
      return;
    }
    if (usual !== undefined && step < OVERLAP_STEPS * usual - tickMs) {
      this.#report({
        ...base,
        severity: 'minor',
        reason: 'two pictures in the time of one: one of them is not seen',
        kind: 'pts-overlap',
        timeMs: ms,
        durationMs: usual - step,
        measured: { stepMs: round(step), usualMs: round(usual) },
        cause: 'pictures crowd: a sender that catches up, or two streams joined without regard to times',
      });
      return;
    }
    if (usual !== undefined) this.#judgeRegularity(step, { usual, tickMs, event });
    this.#steps.push(step);
    if (this.#steps.length > KEPT_STEPS) this.#steps.shift();
  }

  /** One finding where jitter sets in, and again after a second of calm. */
  #judgeRegularity(
    step: number,
    { usual, tickMs, event }: { usual: number; tickMs: number; event: VideoEvent },
  ): void {
    // Two stamps, each rounded to a tick, make a step that is off by less than one tick either way.
    const isRounding = Math.abs(step - usual) <= tickMs * 1.01;
    if (isRounding || Math.abs(step - usual) <= IRREGULAR_SHARE * usual) {
      if (++this.#regular >= 30) this.#irregular = 0;
      return;
    }
    this.#regular = 0;
    if (this.#irregular++ !== 0) return;
    this.#report({
      kind: 'irregular-duration',
      medium: 'video',
      severity: 'info',
      reason: 'motion is uneven, which few notice',
      timeMs: (event.stamp.dts * 1000) / event.stamp.timescale,
      durationMs: 0,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { stepMs: round(step), usualMs: round(usual), tickMs: round(tickMs) },
      cause: 'times of arrival instead of capture, or a variable picture rate',
    });
  }

  #usualStep(): number | undefined {
    if (this.#steps.length < MIN_STEPS) return undefined;
    const sorted = [...this.#steps].sort((a, b) => a - b);
    const middle = sorted.slice(sorted.length >> 2, sorted.length - (sorted.length >> 2));
    return middle.reduce((sum, step) => sum + step, 0) / middle.length;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
