import type { AudioEvent, VideoEvent } from '../capture/event.js';

/** A unit's time stamps. */
export interface StampedUnit {
  readonly index: number;
  readonly ptsMs: number;
  readonly dtsMs: number;
  /** What its samples or the container say; 0 where nobody does. */
  readonly lengthMs: number;
  readonly byteOffset: number | undefined;
  readonly bytes: number;
  readonly isIdr: boolean;
}

/** 40 s of pictures at 60 a second, and more of sound. */
const KEPT = 2400;

/** The stamps of the newest units of one track. */
export class RecentStamps {
  readonly #units: StampedUnit[] = [];

  add({ unit, place, stamp }: AudioEvent | VideoEvent): void {
    const counted =
      unit.kind === 'audio' ? (unit.durationSamples * 1000) / unit.config.sampleRate : undefined;
    const told = stamp?.duration === undefined ? 0 : (stamp.duration * 1000) / stamp.timescale;
    const lengthMs = counted ?? told;
    this.#units.push({
      index: place.index,
      ptsMs: stamp === undefined ? place.index * lengthMs : (stamp.pts * 1000) / stamp.timescale,
      dtsMs: stamp === undefined ? place.index * lengthMs : (stamp.dts * 1000) / stamp.timescale,
      lengthMs,
      byteOffset: place.byteOffset,
      bytes: unit.data.length,
      isIdr: unit.kind === 'video' && unit.isIdr,
    });
    if (this.#units.length > 2 * KEPT) this.#units.splice(0, KEPT);
  }

  /** Units that are shown within the window, in the order of the stream. */
  within(fromMs: number, toMs: number): StampedUnit[] {
    return this.#units.filter(({ ptsMs, lengthMs }) => ptsMs + lengthMs >= fromMs && ptsMs <= toMs);
  }

  /** The units around a time, in the order of the stream: at most `count` before it and as many after. */
  around(timeMs: number, count: number): StampedUnit[] {
    let nearest = 0;
    this.#units.forEach(({ ptsMs }, place) => {
      if (Math.abs(ptsMs - timeMs) < Math.abs(this.#units[nearest]!.ptsMs - timeMs)) nearest = place;
    });
    return this.#units.slice(Math.max(0, nearest - count), nearest + count + 1);
  }
}
