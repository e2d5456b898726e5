import { MalformedMediaError } from '../../base/errors.js';
import { H264Encoder } from '../../libav/h264-encoder.js';
import type { Picture } from '../../libav/picture.js';
import { Scaler } from '../../libav/scaler.js';
import { Surface } from '../../libav/surface.js';
import { VideoDecoder } from '../../libav/video-decoder.js';
import type { VideoUnit } from '../../media/access-unit.js';
import { VIDEO_TIMESCALE } from '../../media/timestamp.js';
import type { SourceFile } from '../source/source-file.js';
import type { VideoPart } from './plan-video.js';

export interface VideoEncoding {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateBps: number;
}

const KEYFRAME_INTERVAL_MS = 2_000;
const PRESET = 'faster';

/**
 * Decodes a part and encodes those of its pictures that are wanted, at their own times: the first one is an IDR, and
 * decoding and presentation order are one.
 *
 * @throws MalformedMediaError when none of them can be decoded; NativeError when the encoder fails
 */
export async function* encodePart(
  source: SourceFile,
  part: Extract<VideoPart, { kind: 'encoded' }>,
  encoding: VideoEncoding,
): AsyncGenerator<VideoUnit> {
  const decoder = VideoDecoder.open({ threads: 2 });
  const encoder = H264Encoder.open({
    ...encoding,
    preset: PRESET,
    keyframeIntervalMs: KEYFRAME_INTERVAL_MS,
    threads: 2,
  });
  const scaler = Scaler.open();
  const surface = Surface.alloc(encoding.width, encoding.height);
  let count = 0;
  let lastPts = -Infinity;
  const encode = function* (pictures: readonly Picture[]): Generator<VideoUnit> {
    for (const picture of pictures) {
      try {
        if (picture.pts < part.ptsFrom || picture.pts >= part.ptsTo || picture.pts <= lastPts) continue;
        if (!scaler.scale(picture, surface)) continue;
        lastPts = picture.pts;
        yield encoder.encode(surface, picture.pts, { forceIdr: count++ === 0 });
      } finally {
        picture.free();
      }
    }
  };
  try {
    for (let index = part.from; index <= part.to; index++) {
      const unit = await source.videoUnit(index);
      // An open group begins with a picture that is no IDR but decodes by itself.
      yield* encode(decoder.decode(index === part.from ? { ...unit, isIdr: true } : unit));
    }
    yield* encode(decoder.flush());
    if (count === 0) {
      throw new MalformedMediaError(
        `${source.name}: no picture from ${(part.ptsFrom / VIDEO_TIMESCALE).toFixed(3)} s to ` +
          `${(part.ptsTo / VIDEO_TIMESCALE).toFixed(3)} s can be decoded`,
      );
    }
  } finally {
    decoder.close();
    encoder.close();
    scaler.close();
    surface.free();
  }
}
