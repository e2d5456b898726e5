import { burg } from '../../src/signal/burg.js';
import { PowerSpectrum } from '../../src/glitch/signal/fft.js';
import type { Stereo } from './sounds.js';

const WINDOW = 1024;
/** Each band ends here, in bins of 47 Hz: octaves, the lowest two of eight bins, so that none is a matter of chance. */
const BAND_ENDS = [8, 16, 32, 64, 128, 256, 512];
/** Less than a full-scale sine 90 dB down is nothing, whatever surrounds it. */
const NOTHING = (WINDOW / 4) ** 2 * 1e-9;
/** Two codings of one sound differ by the noise of both (0 dB). A defect as strong as that noise makes it 3 dB. */
export const MASKED_BELOW_DB = 3;

/** A sound, as it went into the codec and as it came out of it, sample by sample in step. */
export interface Coded {
  readonly sound: Stereo;
  readonly decoded: Stereo;
}

export interface Span {
  /** In samples. */
  readonly from: number;
  readonly to: number;
}

/**
 * How much of a defect is left beside the noise of the codec: what the decoded sound with it differs by from the
 * decoded sound without it, over what the two differ by from what was encoded, in the octave where that is most, in dB.
 * About 0 when nothing of it is left. Or how much the power of an octave changes, where that is more: a codec that puts
 * noise in place of noise differs from any waveform by as much. Without a codec there is no such noise, and what counts is whether it changed
 * anything.
 *
 * @param span where the defect is; a window more is looked at on either side
 */
export function overNoise(
  clean: Coded,
  broken: Coded,
  { from, to }: Span,
): { readonly db: number; readonly firstAt: number | undefined } {
  const spectrum = new PowerSpectrum(WINDOW);
  const changed = new Float64Array(BAND_ENDS.length);
  const hidden = new Float64Array(BAND_ENDS.length);
  const powers = [
    new Float64Array(BAND_ENDS.length).fill(NOTHING),
    new Float64Array(BAND_ENDS.length).fill(NOTHING),
  ];
  let firstAt: number | undefined;
  for (let at = from - WINDOW / 2; at <= to + WINDOW / 2; at += WINDOW / 2) {
    const [changedHere, hiddenHere] = [changed.slice().fill(0), hidden.slice().fill(NOTHING)];
    for (const side of [0, 1] as const) {
      const power = (a: Stereo, b: Stereo): Float64Array =>
        spectrum.of(difference(a[side], b[side], at - WINDOW / 2));
      addBands(changedHere, power(broken.decoded, clean.decoded));
      addBands(powers[0]!, spectrum.of(window(clean.decoded[side], at - WINDOW / 2)));
      addBands(powers[1]!, spectrum.of(window(broken.decoded[side], at - WINDOW / 2)));
      addBands(hiddenHere, power(clean.decoded, clean.sound));
      addBands(hiddenHere, power(broken.decoded, broken.sound));
    }
    if (decibels(most(changedHere, hiddenHere)) >= MASKED_BELOW_DB) firstAt ??= at;
    changedHere.forEach((power, band) => (changed[band]! += power));
    hiddenHere.forEach((power, band) => (hidden[band]! += power));
  }
  // A codec that puts noise in place of noise keeps none of the waveform: the powers tell what is gone there.
  const louder = Math.max(most(powers[0]!, powers[1]!), most(powers[1]!, powers[0]!));
  return { db: Math.max(decibels(most(changed, hidden)), decibels(louder)), firstAt };
}

function most(changed: Float64Array, hidden: Float64Array): number {
  return changed.reduce((best, power, band) => Math.max(best, power / hidden[band]!), 0);
}

const ORDER = 32;
/** Of sound by which the predictor is made, and of surroundings on either side. */
const AROUND = 1024;
const BREAK = 32;

/**
 * How far the break of a cut stands out, in dB over {@link MASKED_BELOW_DB} at its least: a predictor made of the sound
 * before it goes over the join as it was before coding. What it cannot explain in {@link BREAK} samples, over the most that
 * it cannot explain in as many within 21 ms on either side (the sound has such breaks by itself: hiss, consonants) or in
 * the codec's noise.
 */
export function breakOverNoise({ sound, decoded }: Coded, at: number): number {
  const line = (stereo: Stereo): Float64Array => mid(stereo, at - 2 * AROUND, at + AROUND);
  const own = line(sound);
  const filter = burg(own.subarray(AROUND, 2 * AROUND), ORDER);
  const coded = line(decoded);
  const noise = coded.map((x, i) => x - own[i]!);
  const unexplained = energies(filter, own);
  const here = (2 * AROUND) / BREAK;
  const around = unexplained.filter((_, n) => n >= AROUND / BREAK && Math.abs(n - here) > 1);
  const drowned = energies(filter, noise).slice(AROUND / BREAK);
  const mean = drowned.reduce((sum, energy) => sum + energy, 0) / drowned.length;
  return MASKED_BELOW_DB + decibels(unexplained[here]! / (Math.max(...around, mean) + 1e-12));
}

