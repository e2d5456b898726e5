import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { ProgramUnit } from '../media/program-sink.js';

/** The smallest picture duration taken for a file of one picture: 1/30 s. */
const DEFAULT_PICTURE_TICKS = 3000;

/** Where the tracks of one pass begin and end, each in its own timescale. */
class PassExtent {
  #videoStart: number | undefined;
  #videoLast = 0;
  #pictureTicks = DEFAULT_PICTURE_TICKS;
  #audioStart: number | undefined;
  #audioEnd = 0;
  #audioRate = 0;
  #frameSamples = 1024;

  add(unit: ProgramUnit): void {
    if (unit.kind === 'video') {
      if (this.#videoStart === undefined) this.#videoStart = unit.dts;
      else this.#pictureTicks = Math.max(1, unit.dts - this.#videoLast);
      this.#videoLast = unit.dts;
    } else {
      this.#audioStart ??= unit.pts;
      this.#audioEnd = unit.pts + unit.durationSamples;
      this.#audioRate = unit.config.sampleRate;
      this.#frameSamples = unit.durationSamples;
    }
  }

  /**
   * How far a pass moves the next one: the longer of its tracks, in whole audio frames where there is audio, so that
   * neither overlaps itself and the audio grid goes on.
   */
  length(): { readonly value: number; readonly timescale: number } {
    const videoTicks =
      this.#videoStart === undefined ? 0 : this.#videoLast + this.#pictureTicks - this.#videoStart;
    if (this.#audioStart === undefined) return { value: videoTicks, timescale: VIDEO_TIMESCALE };
    const rate = this.#audioRate;
    const samples = Math.max(
      this.#audioEnd - this.#audioStart,
      rescale(videoTicks, VIDEO_TIMESCALE, rate, 'ceil'),
    );
    const frames = Math.ceil(samples / this.#frameSamples);
    return { value: frames * this.#frameSamples, timescale: rate };
  }
}

/**
 * Units of one source again and again, times going on: never back, audio on one frame grid, and both tracks moved by
 * the same time, so that they stay in step for ever.
 *
 * @param pass begins the source anew
 * @param times how often; Infinity goes on until the caller stops
 */
export async function* repeatUnits(
  pass: () => AsyncIterable<ProgramUnit>,
  times: number,
): AsyncGenerator<ProgramUnit> {
  let offset = { value: 0, timescale: VIDEO_TIMESCALE };
  for (let i = 0; i < times; i++) {
    const extent = new PassExtent();
    let isEmpty = true;
    for await (const unit of pass()) {
      extent.add(unit);
      isEmpty = false;
      yield moved(unit, offset);
    }
    if (isEmpty) return;
    const { value, timescale } = extent.length();
    offset = { value: rescale(offset.value, offset.timescale, timescale) + value, timescale };
  }
}

function moved(unit: ProgramUnit, by: { readonly value: number; readonly timescale: number }): ProgramUnit {
  if (by.value === 0) return unit;
  if (unit.kind === 'audio') {
    return { ...unit, pts: unit.pts + rescale(by.value, by.timescale, unit.config.sampleRate) };
  }
  const ticks = rescale(by.value, by.timescale, VIDEO_TIMESCALE);
  return { ...unit, pts: unit.pts + ticks, dts: unit.dts + ticks };
}
