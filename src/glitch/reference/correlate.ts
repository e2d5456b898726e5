import { Fft } from '../signal/fft.js';

/** Where a piece of sound lies within a longer one. */
export interface Match {
  /** Index of the piece's first sample in the longer one, between samples where the peak is. */
  readonly at: number;
  /** Normalised correlation, −1 to 1. */
  readonly score: number;
}

/** Peaks that leave so little more than the best are as good: of periodic sound, the nearest to `expected` is meant. */
const LEAVES_AS_LITTLE = 1.3;
/** What rounding leaves of sounds that are the same. */
export const LEAVES_NOTHING = 1e-4;

/**
 * Looks for a piece in a longer stretch, by the normalised cross-correlation.
 *
 * @param expected where the piece lies if nothing is wrong
 * @returns undefined for silence, and for a stretch that is shorter than the piece
 */
export function findPiece(piece: Float32Array, stretch: Float32Array, expected = 0): Match | undefined {
  const places = stretch.length - piece.length + 1;
  const energy = piece.reduce((sum, x) => sum + x * x, 0);
  if (places < 1 || energy < 1e-9) return undefined;
  const products = correlate(piece, stretch);
  const scores = new Float32Array(places);
  let under = 0;
  for (let i = 0; i < piece.length; i++) under += stretch[i]! ** 2;
  let best = -1;
  for (let at = 0; at < places; at++) {
    scores[at] = products[at]! / Math.sqrt(energy * Math.max(under, energy * 1e-4));
    if (scores[at]! > best) best = scores[at]!;
    under += (stretch[at + piece.length] ?? 0) ** 2 - stretch[at]! ** 2;
  }
  const mayLeave = LEAVES_AS_LITTLE * shareLeft(best) + LEAVES_NOTHING;
  let peak = -1;
  for (let at = 0; at < places; at++) {
    if (shareLeft(scores[at]!) > mayLeave || scores[at]! < (scores[at - 1] ?? -1)) continue;
    if (scores[at]! < (scores[at + 1] ?? -1)) continue;
    if (peak === -1 || Math.abs(at - expected) < Math.abs(peak - expected)) peak = at;
  }
  if (peak === -1) return undefined;
  const [before, here, after] = [scores[peak - 1] ?? 0, scores[peak]!, scores[peak + 1] ?? 0];
  const bend = before - 2 * here + after;
  const between = bend < 0 ? (0.5 * (before - after)) / bend : 0;
  return { at: peak + Math.max(-0.5, Math.min(0.5, between)), score: here };
}

/** Of the power of one sound, what another explains nothing of, given how alike they are. */
export function shareLeft(score: number): number {
  return 1 - Math.max(0, score) ** 2;
}

/** Sum over i of piece[i] × stretch[at + i], for each `at`; both as one complex signal, so that one transform does. */
function correlate(piece: Float32Array, stretch: Float32Array): Float64Array {
  const size = 2 ** Math.ceil(Math.log2(stretch.length + 1));
  const fft = Fft.of(size);
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  for (let i = 0; i < stretch.length; i++) re[fft.reversed[i]!] = stretch[i]!;
  for (let i = 0; i < piece.length; i++) im[fft.reversed[i]!] = piece[i]!;
  fft.butterflies(re, im);
  const outRe = new Float64Array(size);
  const outIm = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const m = (size - k) & (size - 1);
    // S = (Z[k] + Z*[−k]) / 2, P = (Z[k] − Z*[−k]) / 2j; the product is S · P*.
    const sr = (re[k]! + re[m]!) / 2;
    const si = (im[k]! - im[m]!) / 2;
    const pr = (im[k]! + im[m]!) / 2;
    const pi = (re[m]! - re[k]!) / 2;
    const to = fft.reversed[k]!;
    // The inverse transform is the forward one of the conjugate.
    outRe[to] = sr * pr + si * pi;
    outIm[to] = -(si * pr - sr * pi);
  }
  fft.butterflies(outRe, outIm);
  for (let i = 0; i < size; i++) outRe[i] = outRe[i]! / size;
  return outRe;
}
