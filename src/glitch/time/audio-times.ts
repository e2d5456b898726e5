import type { AudioEvent } from '../capture/event.js';
import type { Report, StreamDetector } from '../detector.js';
import { timeStep } from '../severity.js';

/** A container that counts in milliseconds, or in another coarse tick, is off by rounding, twice at worst. */
const ROUNDING_TICKS = 1.01;
/** Writers that stamp several frames of one packet alike are back in step within this many frames. */
const MAX_BUNCH_FRAMES = 3;
/** Steps this large are a gap, whatever the writer's habits are. */
const MIN_STEP_MS = 2;
/** The unit length that a container tells may round, too. */
const MIN_DURATION_ERROR = 2;

/**
 * Audio frames follow each other exactly; stamps that do not are gaps, overlaps and jumps back. Judged against counted
 * samples, so that rounding to milliseconds, which never adds up, is told apart.
 */
export class AudioTimes implements StreamDetector {
  readonly #report: Report;
  /** Expected time of the next unit in seconds, from an anchor and counted samples. */
  #anchorSeconds = 0;
  #counted = 0;
  #rate = 0;
  #lastStamp: number | undefined;
  #bunched = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  audio(event: AudioEvent): void {
    const { stamp, unit } = event;
    if (stamp === undefined) return;
    this.#checkDuration(event);
    const told = stamp.pts / stamp.timescale;
    if (this.#lastStamp === undefined || this.#rate !== unit.config.sampleRate) {
      // A change of rate begins counting anew, where the old one ended if the stamp agrees.
      if (this.#lastStamp !== undefined) this.#judge(event, told);
      this.#restart(told, unit.config.sampleRate);
    } else {
      this.#judge(event, told);
    }
    this.#lastStamp = told;
    this.#counted += unit.durationSamples;
  }

  #restart(seconds: number, rate: number): void {
    this.#anchorSeconds = seconds;
    this.#counted = 0;
    this.#rate = rate;
    this.#bunched = 0;
  }

  #judge(event: AudioEvent, told: number): void {
    const { place, stamp, unit } = event;
    const expected = this.#anchorSeconds + this.#counted / this.#rate;
    const stepMs = (told - expected) * 1000;
    const tickMs = 1000 / (stamp?.timescale ?? 1000);
    const allowed = Math.max(ROUNDING_TICKS * tickMs, MIN_STEP_MS);
    if (Math.abs(stepMs) <= allowed) {
      this.#bunched = 0;
      // A slow drift of the stamps is the skew detector's: here the anchor follows it.
      this.#anchorSeconds += 0.02 * (told - expected);
      return;
    }
    const frameMs = (unit.durationSamples * 1000) / this.#rate;
    const backwards = this.#lastStamp !== undefined && told < this.#lastStamp - tickMs / 1000;
    if (!backwards && stepMs < 0 && told === this.#lastStamp && this.#bunched < MAX_BUNCH_FRAMES) {
      this.#bunched++;
      return;
    }
    const base = {
      medium: 'audio' as const,
      timeMs: told * 1000,
      unit: place.index,
      byteOffset: place.byteOffset,
    };
    const measured = {
      stepMs: round(stepMs),
      stepSamples: Math.round((stepMs * this.#rate) / 1000),
      frameMs: round(frameMs),
    };
    if (stepMs > 0) {
      const frames = stepMs / frameMs;
      this.#report({
        ...base,
        ...timeStep(stepMs),
        kind: 'pts-gap',
        timeMs: expected * 1000,
        durationMs: stepMs,
        measured,
        cause:
          Math.abs(frames - Math.round(frames)) < 0.1
            ? `${Math.round(frames)} audio frames are missing: lost by the sender, or cut out at a seam`
            : 'the stamps jump by no whole number of frames: two streams were joined, or the sender restarted its clock',
      });
    } else if (backwards) {
      this.#report({
        ...base,
        ...timeStep(stepMs),
        kind: 'pts-backwards',
        durationMs: 0,
        measured,
        cause: 'the sender restarted or reordered its frames',
      });
    } else {
      this.#report({
        ...base,
        ...timeStep(stepMs),
        kind: 'pts-overlap',
        durationMs: -stepMs,
        measured,
        cause:
          'a frame begins before the one before it ends: a join without regard to frame length, or a frame sent twice',
      });
    }
    this.#restart(told, this.#rate);
  }

  #checkDuration({ place, stamp, unit }: AudioEvent): void {
    if (stamp?.duration === undefined || stamp.duration === 0) return;
    const told = (stamp.duration * unit.config.sampleRate) / stamp.timescale;
    const tick = unit.config.sampleRate / stamp.timescale;
    // A shortened last frame is how writers mark padding, and a lengthened one how they mark a gap: the stamp tells.
    if (told <= unit.durationSamples + Math.max(MIN_DURATION_ERROR, tick)) return;
    if (this.#lastStamp === undefined) return;
    this.#report({
      kind: 'irregular-duration',
      medium: 'audio',
      severity: 'info',
      reason: 'players go by the next frame’s time',
      timeMs: (stamp.pts * 1000) / stamp.timescale,
      durationMs: 0,
      unit: place.index,
      byteOffset: place.byteOffset,
      measured: { toldSamples: Math.round(told), frameSamples: unit.durationSamples },
      cause: 'the container stretches a frame to hide a gap or a join',
    });
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
