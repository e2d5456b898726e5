import { interpolate, REACH } from '../../src/splice/interpolate.js';

const WINDOW_SECONDS = 0.01;
/** Root mean square; quieter windows say nothing. */
const QUIET = 10 ** (-45 / 20);
const LAG_SAMPLES = 512;
/** Lags between samples, around the best whole one. */
const LAG_PARTS = 8;

/**
 * The least that any 10 ms of what was wanted are like what is heard there: normalised cross-correlation at the best lag.
 *
 * @param at.lags where the search for the best lag begins, by how much `heard` is later; 0 when left out
 * @returns 1 when all is as it was; 1 also where everything is too quiet to tell
 */
export function worstMatch(
  heard: Float32Array,
  wanted: Float32Array,
  at: {
    readonly from: number;
    readonly to: number;
    readonly sampleRate: number;
    readonly lags?: readonly number[];
  },
): number {
  const size = Math.round(WINDOW_SECONDS * at.sampleRate);
  let worst = 1;
  for (let from = at.from; from + size <= at.to; from += size) {
    const window = wanted.subarray(from, from + size);
    const energy = dot(window, window, 0);
    if (Math.sqrt(energy / size) < QUIET) continue;
    let best = 0;
    for (const lag of at.lags ?? [0]) {
      best = Math.max(best, matchNear(heard, window, from + lag) / Math.sqrt(energy));
    }
    worst = Math.min(worst, best);
  }
  return worst;
}

/** Where `heard` is most like a window of what was wanted, as a lag in whole samples. */
export function bestLag(
  heard: Float32Array,
  wanted: Float32Array,
  { from, size, reach }: { readonly from: number; readonly size: number; readonly reach: number },
): number {
  return search(heard, wanted.subarray(from, from + size), { at: from, reach }).at - from;
}

function matchNear(heard: Float32Array, window: Float32Array, at: number): number {
  const whole = search(heard, window, { at, reach: LAG_SAMPLES });
  let best = whole.match;
  for (let part = -LAG_PARTS / 2; part <= LAG_PARTS / 2; part++) {
    const position = whole.at + part / LAG_PARTS;
    if (part === 0 || position < REACH || position + window.length + REACH > heard.length) continue;
    const between = interpolate(heard, position, 1, window.length);
    best = Math.max(best, normalised(dot(window, between, 0), dot(between, between, 0)));
  }
  return best;
}

function search(
  heard: Float32Array,
  window: Float32Array,
  near: { readonly at: number; readonly reach: number },
): { at: number; match: number } {
  const first = Math.max(0, near.at - near.reach);
  const last = Math.min(heard.length - window.length, near.at + near.reach);
  let best = { at: near.at, match: 0 };
  let energy = 0;
  for (let i = first; i < first + window.length; i++) energy += (heard[i] ?? 0) ** 2;
  for (let at = first; at <= last; at++) {
    const match = normalised(dot(window, heard, at), energy);
    if (match > best.match) best = { at, match };
    energy += (heard[at + window.length] ?? 0) ** 2 - heard[at]! ** 2;
  }
  return best;
}

/** Nothing is like silence. */
function normalised(product: number, energy: number): number {
  return energy < 1e-9 ? 0 : product / Math.sqrt(energy);
}

/** Four sums at once: one alone waits for each of its additions. */
function dot(window: Float32Array, other: Float32Array, at: number): number {
  const whole = window.length - (window.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += window[i]! * other[at + i]!;
    b += window[i + 1]! * other[at + i + 1]!;
    c += window[i + 2]! * other[at + i + 2]!;
    d += window[i + 3]! * other[at + i + 3]!;
  }
  for (let i = whole; i < window.length; i++) a += window[i]! * other[at + i]!;
  return a + b + c + d;
}