/** Of sound on either side of an overlap. */
export const BESIDE = 2048;

/** Two sounds whose blocks meet in one overlap. */
export interface Seam {
  /** As it was before coding, from {@link BESIDE} samples before the overlap to as many after it. */
  readonly before: Stereo;
  readonly after: Stereo;
  /** Of the window, over the overlap. */
  readonly rising: Float64Array;
  /** Decoded, over the same samples. */
  readonly decoded: Stereo;
}

/**
 * How far the mirror images in an overlap stand out, in dB over {@link MASKED_BELOW_DB} at their least: what a predictor
 * made of the sound on one side cannot explain of them, over the most that it cannot explain within 43 ms of that sound
 * itself and over the codec's noise, in the octave and on the side where that is most. Where hiss follows on like hiss,
 * mirror images are as good as the sound.
 */
export function aliasOverNoise({ before, after, rising, decoded }: Seam): number {
  const size = rising.length;
  const ends = 2 * BESIDE + size;
  const [a, b, heard] = [before, after, decoded].map((sound) => mid(sound, 0, ends)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const images = new Float64Array(ends);
  const noise = new Float64Array(ends);
  for (let i = 0; i < ends; i++) {
    const n = i - BESIDE;
    const up = n < 0 ? 0 : n < size ? rising[n]! : 1;
    const down = n < 0 ? 1 : n < size ? rising[size - 1 - n]! : 0;
    const mirrored = 2 * BESIDE + size - 1 - i;
    images[i] = up * down * (a[mirrored]! - b[mirrored]!);
    noise[i] = heard[i]! - (down * down * a[i]! + up * up * b[i]! + images[i]!);
  }
  const left = { own: a, images, noise };
  const right = { own: b.reverse(), images: images.slice().reverse(), noise: noise.slice().reverse() };
  const db = MASKED_BELOW_DB + Math.max(imagesOverOwn(left, size), imagesOverOwn(right, size));
  return Math.round(10 * db) / 10;
}

/** @param size of the overlap, which follows {@link BESIDE} samples of this side alone */
function imagesOverOwn(
  { own, images, noise }: { own: Float64Array; images: Float64Array; noise: Float64Array },
  size: number,
): number {
  const filter = burg(own.slice(BESIDE - AROUND, BESIDE), ORDER);
  const spectrum = new PowerSpectrum(WINDOW);
  const bands = (samples: Float64Array, from: number): Float64Array => {
    const left = Float32Array.from({ length: WINDOW }, (_, i) => unexplained(filter, samples, from + i));
    const sums = new Float64Array(BAND_ENDS.length);
    addBands(sums, spectrum.of(left));
    return sums;
  };
  const overlap = BESIDE + (size - WINDOW) / 2;
  const hidden = bands(noise, overlap);
  const lead = [0, WINDOW / 2, WINDOW].map((from) => bands(own, from));
  for (let band = 0; band < hidden.length; band++)
    hidden[band]! += Math.max(...lead.map((one) => one[band]!));
  return decibels(most(bands(images, overlap), hidden));
}

/** Residual energy of each {@link BREAK} samples. */
function energies(filter: Float64Array, samples: Float64Array): number[] {
  const sums = new Array<number>(samples.length / BREAK).fill(0);
  for (let n = ORDER; n < samples.length; n++)
    sums[Math.floor(n / BREAK)]! += unexplained(filter, samples, n) ** 2;
  return sums;
}

function unexplained(filter: Float64Array, samples: Float64Array, at: number): number {
  let sum = 0;
  for (let k = 0; k <= ORDER; k++) sum += filter[k]! * (samples[at - k] ?? 0);
  return sum;
}

function mid([left, right]: Stereo, from: number, to: number): Float64Array {
  return Float64Array.from(
    { length: to - from },
    (_, i) => ((left[from + i] ?? 0) + (right[from + i] ?? 0)) / 2,
  );
}

function window(samples: Float32Array, from: number): Float32Array {
  return Float32Array.from({ length: WINDOW }, (_, i) => samples[from + i] ?? 0);
}

function difference(a: Float32Array, b: Float32Array, from: number): Float32Array {
  return Float32Array.from({ length: WINDOW }, (_, i) => (a[from + i] ?? 0) - (b[from + i] ?? 0));
}

function addBands(sums: Float64Array, powers: Float64Array): void {
  let bin = 1;
  for (const [band, end] of BAND_ENDS.entries()) for (; bin < end; bin++) sums[band]! += powers[bin]!;
}

function decibels(ratio: number): number {
  return Math.round(100 * Math.log10(Math.max(ratio, 1e-12))) / 10;
}
