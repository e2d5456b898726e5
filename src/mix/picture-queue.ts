import type { Picture } from '../libav/picture.js';
import { VideoDecoder } from '../libav/video-decoder.js';
import type { VideoUnit } from '../media/access-unit.js';

interface Waiting {
  readonly unit: VideoUnit;
  /** Program times in 1/90000 s. */
  readonly pts: number;
  readonly dts: number;
}

/** Decoded pictures are 1.4 MB each at 720p: only a few are made ahead; what comes sooner waits coded. */
const MAX_READY = 4;
/** More than 10 s at 60 pictures per second. */
const MAX_WAITING = 600;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * One participant's pictures on program time: decodes a little ahead, shows the newest that is due, and keeps the last
 * one for as long as nothing better comes. When it overflows it drops to the next IDR.
 */
export class PictureQueue {
  /** Pictures that were never shown because of pressure. */
  dropped = 0;
  #decodeErrors = 0;
  #decoded = 0;
  #decoder = VideoDecoder.open();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #ready: Picture[] = [];
  #current: Picture | undefined;
  #newestPts: number | undefined;
  #needIdr = false;

  get pictures(): number {
    return this.#decoded + this.#decoder.stats.pictures;
  }

  get decodeErrors(): number {
    return this.#decodeErrors + this.#decoder.stats.errors;
  }

  /** Up to which program time the pictures are known. */
  get newestPts(): number | undefined {
    const waiting = this.#waiting.at(-1);
    if (waiting === undefined) return this.#newestPts;
    return Math.max(waiting.dts, this.#newestPts ?? waiting.dts);
  }

  /** @param ptsOffset added to the unit's times to give program times, in 1/90000 s */
  push(unit: VideoUnit, ptsOffset: number): void {
    if (this.#needIdr && !unit.isIdr) {
      this.dropped++;
      return;
    }
    this.#needIdr = false;
    const offset = Math.round(ptsOffset);
    this.#waiting.push({ unit, pts: unit.pts + offset, dts: unit.dts + offset });
    this.#waitingBytes += unit.data.length;
    this.#decodeAhead();
    if (this.#waiting.length > MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES) this.#dropToIdr();
  }

  /**
   * The newest picture with pts <= the given time, or the last one shown when there is no newer. It belongs to the queue
   * and lives until the next call.
   */
  show(pts: number): Picture | undefined {
    this.#skipSuperseded(pts);
    for (;;) {
      this.#decodeAhead();
      const next = this.#ready[0];
      if (next === undefined || next.pts > pts) return this.#current;
      this.#ready.shift();
      this.#current?.free();
      this.#current = next;
    }
  }

  /** A new media session: decoding starts afresh, the last picture stays. */
  reset(): void {
    this.#decodeErrors += this.#decoder.stats.errors;
    this.#decoded += this.#decoder.stats.pictures;
    this.#decoder.close();
    this.#decoder = VideoDecoder.open();
    this.#waiting = [];
    this.#waitingBytes = 0;
    // The newest that was decoded is what the viewer saw, or was about to see.
    const last = this.#ready.pop();
    for (const picture of this.#ready) picture.free();
    this.#ready = [];
    if (last !== undefined) {
      this.#current?.free();
      this.#current = last;
    }
    this.#newestPts = undefined;
    this.#needIdr = false;
  }

  /** Idempotent. */
  close(): void {
    this.#decoder.close();
    this.#current?.free();
    this.#current = undefined;
    for (const picture of this.#ready) picture.free();
    this.#ready = [];
    this.#waiting = [];
  }

  #decodeAhead(): void {
    while (this.#ready.length < MAX_READY) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#waitingBytes -= next.unit.data.length;
      for (const picture of this.#decoder.decode(next.unit, next.pts)) {
        this.#newestPts = Math.max(picture.pts, this.#newestPts ?? picture.pts);
        this.#ready.push(picture);
      }
    }
  }

  /** After a time in which nothing was shown: decoding can begin at the last IDR that is due. */
  #skipSuperseded(pts: number): void {
    const last = this.#waiting.findLastIndex(({ unit, pts: due }) => unit.isIdr && due <= pts);
    if (last > 0) this.#discard(last);
  }

  #dropToIdr(): void {
    const next = this.#waiting.findIndex(({ unit }, i) => i > 0 && unit.isIdr);
    this.#needIdr = next === -1;
    this.#discard(next === -1 ? this.#waiting.length : next);
  }

  #discard(count: number): void {
    this.dropped += count;
    for (const { unit } of this.#waiting.splice(0, count)) this.#waitingBytes -= unit.data.length;
  }
}
