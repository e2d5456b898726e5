import type { Sound } from '../signal/sound.js';
import { findPiece, type Match } from './correlate.js';
import { Line, MAX_DRIFT } from './line.js';
import { COARSE_FACTOR, coarsen, type ReferenceSound } from './reference-sound.js';

/** 1.4 s at 48 kHz: enough to be unlike everything else in hours of sound. */
export const CHUNK = 65_536;
/** So many places are tried, as a chunk with a defect in it does not fit. */
const CHUNKS_TRIED = 4;
const FINE_PIECE = 8192;
const FINE_REACH = 128;
/** Drift does not bend a line by so many samples. */
const LEAST_BEND = 2;
const COARSE_STRETCH = 2 ** 17;
/** Unrelated music reaches some 0.4; what went through a codec stays over 0.9. */
const LEAST_SCORE = 0.6;
/** What is a quarter as long is more like other music. */
export const SHORT_CHUNK = CHUNK / 4;
const LEAST_SHORT_SCORE = 0.85;
/** −60 dB: what is softer says nothing. */
const LEAST_POWER = 1e-6;

/**
 * Looks for a chunk of the capture anywhere in the reference: first an eighth of the rate, then to a part of a sample at
 * both of its ends, which gives the drift.
 *
 * @param from where the chunk begins; it is {@link CHUNK} samples long, or what there is of it
 * @param options.isShort a quarter of it, where nothing is left whole for as long; it must be so much more alike
 * @returns undefined when it is not in there, or too soft to tell
 */
export function alignChunk(
  sound: Sound,
  from: number,
  reference: ReferenceSound,
  { isShort = false } = {},
): Line | undefined {
  const least = isShort ? LEAST_SHORT_SCORE : LEAST_SCORE;
  const length = Math.min(isShort ? SHORT_CHUNK : CHUNK, sound.endPosition - from);
  if (length < 2 * FINE_PIECE) return undefined;
  const chunk = middle(sound, from, length);
  if (power(chunk) < LEAST_POWER) return undefined;
  const coarse = findCoarse(coarsen(chunk), reference, from / COARSE_FACTOR);
  if (coarse === undefined || coarse.score < least) return undefined;
  const start = coarse.at * COARSE_FACTOR;
  const span = length - FINE_PIECE;
  const pieces = [0, span / 2, span].flatMap((into) => {
    const at = findNear(chunk.subarray(into, into + FINE_PIECE), reference, start + into, FINE_REACH);
    return at === undefined || at.score < least ? [] : [at.at];
  });
  const [head, between, tail] = pieces;
  if (head === undefined || between === undefined || tail === undefined) return undefined;
  // On a line, or something was lost or inserted between them.
  if (Math.abs(between - (head + tail) / 2) > LEAST_BEND) return undefined;
  const drift = (tail - head - span) / span;
  return Math.abs(drift) > MAX_DRIFT ? undefined : new Line(from, head, drift);
}

/**
 * Looks for a piece of mixed-down sound near a place of the reference.
 *
 * @returns its place in the reference, and how well it fits
 */
export function findNear(
  piece: Float32Array,
  reference: ReferenceSound,
  expected: number,
  reach: number,
): Match | undefined {
  const first = Math.round(expected) - reach;
  const stretch = mix(reference.read(first, piece.length + 2 * reach));
  const found = findPiece(piece, stretch, reach);
  return found && { at: first + found.at, score: found.score };
}

/** The mean of the channels of the capture. */
export function middle(sound: Sound, from: number, length: number): Float32Array {
  return mix(
    Array.from({ length: sound.channels }, (_, channel) => sound.view(channel, from, from + length)),
  );
}

export function mix(channels: readonly Float32Array[]): Float32Array {
  const mixed = new Float32Array(channels[0]?.length ?? 0);
  for (const samples of channels) {
    for (let i = 0; i < mixed.length; i++) mixed[i]! += samples[i]! / channels.length;
  }
  return mixed;
}

export function power(samples: Float32Array): number {
  return samples.reduce((sum, x) => sum + x * x, 0) / Math.max(1, samples.length);
}

/** @param expected where the piece lies when capture and reference begin together: what repeats itself lies in many places */
function findCoarse(piece: Float32Array, reference: ReferenceSound, expected: number): Match | undefined {
  let best: Match | undefined;
  const step = COARSE_STRETCH - piece.length;
  // Half a piece beyond either end: the capture may begin before the reference does.
  const reach = piece.length >> 1;
  for (let from = -reach; from < reference.coarseSamples + reach - piece.length + 1; from += step) {
    const rest = reference.coarseSamples + reach - from;
    const stretch = reference.readCoarse(from, Math.min(COARSE_STRETCH - 1, rest));
    const found = findPiece(piece, stretch, expected - from);
    if (found !== undefined && found.score > (best?.score ?? 0)) {
      best = { at: from + found.at, score: found.score };
    }
  }
  return best;
}

/** Where the loudest of the last chunks begin, loudest first; none of them has much in common with another. */
export function loudestChunks(sound: Sound): number[] {
  const last = Math.max(sound.firstPosition, sound.endPosition - CHUNK);
  const chunks: { readonly from: number; readonly power: number }[] = [];
  for (let from = sound.firstPosition; from <= last; from += CHUNK / 4) {
    const loudness =
      power(sound.view(0, from, from + CHUNK)) + power(sound.view(1 % sound.channels, from, from + CHUNK));
    chunks.push({ from, power: loudness });
  }
  chunks.sort((a, b) => b.power - a.power);
  const taken: number[] = [];
  for (const { from } of chunks) {
    if (taken.every((other) => Math.abs(other - from) >= CHUNK / 2)) taken.push(from);
  }
  return taken.slice(0, CHUNKS_TRIED);
}
