import type { AudioEvent, VideoEvent } from '../capture/event.js';
import type { Report, StreamDetector } from '../detector.js';
import { lipSync } from '../severity.js';

/** Median over this many units of each track on either side of a step. */
const WINDOW = 40;
const MIN_STEP_MS = 80;
/** A drift is told from rounding once it has moved the sound this far. */
const MIN_DRIFT_MS = 40;
const MIN_DRIFT_SECONDS = 10;
/** Crystal clocks differ by up to 100 ppm; more is a wrong rate. */
const MIN_DRIFT_PPM = 150;

/**
 * Sound and pictures coming apart, as far as stamps show it: a step in how far the tracks' times lie apart at one place
 * of the stream, and a drift of the audio stamps against the samples that were sent.
 */
export class Skew implements StreamDetector {
  readonly #report: Report;
  readonly #lags: number[] = [];
  readonly #places: AudioEvent[] = [];
  #videoMs: number | undefined;
  /** The unit since the last lag whose time is furthest from where the one before ends, and how far. */
  #oddest: { event: AudioEvent; offMs: number } | undefined;
  #drift: { startMs: number; samplesMs: number; reportedMs: number; nextMs: number } | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  video(event: VideoEvent): void {
    this.#videoMs = (event.stamp.dts * 1000) / event.stamp.timescale;
  }

  audio(event: AudioEvent): void {
    if (event.stamp === undefined) return;
    const ms = (event.stamp.pts * 1000) / event.stamp.timescale;
    this.#noteOddest(event, ms);
    this.#followDrift(event, ms);
    // One lag for each picture: where they have ended, sound that goes on is no skew.
    if (this.#videoMs === undefined) return;
    this.#lags.push(ms - this.#videoMs);
    this.#places.push(this.#oddest?.event ?? event);
    this.#oddest = undefined;
    this.#videoMs = undefined;
    if (this.#lags.length < 2 * WINDOW) return;
    this.#judgeStep();
    this.#lags.shift();
    this.#places.shift();
  }

  #judgeStep(): void {
    const before = median(this.#lags.slice(0, WINDOW));
    const after = median(this.#lags.slice(WINDOW));
    const step = after - before;
    if (Math.abs(step) < MIN_STEP_MS) return;
    // Where the lag crosses the middle between the two.
    const middle = (before + after) / 2;
    const at = this.#lags.findIndex((lag, i) => i > 0 && (step > 0 ? lag > middle : lag < middle));
    const spread = median(this.#lags.slice(0, WINDOW).map((lag) => Math.abs(lag - before)));
    // Bad interleaving makes lags jump all the time.
    if (at < WINDOW / 2 || at > WINDOW + WINDOW / 2 || Math.abs(step) < 4 * spread) return;
    const place = this.#places[at]!;
    this.#report({
      ...lipSync(step),
      kind: 'av-skew',
      medium: 'audio',
      timeMs: ((place.stamp?.pts ?? 0) * 1000) / (place.stamp?.timescale ?? 1000),
      durationMs: 0,
      unit: place.place.index,
      byteOffset: place.place.byteOffset,
      measured: { shape: 'step', stepMs: Math.round(step), lagBeforeMs: Math.round(before) },
      cause:
        step > 0
          ? 'the sound’s times jump ahead of the pictures’: sound was lost or the tracks were joined separately'
          : 'the sound’s times fall behind the pictures’: pictures were lost or the tracks were joined separately',
    });
    // The same step is not found again while the window slides over it.
    this.#lags.splice(0, at);
    this.#places.splice(0, at);
  }

  /** The place of a step is that of the unit which jumps, not of the next that comes behind a picture. */
  #noteOddest(event: AudioEvent, ms: number): void {
    const offMs = Math.abs(ms - (this.#drift?.nextMs ?? ms));
    if (this.#oddest === undefined || offMs > this.#oddest.offMs) this.#oddest = { event, offMs };
  }

  /** Counted samples against stamps, from one jump of the stamps to the next. */
  #followDrift(event: AudioEvent, ms: number): void {
    const frameMs = (event.unit.durationSamples * 1000) / event.unit.config.sampleRate;
    const drift = this.#drift;
    if (drift === undefined || Math.abs(ms - drift.nextMs) > 0.75 * frameMs) {
      this.#drift = { startMs: ms, samplesMs: 0, reportedMs: 0, nextMs: ms + frameMs };
      return;
    }
    drift.samplesMs += frameMs;
    drift.nextMs = ms + frameMs;
    const elapsed = ms - drift.startMs;
    const off = elapsed - drift.samplesMs;
    const ppm = (off / elapsed) * 1e6;
    if (elapsed < MIN_DRIFT_SECONDS * 1000 || Math.abs(ppm) < MIN_DRIFT_PPM) return;
    if (Math.abs(off - drift.reportedMs) < MIN_DRIFT_MS) return;
    drift.reportedMs = off;
    this.#report({
      ...lipSync(off),
      kind: 'av-skew',
      medium: 'audio',
      timeMs: ms,
      durationMs: elapsed,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { shape: 'drift', offMs: Math.round(off), ppm: Math.round(ppm) },
      cause:
        'the stamps run at another speed than the samples: a wrong sample rate, or a clock that nobody follows',
    });
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
