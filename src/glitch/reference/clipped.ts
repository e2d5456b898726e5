import type { Part, Stretch } from './stretch.js';

/** Samples below this tell the gain; those above that may have been cut off. */
const FREE = 0.6;
const CUT = 0.75;
const LEAST_FREE = 100;
/** By the gain of the others they would be so far past full scale, and so much larger than they are. */
const OVER = 1.08;
const LARGER = 1.05;
const LEAST_SAMPLES = 3;

/** Peaks of a frame that were cut off at full scale. */
export interface Clipped {
  readonly samples: number;
  /** The first one that would have been past full scale, from the beginning of the stretch. */
  readonly first: number;
  /** How far past full scale the largest would have been. */
  readonly overDb: number;
}

/**
 * Whether the reference has, by the gain that the softer samples show, peaks where the capture is flat.
 *
 * @param stretch at the reference's own level
 * @param frame of the stretch; the first peak is looked for before it, too
 */
export function findClipped({ heard, reference }: Stretch, frame: Part): Clipped | undefined {
  let found: Clipped | undefined;
  for (const [channel, own] of heard.entries()) {
    const wanted = reference[channel]!;
    const gain = gainOf(own, wanted, frame);
    if (gain === undefined) continue;
    let [samples, most] = [0, 0];
    for (let i = frame.from; i < frame.to; i++) {
      const [is, due] = [Math.abs(own[i]!), gain * Math.abs(wanted[i]!)];
      if (is < CUT || due < OVER || due < LARGER * is) continue;
      samples++;
      most = Math.max(most, due);
    }
    if (samples < LEAST_SAMPLES) continue;
    const peak = own.findIndex((x, i) => Math.abs(x) > CUT && gain * Math.abs(wanted[i]!) > 1);
    const first = Math.min(peak, found?.first ?? Infinity);
    const overDb = Math.max(20 * Math.log10(most), found?.overDb ?? 0);
    found = { samples: samples + (found?.samples ?? 0), first, overDb };
  }
  return found;
}

function gainOf(own: Float32Array, wanted: Float32Array, { from, to }: Part): number | undefined {
  let [power, due, count] = [0, 0, 0];
  for (let i = from; i < to; i++) {
    if (Math.abs(own[i]!) > FREE) continue;
    power += own[i]! ** 2;
    due += wanted[i]! ** 2;
    count++;
  }
  return count < LEAST_FREE || due < 1e-6 ? undefined : Math.sqrt(power / due);
}
