import { readFile } from 'node:fs/promises';
import { systemClock } from '../../src/base/clock.js';
import { FlvDemuxer } from '../../src/container/flv/demuxer.js';
import type { AccessUnit } from '../../src/media/access-unit.js';

const TICK_MS = 4;

/** Decoding time in seconds. */
function sendTime(unit: AccessUnit): number {
  return unit.kind === 'video' ? unit.dts / 90_000 : unit.pts / unit.config.sampleRate;
}

export interface RecordedSourceOptions {
  readonly onUnit: (unit: AccessUnit, arrivalUs: number) => void;
  /** Units for which this is true never arrive. */
  readonly lost?: (unit: AccessUnit, index: number) => boolean;
  /** Extra delay of each unit in µs; order is kept, as a reorder buffer would. */
  readonly jitterUs?: () => number;
}

/** A publisher as OBS or ffmpeg is one over RTMP: sends a recorded FLV in real time, in decoding order, and answers no PLI. */
export class RecordedSource {
  readonly #units: readonly AccessUnit[];
  readonly #options: RecordedSourceOptions;
  readonly #startUs = systemClock.nowUs();
  readonly #originSeconds: number;
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #dueUs = 0;

  static async open(path: string, options: RecordedSourceOptions): Promise<RecordedSource> {
    const units = new FlvDemuxer().push(await readFile(path));
    return new RecordedSource(units, options);
  }

  private constructor(units: readonly AccessUnit[], options: RecordedSourceOptions) {
    this.#units = units.toSorted((a, b) => sendTime(a) - sendTime(b));
    this.#options = options;
    this.#originSeconds = Math.min(...this.#units.map(sendTime));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get ended(): boolean {
    return this.#next >= this.#units.length;
  }

  requestKeyframe(): void {
    throw new Error('an RTMP publisher cannot be asked for an IDR');
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowUs = systemClock.nowUs();
    for (;;) {
      const unit = this.#units[this.#next];
      if (unit === undefined) return;
      const sentUs = this.#startUs + (sendTime(unit) - this.#originSeconds) * 1e6;
      // Drawn once per unit: it is what the first look at the unit found.
      if (this.#dueUs === 0) this.#dueUs = sentUs + (this.#options.jitterUs?.() ?? 0);
      if (this.#dueUs > nowUs) return;
      this.#dueUs = 0;
      const lost = this.#options.lost?.(unit, this.#next) ?? false;
      this.#next++;
      if (!lost) this.#options.onUnit(unit, nowUs);
    }
  }
}
