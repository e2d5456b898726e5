import { burg } from '../../src/glitch/signal/burg.js';
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

/** Residual energy of each {@link BREAK} samples. */
function energies(filter: Float64Array, samples: Float64Array): number[] {
  const sums = new Array<number>(samples.length / BREAK).fill(0);
  for (let n = ORDER; n < samples.length; n++) {
    let error = 0;
    for (let k = 0; k <= ORDER; k++) error += filter[k]! * samples[n - k]!;
    sums[Math.floor(n / BREAK)]! += error * error;
  }
  return sums;
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
