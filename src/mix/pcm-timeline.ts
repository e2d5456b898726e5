import type { PcmBlock } from '../media/pcm.js';
import { PcmRing } from './pcm-ring.js';
import { VariableResampler } from './variable-resampler.js';

export interface PcmTimelineOptions {
  readonly sampleRate: number;
  readonly channels: number;
}

const SECONDS_KEPT = 6;
/** Faster or slower than this is heard as a change of pitch (JND about 0.2–0.35 %). */
const MAX_CORRECTION = 0.002;
/** An offset in time is taken back within about this long. */
const CORRECTION_SECONDS = 2;
/** The correction itself changes by no more than this from one block to the next. */
const MAX_CORRECTION_STEP = 0.0002;
/** An offset beyond this is an interruption, not drift: 40 ms. */
const JUMP_SECONDS = 0.04;
/** Length of a fade at an interruption. */
const RAMP_SECONDS = 0.01;

/**
 * One participant's PCM on the program's timeline. What comes in is laid end to end; when its stamps drift away from
 * there it is played a little faster or slower until they agree; when they jump it is faded out and in. Reading what is
 * not there gives a short fading echo of what was, then silence.
 */
export class PcmTimeline {
  /** Samples read that had not arrived, while the participant was sending. */
  concealedSamples = 0;
  /** Samples that arrived after they had been read. */
  lateSamples = 0;
  readonly #rate: number;
  readonly #ring: PcmRing;
  readonly #resampler: VariableResampler;
  readonly #rampSamples: number;
  #correction = 0;
  #started = false;
  #readEnd = -Infinity;
  /** How far into concealment the last read ended, in samples; 0 while real samples were read. */
  #concealedFor = 0;
  #tail: Float32Array[];
  #hasTail = false;

  constructor(options: PcmTimelineOptions) {
    this.#rate = options.sampleRate;
    this.#ring = new PcmRing(options.channels, SECONDS_KEPT * options.sampleRate);
    this.#resampler = new VariableResampler(options.channels);
    this.#rampSamples = Math.round(RAMP_SECONDS * options.sampleRate);
    this.#tail = Array.from({ length: options.channels }, () => new Float32Array(this.#rampSamples));
  }

  /** Time after the last sample there is. */
  get endPts(): number | undefined {
    return this.#started ? this.#ring.end : undefined;
  }

