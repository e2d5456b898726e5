import type { Features } from './forest.js';
import {
  average,
  BAND_HZ,
  FROM_HZ,
  leastThere,
  loudestLow,
  notes,
  quietFrom,
  recurring,
  ringsOut,
  SIDE,
  usualLow,
  type BandFrame,
} from './vanished-band.js';

/** Beside an edge, changes are averaged over so much on either side, but for what its slope takes. */
const BESIDE_HZ = 700;
const SLOPE_HZ = 150;
/** Above an edge everything falls, up to here. */
const UP_TO_HZ = 14_000;
/** Powers are no softer than this, in dB. */
const FLOOR_DB = -130;

export interface Moment {
  /** 2 × {@link SIDE} frames; what may have gone out did so in the middle. */
  readonly frames: readonly BandFrame[];
  /** Up to {@link PAST} frames before those. */
  readonly past: readonly BandFrame[];
  /** The lowest that may have gone out. */
  readonly band: number;
  /** Of each frame's spectrum. */
  readonly hzPerBin: number;
}

/** Frames before the others by which it is told whether a band comes and goes. */
export const PAST = 44;

/** What tells highs that were taken away from highs that rest: by name, mostly in dB. */
export function measureDrop(moment: Moment): Features {
  return { ...ofBand(moment), ...ofSoundBelow(moment), ...ofEdge(moment) };
}

/** How loud the band was and is, how often it is there, and how it goes out. */
function ofBand({ frames, past, band }: Moment): Features {
  const [before, after] = [frames.slice(0, SIDE), frames.slice(SIDE)];
  const [was, is] = [before, after].map((side) => side.map(({ bands }) => bands[band]!).sort(ascending));
  const gone = quietFrom(frames, band);
  const least = leastThere(frames, band);
  const isThere = (frame: BandFrame): boolean => frame.bands[band]! > least;
  const [there, often] = [recurring(before, band, 2), recurring(before, band, 3)];
  const [earlier, last, ...next] = frames.slice(SIDE - 2, SIDE + 3).map(({ bands }) => bands[band]!);
  return {
    band,
    fallDb: average(before, band) - average(after, band),
    newLowDb: is!.at(-1)! - was![0]!,
    newLowButStraysDb: gone - was![2]!,
    thereDb: there,
    bandByLowDb: there - usualLow(before),
    oftenDb: often,
    oftenFallDb: often - gone,
    goneDb: gone,
    medianDb: is![SIDE >> 1]!,
    loudestDb: is!.at(-1)!,
    leastDb: is![0]!,
    spreadDb: is![SIDE - 4]! - is![3]!,
    spreadBeforeDb: was![SIDE - 4]! - was![3]!,
    thereShare: before.filter(isThere).length / SIDE,
    strays: after.filter(isThere).length,
    pastShare: past.length === 0 ? 1 : past.filter(isThere).length / past.length,
    longestRest: longestRest([...past, ...before], isThere),
    ringsOut: ringsOut(frames, SIDE - 1, band) ? 1 : 0,
    fallBeforeDb: earlier! - last!,
    firstFallDb: last! - next[0]!,
    secondFallDb: last! - next[1]!,
    thirdFallDb: last! - next[2]!,
  };
}

function ofSoundBelow({ frames, band }: Moment): Features {
  const [before, after] = [frames.slice(0, SIDE), frames.slice(SIDE)];
  const usual = usualLow(before);
  return {
    lowDb: usual,
    lowChangeDb: usualLow(after) - usual,
    lowLoudestDb: loudestLow(after) - loudestLow(before),
    lowFallDb: frames[SIDE - 1]!.low - frames[SIDE + 1]!.low,
    belowFallDb: fallOf(frames, band - 1),
    notesBefore: notes(before, usual),
    notesAfter: notes(after, usual),
  };
}

/** What is missing above the frequency from which on it is, and what is left there. */
function ofEdge({ frames, band, hzPerBin }: Moment): Features {
  const [was, is] = [spectrumOf(frames.slice(0, SIDE)), spectrumOf(frames.slice(SIDE))];
  const change = was.map((db, bin) => db - is[bin]!);
  const from = FROM_HZ + (band - 1) * BAND_HZ;
  const edge = steepest(change, { from, to: from + 2 * BAND_HZ, hzPerBin });
  const above = change.slice(Math.ceil((edge.hz + SLOPE_HZ) / hzPerBin), Math.ceil(UP_TO_HZ / hzPerBin));
  const mean = meanOf(above);
  const left = besideEdge(is, edge.hz, hzPerBin);
  return {
    edgeHz: edge.hz,
    steepDb: edge.steepDb,
    keptDb: edge.belowDb,
    aboveDb: mean,
    aboveSpreadDb: Math.sqrt(meanOf(above.map((db) => (db - mean) ** 2))),
    aboveMostDb: above.reduce((most, db) => Math.max(most, db), FLOOR_DB),
    nextFallDb: fallOf(frames, band + 1),
    cliffDb: left.below - left.above,
    leftDb: left.above,
  };
}

/** Where there is no such band, of the sound below all bands. */
function fallOf(frames: readonly BandFrame[], band: number): number {
  const level = ({ low, bands }: BandFrame): number => bands[band] ?? low;
  return frames.reduce((sum, frame, i) => sum + (i < SIDE ? level(frame) : -level(frame)), 0) / SIDE;
}

/** So many moments in a row, at most, were without. */
function longestRest(frames: readonly BandFrame[], isThere: (frame: BandFrame) => boolean): number {
  let [longest, rest] = [0, 0];
  for (const frame of frames) {
    rest = isThere(frame) ? 0 : rest + 1;
    longest = Math.max(longest, rest);
  }
  return longest;
}

/** Mean power of each frequency, in dB. */
function spectrumOf(frames: readonly BandFrame[]): Float64Array {
  const sum = new Float64Array(frames[0]!.power.length);
  const fullScale = frames.length * (sum.length / 2) ** 2;
  for (const { power } of frames) for (let bin = 0; bin < sum.length; bin++) sum[bin]! += power[bin]!;
  return sum.map((total) => Math.max(FLOOR_DB, 10 * Math.log10(total / fullScale + 1e-20)));
}

interface Edge {
  readonly hz: number;
  /** How much more is missing right above it than right below. */
  readonly steepDb: number;
  readonly belowDb: number;
}

function steepest(
  change: Float64Array,
  { from, to, hzPerBin }: { readonly from: number; readonly to: number; readonly hzPerBin: number },
): Edge {
  let edge: Edge = { hz: from, steepDb: -Infinity, belowDb: 0 };
  for (let bin = Math.ceil(from / hzPerBin); bin * hzPerBin <= to; bin++) {
    const hz = bin * hzPerBin;
    const { below, above } = besideEdge(change, hz, hzPerBin);
    if (above - below > edge.steepDb) edge = { hz, steepDb: above - below, belowDb: below };
  }
  return edge;
}

/** Means of a spectrum right below a frequency and right above it. */
function besideEdge(
  values: Float64Array,
  hz: number,
  hzPerBin: number,
): { readonly below: number; readonly above: number } {
  const mean = (fromHz: number, toHz: number): number =>
    meanOf(values.subarray(Math.round(fromHz / hzPerBin), Math.round(toHz / hzPerBin) + 1));
  return {
    below: mean(hz - SLOPE_HZ - BESIDE_HZ, hz - SLOPE_HZ),
    above: mean(hz + SLOPE_HZ, hz + SLOPE_HZ + BESIDE_HZ),
  };
}

function meanOf(values: Float64Array): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ascending(a: number, b: number): number {
  return a - b;
}
