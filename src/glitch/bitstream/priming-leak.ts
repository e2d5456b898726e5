import type { Report } from '../detector.js';
import type { AacDetector, AacFrame } from './aac-frame.js';
import { ColdStart } from './cold-start.js';

/** libav's encoder writes its name into its first frame and into every 256th after it. */
const MARK = Buffer.from('Lavc', 'latin1');
const MARK_PERIOD = 256;
/** A mark that comes up to this many frames early tells of lost frames, not of another run. */
const MAX_LOST = 8;

/**
 * The frame with which an encoder begins, in the middle of a stream: what plain concatenation leaves. That of libav is
 * known by the encoder's mark out of its period, that of libfdk_aac by its {@link ColdStart}.
 */
export class PrimingLeak implements AacDetector {
  readonly #report: Report;
  readonly #coldStart = new ColdStart();
  #frames = 0;
  #mark: { readonly at: number; readonly timeMs: number } | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  frame(frame: AacFrame): void {
    const cold = this.#coldStart.frame(frame);
    if (cold !== undefined) {
      this.#tell(cold, 'an empty frame of the full bitrate while the bit reservoir was not full');
    }
    const at = this.#frames++;
    if (!frame.event.unit.data.includes(MARK)) return;
    const last = this.#mark;
    this.#mark = { at, timeMs: frame.timeMs };
    // A capture may begin anywhere: its first mark tells nothing but the period's phase.
    if (last === undefined) {
      if (at < MARK_PERIOD) return;
      this.#tell(frame, `the first mark of the encoder comes after ${at} frames`);
      return;
    }
    const into = (at - last.at) % MARK_PERIOD;
    if (into === 0 || into >= MARK_PERIOD - MAX_LOST || isOnTime(frame, last.timeMs)) return;
    this.#tell(
      frame,
      `the mark of the encoder comes ${at - last.at} frames after the last, not ${MARK_PERIOD}`,
    );
  }

  #tell({ event, timeMs }: AacFrame, evidence: string): void {
    this.#report({
      kind: 'priming-leak',
      medium: 'audio',
      severity: 'major',
      reason:
        'an encoder begins afresh here: its delay is heard as a dropout, and all that follows is late by it',
      timeMs,
      durationMs: (event.unit.durationSamples * 1000) / event.unit.config.sampleRate,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { evidence },
      cause: 'files were joined with the silence that the second one’s encoder begins with',
    });
  }
}

/** Whether the mark comes when it would have in one run: frames between are missing, and their time was kept. */
function isOnTime({ event: { unit }, timeMs }: AacFrame, lastMs: number): boolean {
  const frames = ((timeMs - lastMs) * unit.config.sampleRate) / (1000 * unit.durationSamples);
  const periods = Math.round(frames / MARK_PERIOD);
  return periods > 0 && Math.abs(frames - periods * MARK_PERIOD) < 0.5;
}
