/** Spectra on either side of a moment: sound with cymbals or sibilants has its highs only now and then. */
export const SIDE = 22;
/** Bands above this are watched; a band is this wide. */
export const FROM_HZ = 4000;
export const BAND_HZ = 2000;
/** By so much less there must be of a band on average, and this much it must have had again and again: loosely. */
const MEAN_FALL_DB = 10;
const FALL_DB = 10;
/** The sound below must go on: in most moments no softer than before, but for this, and at its loudest but for that. */
const GOES_ON_DB = 14;
const LOUDEST_DB = 8;
/** A band with less than this had nothing to lose. */
const MIN_DB = -95;
/** Moments with the band after it went out that do not count: an impulse has all bands. */
const STRAYS = 2;
const NOTE_DB = 3;
/** A band that is there has this much more than what is left of it after, and this share of what it had again and again. */
const THERE_DB = 12;
const THERE = 0.5;
/** What rings out falls by no more than this beyond its fall from the spectrum before. */
const RING_DB = 8;
/** And by no more than so many times its fall before, beyond the same. */
const RUSH = 1.5;
/** A spectrum that holds an edge is softer by this than the one before, where those before it are alike. */
const PARTIAL_DB = 8;

/** What a short spectrum says. */
export interface BandFrame {
  /** Of its first sample. */
  readonly position: number;
  /** Power below {@link FROM_HZ}, and in each band above it, in dB of a full-scale sine. */
  readonly low: number;
  readonly bands: readonly number[];
  /** Power of each frequency, of which a full-scale sine has the square of half as many. */
  readonly power: Float32Array;
}

/**
 * The lowest band that may go out right after frame {@link SIDE} − 1 of 2 × {@link SIDE} frames, while the sound below
 * goes on; undefined when there is none.
 */
export function vanishedBand(frames: readonly BandFrame[]): number | undefined {
  const [before, after] = [frames.slice(0, SIDE), frames.slice(SIDE)];
  const count = frames[0]!.bands.length;
  for (let band = 0; band < count; band++) {
    // Most bands end here.
    if (average(before, band) - average(after, band) < MEAN_FALL_DB) continue;
    const there = recurring(before, band, 2);
    if (there < MIN_DB || there - quietFrom(frames, band) < FALL_DB) continue;
    if (lastWith(frames, band) === SIDE - 1) return goesOn(before, after) ? band : undefined;
  }
  return undefined;
}

/** Of the loudest moments of so many parts of the time, the softest. */
export function recurring(frames: readonly BandFrame[], band: number, parts: number): number {
  const loudest = new Array<number>(parts).fill(-Infinity);
  for (const [i, { bands }] of frames.entries()) {
    const part = Math.floor((i * parts) / frames.length);
    loudest[part] = Math.max(loudest[part]!, bands[band]!);
  }
  return Math.min(...loudest);
}

/** The last moment with a band that has gone out, but for strays in the second half; -1 when there is none. */
function lastWith(frames: readonly BandFrame[], band: number): number {
  const least = leastThere(frames, band);
  return frames.findLastIndex(({ bands }, i) => i < SIDE + STRAYS && bands[band]! > least);
}

/** What a band has at least in moments with it: what an edge's slope leaves of it is less. */
export function leastThere(frames: readonly BandFrame[], band: number): number {
  const gone = quietFrom(frames, band);
  return gone + Math.max(THERE_DB, THERE * (recurring(frames.slice(0, SIDE), band, 2) - gone));
}

/** The last moment with the band; the one before it, where it is clear that the last one holds the edge. */
export function edgeFrom(frames: readonly BandFrame[], band: number): BandFrame {
  const [earlier, before, last] = frames.slice(SIDE - 3, SIDE);
  const [fall, change] = [
    before!.bands[band]! - last!.bands[band]!,
    before!.bands[band]! - earlier!.bands[band]!,
  ];
  return fall > PARTIAL_DB && Math.abs(change) < PARTIAL_DB ? before! : last!;
}

/** What a band has left in the second half, but for strays. */
export function quietFrom(frames: readonly BandFrame[], band: number): number {
  const late = frames.slice(SIDE).map(({ bands }) => bands[band]!);
  return late.sort((a, b) => a - b)[SIDE - 1 - STRAYS]!;
}

/** Whether a band had gone by itself, as between notes, before it stayed away. */
export function ringsOut(frames: readonly BandFrame[], at: number, band: number): boolean {
  const [before, earlier, last, next] = [at - 2, at - 1, at, at + 1].map((i) => frames[i]!.bands[band]!);
  // What rings falls as fast as before: faster is an edge.
  if (earlier! - last! > RUSH * Math.max(0, before! - earlier!) + RING_DB) return false;
  const expected = last! - (earlier! - last!) - RING_DB;
  return earlier! > last! && (next! > expected || expected < quietFrom(frames, band));
}

/** Whether a band had gone by itself: by the last moment with it, or by the next one, where some of it is left. */
export function hasRungOut(frames: readonly BandFrame[], band: number): boolean {
  const isLeft = frames[SIDE]!.bands[band]! > quietFrom(frames, band) + THERE_DB;
  return ringsOut(frames, SIDE - 1, band) || (isLeft && ringsOut(frames, SIDE, band));
}

/** The first moment by which the sound below has set in again; -1 when it does not. */
export function firstNote(frames: readonly BandFrame[]): number {
  return frames.findIndex(({ low }, i) => i > 0 && low - frames[i - 1]!.low > NOTE_DB);
}

/** How often the sound below sets in, louder than usual. */
export function notes(frames: readonly BandFrame[], usual: number): number {
  return frames.filter(({ low }, i) => i > 0 && low > usual && low - frames[i - 1]!.low > NOTE_DB).length;
}

export function usualLow(frames: readonly BandFrame[]): number {
  return frames.map(({ low }) => low).sort((a, b) => a - b)[frames.length >> 1]!;
}

export function loudestLow(frames: readonly BandFrame[]): number {
  return Math.max(...frames.map(({ low }) => low));
}

/** Whether the sound below is there as it was, with its pauses. */
function goesOn(before: readonly BandFrame[], after: readonly BandFrame[]): boolean {
  return (
    usualLow(after) > usualLow(before) - GOES_ON_DB && loudestLow(after) > loudestLow(before) - LOUDEST_DB
  );
}

export function average(frames: readonly BandFrame[], band: number): number {
  return frames.reduce((sum, { bands }) => sum + bands[band]!, 0) / frames.length;
}
