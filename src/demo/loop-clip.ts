import { UnsupportedMediaError } from '../base/errors.js';
import { Mp4Reader } from '../container/mp4/reader.js';
import type { AudioUnit, VideoUnit } from '../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';

/** Opus frames of WebRTC: 20 ms at 48 kHz. */
const OPUS_FRAME = 960;
const OPUS_RATE = 48_000;

/**
 * A short H.264 and Opus clip held in memory, to be sent over and over. It may come in several renditions of the same
 * pictures whose IDRs lie at different places, so that an IDR that is asked for is never far away.
 */
export class LoopClip {
  /** `[rendition][picture]`, all of one length. */
  readonly #renditions: readonly (readonly VideoUnit[])[];
  /** Frames of 20 ms; their number times 20 ms is the length of the loop. */
  readonly #audio: readonly AudioUnit[];
  /** Length of one turn in 1/90000 s. */
  readonly length: number;

  private constructor(
    renditions: readonly (readonly VideoUnit[])[],
    audio: readonly AudioUnit[],
    length: number,
  ) {
    this.#renditions = renditions;
    this.#audio = audio;
    this.length = length;
  }

  /**
   * @param paths MP4 files of the same clip; the sound is the first one's
   * @throws UnsupportedMediaError when a clip is not H.264 without B-frames and Opus in frames of 20 ms, or when the
   * renditions differ in length
   */
  static async read(paths: readonly string[]): Promise<LoopClip> {
    const renditions: VideoUnit[][] = [];
    let audio: AudioUnit[] = [];
    for (const [index, path] of paths.entries()) {
      await using reader = await Mp4Reader.open(path);
      const pictures: VideoUnit[] = [];
      const frames: AudioUnit[] = [];
      for await (const unit of reader.units()) {
        if (unit.kind === 'video') pictures.push(checkPicture(unit, path));
        else frames.push(checkFrame(unit, path));
      }
      if (pictures[0]?.isIdr !== true) throw new UnsupportedMediaError(`${path}: expected an IDR first`);
      if (pictures.length !== (renditions[0] ?? pictures).length) {
        throw new UnsupportedMediaError(
          `${path}: expected ${renditions[0]?.length} pictures as in ${paths[0]}`,
        );
      }
      renditions.push(pictures);
      if (index === 0) audio = frames;
    }
    const [first] = renditions;
    if (first === undefined) throw new UnsupportedMediaError('expected at least one clip');
    const length = lengthOf(first);
    // Encoders put some priming before the first frame and padding after the last; a turn is a whole number of frames.
    const frames = rescale(length, VIDEO_TIMESCALE, OPUS_RATE, 'floor') / OPUS_FRAME;
    if (audio.length > 0 && (!Number.isInteger(frames) || audio.length < frames)) {
      throw new UnsupportedMediaError(`${paths[0]}: expected a whole number of 20 ms in its ${length} ticks`);
    }
    return new LoopClip(renditions, audio.slice(0, frames), length);
  }

  get hasAudio(): boolean {
    return this.#audio.length > 0;
  }

  /** Picture `index` of the endless loop, in presentation order from 0; its pts in 1/90000 s only grows. */
  picture(index: number, rendition: number): VideoUnit {
    const pictures = this.#renditions[rendition] ?? [];
    const turn = Math.floor(index / pictures.length);
    const unit = pictures[index % pictures.length];
    if (unit === undefined) throw new RangeError(`no picture ${index} in rendition ${rendition}`);
    const pts = unit.pts + turn * this.length;
    return { ...unit, pts, dts: pts };
  }

  /** A rendition that has an IDR at picture `index`, if there is one. */
  renditionWithIdr(index: number): number | undefined {
    const found = this.#renditions.findIndex((pictures) => pictures[index % pictures.length]?.isIdr === true);
    return found === -1 ? undefined : found;
  }

  /** Audio frame `index` of the endless loop; its pts in 1/48000 s only grows. */
  frame(index: number): AudioUnit {
    const unit = this.#audio[index % this.#audio.length];
    if (unit === undefined) throw new RangeError('the clip has no audio');
    return { ...unit, pts: index * OPUS_FRAME + (this.#audio[0]?.pts ?? 0) };
  }
}

function checkPicture(unit: VideoUnit, path: string): VideoUnit {
  if (unit.pts === unit.dts) return unit;
  throw new UnsupportedMediaError(`${path}: expected no B-frames, which WebRTC does not carry`);
}

function checkFrame(unit: AudioUnit, path: string): AudioUnit {
  if (unit.config.codec === 'opus' && unit.durationSamples === OPUS_FRAME) return unit;
  throw new UnsupportedMediaError(
    `${path}: expected Opus in frames of ${OPUS_FRAME} samples, got ${unit.config.codec} of ${unit.durationSamples}`,
  );
}

/** From the first picture to the end of the last, which lasts as long as the one before it. */
function lengthOf(pictures: readonly VideoUnit[]): number {
  const [first, previous, last] = [pictures[0], pictures.at(-2), pictures.at(-1)];
  if (first === undefined || previous === undefined || last === undefined) {
    throw new UnsupportedMediaError('expected a clip of at least two pictures');
  }
  return 2 * last.pts - previous.pts - first.pts;
}
