import { Mp4Reader } from '../container/mp4/reader.js';
import type { AccessUnit } from '../media/access-unit.js';
import { MILLISECONDS, rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { MixInput } from './mix-input.js';
import type { OfflineInput } from './offline-job.js';

/** Feeds one recorded file into the mix, as far ahead of the program's clock as decoding needs. */
export class OfflineFeed {
  /** Program time at which the file begins, in 1/90000 s. */
  readonly startPts: number;
  /** Program time at which its last unit ends, known once it has been read to its end. */
  endPts: number;
  ended = false;
  readonly #reader: Mp4Reader;
  readonly #units: AsyncGenerator<AccessUnit>;
  readonly #audioRate: number;
  #next: AccessUnit | undefined;

  /** @throws InvalidOptionError, MalformedMediaError and UnsupportedMediaError as {@link Mp4Reader.open} does */
  static async open(input: OfflineInput, audioRate: number): Promise<OfflineFeed> {
    return new OfflineFeed(await Mp4Reader.open(input.path), input, audioRate);
  }

  private constructor(reader: Mp4Reader, input: OfflineInput, audioRate: number) {
    this.#reader = reader;
    this.#units = reader.units();
    this.#audioRate = audioRate;
    this.startPts = rescale(input.startMs, MILLISECONDS, VIDEO_TIMESCALE);
    this.endPts = this.startPts;
  }

  /**
   * Pushes every unit that is decoded up to a program time.
   *
   * @throws MalformedMediaError when the file is damaged
   */
  async feed(input: MixInput, untilPts: number): Promise<void> {
    while (!this.ended) {
      this.#next ??= await this.#read();
      const unit = this.#next;
      if (unit === undefined || this.#decodeTime(unit) > untilPts) return;
      this.#next = undefined;
      if (unit.kind === 'video') {
        // The last picture lasts about as long as any.
        this.endPts = Math.max(this.endPts, this.startPts + unit.pts + VIDEO_TIMESCALE / 30);
        input.pushVideo(unit, this.startPts);
      } else {
        const end = rescale(unit.pts + unit.durationSamples, unit.config.sampleRate, VIDEO_TIMESCALE);
        this.endPts = Math.max(this.endPts, this.startPts + end);
        input.pushAudio(unit, rescale(this.startPts, VIDEO_TIMESCALE, this.#audioRate));
      }
    }
  }

  async close(): Promise<void> {
    await this.#units.return(undefined);
    await this.#reader.close();
  }

  async #read(): Promise<AccessUnit | undefined> {
    const step: IteratorResult<AccessUnit, unknown> = await this.#units.next();
    if (step.done !== true) return step.value;
    this.ended = true;
    return undefined;
  }

  #decodeTime(unit: AccessUnit): number {
    const own = unit.kind === 'video' ? unit.dts : rescale(unit.pts, unit.config.sampleRate, VIDEO_TIMESCALE);
    return this.startPts + own;
  }
}
