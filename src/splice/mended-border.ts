import { burg, meanResidual } from '../signal/burg.js';
import { healing } from '../signal/interpolation.js';

/** Samples on either side of a border that may be made anew. */
export const MENDED = 32;
/** Samples on either side from which {@link mendedBorder} tells what goes between. */
export const AROUND = 512;
const ORDER = 32;
/** What the border must stand out by over what prediction leaves elsewhere. */
const STANDS_OUT_DB = 8;
/** Mean square of silence. */
const SILENCE = 1e-9;

/**
 * A recording's first and last samples, as decoded, are not what was recorded: beyond them was silence, and its encoder has
 * blurred that edge. Where one recording begins as another one ends they are heard as a tick, and are interpolated instead.
 *
 * @param samples of one channel: {@link AROUND} and {@link MENDED} before the border, and as many after it
 * @returns what takes the place of the {@link MENDED} samples on either side; undefined where nothing stands out
 */
export function mendedBorder(samples: Float32Array): Float32Array | undefined {
  const line = Float64Array.from(samples);
  const mended = [line, line.slice().reverse()].map((samples) => {
    const context = samples.subarray(0, AROUND);
    const filter = burg(context, ORDER);
    const usual = meanResidual(filter, context) + SILENCE;
    return healing(samples, { from: AROUND, count: 2 * MENDED, filter, usual });
  });
  const [past, future] = [mended[0]!, mended[1]!];
  if (Math.min(past.asIsDb, future.asIsDb) < STANDS_OUT_DB) return undefined;
  const change = past.healedDb <= future.healedDb ? past.change : future.change.slice().reverse();
  return Float32Array.from(change, (value, i) => value + line[AROUND + i]!);
}
