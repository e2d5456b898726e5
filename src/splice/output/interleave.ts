import type { Program } from './columns.js';

/** Tracks may be apart by this before time decides, whatever the order in the source. */
const MAX_APART_SECONDS = 1;
const VIDEO_TIMESCALE = 90_000;

/**
 * The order in which the samples of both tracks are written.
 *
 * @param by `time` of decoding, or the `place` in the source where both come from the same one: what lies together is
 *   copied together
 */
export function* interleave(
  { sound, pictures }: Program,
  by: 'time' | 'place',
): Generator<{ readonly track: 'video' | 'audio'; readonly index: number }> {
  let picture = 0;
  let unit = 0;
  const video = pictures?.columns;
  const audio = sound?.columns;
  const rate = sound?.sampleRate ?? 1;
  while (picture < (video?.count ?? 0) || unit < (audio?.count ?? 0)) {
    let isPicture: boolean;
    if (video === undefined || picture >= video.count) isPicture = false;
    else if (audio === undefined || unit >= audio.count) isPicture = true;
    else {
      const ahead = video.dts[picture]! / VIDEO_TIMESCALE - audio.dts[unit]! / rate;
      const together = by === 'place' && video.source[picture] === audio.source[unit];
      isPicture =
        together && Math.abs(ahead) < MAX_APART_SECONDS
          ? video.offset[picture]! < audio.offset[unit]!
          : ahead <= 0;
    }
    yield isPicture ? { track: 'video', index: picture++ } : { track: 'audio', index: unit++ };
  }
}