  /** @param pcm at the timeline's own rate and channel count; `pts` in program time, not necessarily whole */
  write(pcm: PcmBlock): void {
    const length = pcm.channels[0]?.length ?? 0;
    if (length === 0) return;
    if (!this.#started) {
      this.#started = true;
      this.#restartAt(Math.round(pcm.pts), pcm.channels, false);
      return;
    }
    // Where the next sample played belongs, against where it would be laid.
    const error = pcm.pts - this.#resampler.unplayedSamples - this.#ring.end;
    if (Math.abs(error) > JUMP_SECONDS * this.#rate) {
      this.#restartAt(Math.round(pcm.pts), pcm.channels, true);
      return;
    }
    const laidFrom = this.#ring.end;
    this.#ring.append(this.#resampler.push(pcm.channels, 1 - this.#nextCorrection(error)));
    this.lateSamples += Math.max(0, Math.min(this.#ring.end, this.#readEnd) - laidFrom);
  }

  /**
   * The samples of [pts, pts + count).
   *
   * @param out one array of `count` samples per channel to write them to; fresh ones when left out
   */
  read(
    pts: number,
    count: number,
    out: readonly Float32Array[] = this.#tail.map(() => new Float32Array(count)),
  ): readonly Float32Array[] {
    const from = Math.max(pts, this.#ring.start);
    const to = Math.min(pts + count, this.#ring.end);
    const present = this.#started && to > from;
    const before = present ? from - pts : count;
    if (before > 0) this.#conceal(out, 0, before);
    if (present) {
      this.#ring.copy(from, to, out, from - pts);
      if (this.#concealedFor > 0) this.#fadeFromConcealment(out, from - pts, to - from);
      this.#keepTail(out, to - pts);
      if (to < pts + count) this.#conceal(out, to - pts, pts + count - to);
    }
    this.#readEnd = Math.max(this.#readEnd, pts + count);
    return out;
  }

  /** What lies before `pts` will not be read; the next read owes nothing to the sound of the last one. */
  skip(pts: number): void {
    this.#hasTail = false;
    this.#concealedFor = 0;
    for (const tail of this.#tail) tail.fill(0);
    this.#readEnd = Math.max(this.#readEnd, pts);
  }

  /** A new media session: nothing is kept but the sound of the last moment. */
  reset(): void {
    this.#started = false;
    this.#ring.restart(0);
    this.#resampler.reset();
    this.#correction = 0;
  }

  #nextCorrection(error: number): number {
    if (error === 0 && this.#correction === 0) return 0;
    const wanted = error / (CORRECTION_SECONDS * this.#rate);
    const limited = Math.max(-MAX_CORRECTION, Math.min(MAX_CORRECTION, wanted));
    const step = Math.max(-MAX_CORRECTION_STEP, Math.min(MAX_CORRECTION_STEP, limited - this.#correction));
    this.#correction += step;
    return this.#correction;
  }

  #restartAt(pts: number, channels: readonly Float32Array[], fade: boolean): void {
    const length = channels[0]!.length;
    if (fade && pts + length <= this.#readEnd) {
      this.lateSamples += length;
      return;
    }
    this.#resampler.reset();
    this.#correction = 0;
    const block = this.#resampler.push(channels, 1).map((samples) => samples.slice());
    if (!fade) {
      this.#ring.restart(pts);
    } else if (pts >= this.#ring.end) {
      const unread = Math.max(0, this.#ring.end - Math.max(this.#readEnd, this.#ring.start));
      this.#ring.fadeOut(Math.min(this.#rampSamples, unread));
      this.#ring.appendSilence(pts - this.#ring.end);
      fadeIn(block, this.#rampSamples);
    } else {
      // What has been read cannot be taken back: the fade begins after it.
      const from = Math.max(pts, this.#ring.start, Math.min(this.#readEnd, this.#ring.end));
      this.#ring.crossfadeAt(from, block, this.#rampSamples, pts);
      return;
    }
    this.#ring.append(block);
  }

  /** The last moment mirrored in time, so that there is no step, fading to silence. */
  #conceal(out: readonly Float32Array[], at: number, count: number): void {
    for (const channel of out) channel.fill(0, at, at + count);
    if (!this.#hasTail) return;
    const ramp = this.#rampSamples;
    out.forEach((channel, i) => {
      const tail = this.#tail[i]!;
      for (let k = 0; k < count && this.#concealedFor + k < ramp; k++) {
        const n = this.#concealedFor + k;
        channel[at + k] = tail[ramp - 1 - n]! * (1 - (n + 1) / ramp);
      }
    });
    this.concealedSamples += count;
    this.#concealedFor += count;
  }

  #fadeFromConcealment(out: readonly Float32Array[], at: number, count: number): void {
    const ramp = this.#rampSamples;
    const length = Math.min(ramp, count);
    out.forEach((channel, i) => {
      const tail = this.#tail[i]!;
      for (let k = 0; k < length; k++) {
        const n = this.#concealedFor + k;
        const echo = n < ramp ? tail[ramp - 1 - n]! * (1 - (n + 1) / ramp) : 0;
        const share = (k + 1) / (length + 1);
        channel[at + k] = channel[at + k]! * share + echo * (1 - share);
      }
    });
    this.#concealedFor = 0;
  }

  #keepTail(out: readonly Float32Array[], end: number): void {
    const ramp = this.#rampSamples;
    this.#hasTail = true;
    this.#tail.forEach((tail, i) => {
      const fresh = Math.min(ramp, end);
      tail.copyWithin(0, fresh);
      tail.set(out[i]!.subarray(end - fresh, end), ramp - fresh);
    });
  }
}

function fadeIn(channels: readonly Float32Array[], samples: number): void {
  for (const channel of channels) {
    const length = Math.min(samples, channel.length);
    for (let i = 0; i < length; i++) channel[i]! *= (i + 1) / (length + 1);
  }
}
