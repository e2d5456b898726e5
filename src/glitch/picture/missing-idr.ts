import { sameConfig, type VideoConfig } from '../../media/access-unit.js';
import type { VideoEvent } from '../capture/event.js';
import type { Report, StreamDetector } from '../detector.js';

/** Decoding starts, and takes up new parameter sets, only at an IDR. */
export class MissingIdr implements StreamDetector {
  readonly #report: Report;
  #config: VideoConfig | undefined;
  #waiting: { readonly event: VideoEvent; pictures: number; readonly atStart: boolean } | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  video(event: VideoEvent): void {
    const { unit } = event;
    const isNew = this.#config === undefined || !sameConfig(this.#config, unit.config);
    const atStart = this.#config === undefined;
    this.#config = unit.config;
    if (unit.isIdr) {
      this.#tell();
      this.#waiting = undefined;
    } else if (isNew) {
      this.#tell();
      this.#waiting = { event, pictures: 1, atStart };
    } else if (this.#waiting !== undefined) {
      this.#waiting.pictures++;
    }
  }

  end(): void {
    this.#tell();
    this.#waiting = undefined;
  }

  #tell(): void {
    if (this.#waiting === undefined) return;
    const { event, pictures, atStart } = this.#waiting;
    this.#report({
      kind: 'missing-idr',
      medium: 'video',
      severity: 'major',
      reason: `${pictures} pictures cannot be decoded until an IDR comes`,
      timeMs: (event.stamp.pts * 1000) / event.stamp.timescale,
      durationMs: 0,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { pictures },
      cause: atStart
        ? 'the capture begins within a group of pictures'
        : 'the parameter sets changed without an IDR: two streams were joined between keyframes',
    });
  }
}
