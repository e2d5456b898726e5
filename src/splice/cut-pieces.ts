import { InvalidOptionError } from '../base/errors.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { PieceSpec, Point } from './splice-job.js';
import type { SourceFile } from './source/source-file.js';

/** A piece with its points found, in samples of the program's clock. */
export interface CutPiece {
  readonly source: number;
  readonly name: string;
  readonly in: number;
  readonly out: number;
}

/**
 * Finds the in and out points, and lays pieces of one file that follow each other together: there is no seam.
 *
 * @param clock samples per second of the program: its audio rate, or that of its pictures when it has no sound
 * @throws InvalidOptionError naming the file, for points that are reversed, overlap or lie beyond the end
 */
export function cutPieces(
  specs: readonly PieceSpec[],
  sources: readonly { readonly index: number; readonly file: SourceFile }[],
  clock: number,
): CutPiece[] {
  const pieces: CutPiece[] = [];
  for (const [position, spec] of specs.entries()) {
    const { index, file } = sources[position]!;
    const end = endOf(file, clock);
    const from = spec.in === undefined ? 0 : pointAt(spec.in, file, clock);
    const out = spec.out === undefined ? end : pointAt(spec.out, file, clock);
    const seconds = (samples: number): string => `${(samples / clock).toFixed(3)} s`;
    if (out <= from) {
      const what = spec.out === undefined ? 'an in point before the end' : 'an out point after the in point';
      throw new InvalidOptionError(`${spec.path}: expected ${what}, got ${seconds(from)} to ${seconds(out)}`);
    }
    // Times are often given in whole milliseconds or pictures.
    const tolerance = Math.ceil(clock / 25);
    if (out > end + tolerance) {
      throw new InvalidOptionError(
        `${spec.path}: expected an out point up to its end at ${seconds(end)}, got ${seconds(out)}`,
      );
    }
    const last = pieces.at(-1);
    const piece = { source: index, name: spec.path, in: from, out: Math.min(out, end) };
    if (last?.source === index) {
      if (last.out === from) {
        pieces[pieces.length - 1] = { ...last, out: piece.out };
        continue;
      }
      if (from > last.in && from < last.out) {
        throw new InvalidOptionError(
          `${spec.path}: expected pieces that do not overlap, got ${seconds(from)} before the last one's end at ${seconds(last.out)}`,
        );
      }
    }
    pieces.push(piece);
  }
  return pieces;
}

function pointAt(point: Point, file: SourceFile, clock: number): number {
  if ('seconds' in point) return Math.round(point.seconds * clock);
  const rate = file.index.audio?.runs[0]?.config.sampleRate;
  if (rate === undefined) {
    throw new InvalidOptionError(`${file.name}: expected a time, got @${point.samples}: it has no sound`);
  }
  return rescale(point.samples, rate, clock);
}

/** Where its pictures end, or its sound where it has none. */
function endOf({ index }: SourceFile, clock: number): number {
  if (index.video !== undefined) return rescale(index.video.to, VIDEO_TIMESCALE, clock);
  const rate = index.audio?.runs[0]?.config.sampleRate ?? clock;
  return rescale(index.audio?.to ?? 0, rate, clock);
}
