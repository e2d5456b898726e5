/** Spectra on either side of a moment: sound with cymbals or sibilants has its highs only now and then. */
export const SIDE = 22;
/** Bands above this are watched; a band is this wide. */
export const FROM_HZ = 4000;
export const BAND_HZ = 2000;
/** By so much less must there be of a band, at most and on average: music falls by less when an instrument rests. */
const FALL_DB = 20;
const MEAN_FALL_DB = 24;
/** The quietest that the band was before must be louder than anything after, but for this. */
const NEW_LOW_DB = 3;
/** The sound below must go on: in most moments no softer than before, but for this, and at its loudest but for that. */
const GOES_ON_DB = 14;
const LOUDEST_DB = 8;
/** A band with less than this had nothing to lose. */
const MIN_DB = -95;
/** Where a band comes and goes with the notes it must have been there, in each third of the time, with this much. */
const OFTEN_DB = -70;
/** Higher up, encoders leave out what they please. */
const OFTEN_BELOW_HZ = 12_000;
/** And since then there is less than this, but for so many moments, while notes set in. */
const NOTHING_DB = -97;
const STRAYS = 2;
const MIN_NOTES = 2;
/** The sound below is as loud as it was, but for this. */
const ALIKE_DB = 6;
const NOTE_DB = 3;
/** A band that is there has this much more than what is left of it after. */
const THERE_DB = 12;
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
}

/**
 * The lowest band that goes out in the middle of 2 × {@link SIDE} frames, while the sound below goes on; undefined when
 * there is none.
 */
export function vanishedBand(frames: readonly BandFrame[]): number | undefined {
  const [before, after] = [frames.slice(0, SIDE), frames.slice(SIDE)];
  const count = frames[0]!.bands.length;
  for (let band = 0; band < count; band++) {
    if (fallsSilent(before, after, band) || isMissed(before, after, band)) {
      const fall = average(before, band) - average(after, band);
      return fall >= MEAN_FALL_DB && goesOn(before, after) ? band : undefined;
    }
  }
  return undefined;
}

/** Quieter than it has been between; an impulse now and then has all bands for a moment, which is not enough. */
function fallsSilent(before: readonly BandFrame[], after: readonly BandFrame[], band: number): boolean {
  let highest = -Infinity;
  for (const { bands } of after) highest = Math.max(highest, bands[band]!);
  let lowest = Infinity;
  for (const { bands } of before) lowest = Math.min(lowest, bands[band]!);
  if (highest >= lowest + NEW_LOW_DB) return false;
  const there = recurring(before, band, 2);
  return there > MIN_DB && there - highest > FALL_DB;
}

/** It came with every few notes, and with the notes since then there is nothing at all. */
function isMissed(before: readonly BandFrame[], after: readonly BandFrame[], band: number): boolean {
  if (FROM_HZ + band * BAND_HZ > OFTEN_BELOW_HZ) return false;
  let strays = 0;
  for (const { bands } of after) {
    if (bands[band]! >= NOTHING_DB && (++strays > STRAYS || bands[band]! >= OFTEN_DB)) return false;
  }
  if (recurring(before, band, 3) <= OFTEN_DB) return false;
  const usual = usualLow(before);
  return Math.abs(usualLow(after) - usual) <= ALIKE_DB && notes(after, usual) >= MIN_NOTES;
}

/** Of the loudest moments of so many parts of the time, the softest. */
function recurring(frames: readonly BandFrame[], band: number, parts: number): number {
  const loudest = new Array<number>(parts).fill(-Infinity);
  for (const [i, { bands }] of frames.entries()) {
    const part = Math.floor((i * parts) / SIDE);
    loudest[part] = Math.max(loudest[part]!, bands[band]!);
  }
  return Math.min(...loudest);
}

/** The last moment with a band that has gone out; it lies at the middle of the frames, or a little later. */
export function lastWith(frames: readonly BandFrame[], band: number): number {
  const gone = quietFrom(frames, band);
  for (let i = SIDE - 1 + STRAYS; i > 1; i--) if (frames[i]!.bands[band]! > gone + THERE_DB) return i;
  return SIDE - 1;
}

/** The last moment before an edge, where it is clear that the last moment with the band holds the edge. */
export function edgeFrom(frames: readonly BandFrame[], at: number, band: number): number {
  const [earlier, before, last] = [at - 2, at - 1, at].map((i) => frames[i]!.bands[band]!);
  return before! - last! > PARTIAL_DB && Math.abs(before! - earlier!) < PARTIAL_DB ? at - 1 : at;
}

/** What a band has left after it went out, but for strays. */
function quietFrom(frames: readonly BandFrame[], band: number): number {
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

/** The first moment by which the sound below has set in again; -1 when it does not. */
export function firstNote(frames: readonly BandFrame[]): number {
  return frames.findIndex(({ low }, i) => i > 0 && low - frames[i - 1]!.low > NOTE_DB);
}

/** How often the sound below sets in, louder than usual. */
function notes(frames: readonly BandFrame[], usual: number): number {
  return frames.filter(({ low }, i) => i > 0 && low > usual && low - frames[i - 1]!.low > NOTE_DB).length;
}

function usualLow(frames: readonly BandFrame[]): number {
  return frames.map(({ low }) => low).sort((a, b) => a - b)[SIDE / 2]!;
}

/** Whether the sound below is there as it was, with its pauses. */
function goesOn(before: readonly BandFrame[], after: readonly BandFrame[]): boolean {
  const loudest = (frames: readonly BandFrame[]): number => Math.max(...frames.map(({ low }) => low));
  return usualLow(after) > usualLow(before) - GOES_ON_DB && loudest(after) > loudest(before) - LOUDEST_DB;
}

export function average(frames: readonly BandFrame[], band: number): number {
  return frames.reduce((sum, { bands }) => sum + bands[band]!, 0) / frames.length;
}
