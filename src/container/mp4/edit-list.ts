import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { rescale } from '../../media/timestamp.js';
import type { ReadEdit, ReadMovie, ReadTrack } from './read-movie.js';

/** How media times become movie times, in the track's timescale. */
export interface AppliedEdits {
  /** Added to every time of the media. */
  readonly shift: number;
  /** Presentation times from here on (movie times) are cut off; undefined when nothing is. */
  readonly end: number | undefined;
}

/**
 * Edit lists of ISO/IEC 14496-12 §8.6.6 that keep the media in one piece: a delayed start, cut-off priming, a cut-off
 * end. What lies before the first edit's media time gets times below 0: to be decoded, not presented.
 *
 * @throws UnsupportedMediaError when edits rearrange or repeat the media; MalformedMediaError for an impossible duration
 */
export function applyEdits(track: ReadTrack, movie: ReadMovie): AppliedEdits {
  let delay = 0;
  let start: number | undefined;
  let covered = 0;
  for (const edit of track.edits) {
    const duration = durationOf(edit, track, movie);
    if (edit.mediaTime === -1) {
      if (start !== undefined) throw rearranged(track);
      delay += duration;
    } else if (start === undefined) {
      start = edit.mediaTime;
      covered = duration;
    } else {
      // A run of edits whose media follow each other is one edit; rounding to the movie's timescale may show.
      const tick = Math.ceil(track.timescale / movie.timescale);
      if (Math.abs(edit.mediaTime - (start + covered)) > tick) throw rearranged(track);
      covered = edit.mediaTime - start + duration;
    }
  }
  if (start === undefined) return { shift: delay, end: undefined };
  // A duration of 0 means to the end, in fragmented files (§8.6.6.1).
  return { shift: delay - start, end: covered === 0 ? undefined : delay + covered };
}

/** In the track's timescale. */
function durationOf({ duration }: ReadEdit, track: ReadTrack, movie: ReadMovie): number {
  if ((duration / movie.timescale) * track.timescale > Number.MAX_SAFE_INTEGER) {
    throw new MalformedMediaError(
      `MP4 track ${track.id}: impossible duration ${duration}/${movie.timescale} s of an edit`,
    );
  }
  return rescale(duration, movie.timescale, track.timescale);
}

function rearranged(track: ReadTrack): UnsupportedMediaError {
  return new UnsupportedMediaError(`MP4 track ${track.id}: its edit list rearranges the media`, {
    hint: 'Render it to a plain file first, e.g. with ffmpeg -i in.mp4 -c copy out.mp4 or a re-encode.',
  });
}
