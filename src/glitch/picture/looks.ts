import { Scaler } from '../../libav/scaler.js';
import { Surface } from '../../libav/surface.js';
import { VideoDecoder } from '../../libav/video-decoder.js';
import type { VideoEvent } from '../capture/event.js';
import type { PictureDetector, Report } from '../detector.js';
import { LOOK_HEIGHT, LOOK_WIDTH } from './picture-look.js';

const KEPT_PLACES = 128;

/** Decodes pictures, makes them small for the detectors, and reports those that cannot be decoded. */
export class Looks {
  readonly #detectors: readonly PictureDetector[];
  readonly #report: Report;
  readonly #decoder = VideoDecoder.open();
  readonly #scaler = Scaler.open('area');
  readonly #surface = Surface.alloc(LOOK_WIDTH, LOOK_HEIGHT);
  /** By presentation time; display order is not decoding order. */
  readonly #places = new Map<number, VideoEvent>();
  #started = false;
  #lastError = -2;

  constructor(detectors: readonly PictureDetector[], report: Report) {
    this.#detectors = detectors;
    this.#report = report;
  }

  video(event: VideoEvent): void {
    const { unit, place } = event;
    // What comes before the first IDR is missing-idr's.
    if (!this.#started && !unit.isIdr) return;
    this.#started = true;
    this.#places.set(unit.pts, event);
    if (this.#places.size > KEPT_PLACES) this.#places.delete(this.#places.keys().next().value ?? unit.pts);
    const errorsBefore = this.#decoder.stats.errors;
    for (const picture of this.#decoder.decode(unit)) this.#look(picture);
    if (this.#decoder.stats.errors === errorsBefore) return;
    const isRun = place.index === this.#lastError + 1;
    this.#lastError = place.index;
    if (isRun) return;
    this.#report({
      kind: 'decode-error',
      medium: 'video',
      severity: 'major',
      reason: 'a picture cannot be decoded, and those that refer to it show its damage',
      timeMs: (event.stamp.pts * 1000) / event.stamp.timescale,
      durationMs: 0,
      unit: place.index,
      byteOffset: place.byteOffset,
      measured: { bytes: unit.data.length },
      cause: 'bytes were lost or changed on the way, or pictures that it refers to are missing',
    });
  }

  end(): void {
    for (const picture of this.#decoder.flush()) this.#look(picture);
    for (const detector of this.#detectors) detector.end?.();
  }

  /** Idempotent. */
  close(): void {
    this.#decoder.close();
    this.#scaler.close();
    this.#surface.free();
  }

  #look(picture: Parameters<Scaler['scale']>[0]): void {
    const event = this.#places.get(picture.pts);
    this.#places.delete(picture.pts);
    const isScaled = this.#scaler.scale(picture, this.#surface);
    const timeMs = event === undefined ? picture.pts / 90 : (event.stamp.pts * 1000) / event.stamp.timescale;
    picture.free();
    if (!isScaled) return;
    const luma = new Uint8Array(LOOK_WIDTH * LOOK_HEIGHT);
    const [plane] = this.#surface.planes;
    for (let row = 0; row < LOOK_HEIGHT; row++) {
      const start = row * this.#surface.strides[0];
      luma.set(plane.subarray(start, start + LOOK_WIDTH), row * LOOK_WIDTH);
    }
    const { unit, place } = event ?? {};
    const look = {
      timeMs,
      unit: place?.index,
      byteOffset: place?.byteOffset,
      isIdr: unit?.isIdr ?? false,
      luma,
    };
    for (const detector of this.#detectors) detector.picture(look);
  }
}
