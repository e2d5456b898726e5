/**
 * Rebuilding the overlap of two blocks whose windows differ. In its halves a block keeps only a folding of the sound;
 * two foldings with the same window cancel each other's aliases (TDAC). When the encoder folds with another window than
 * the decoder unfolds with, the sound it is fed is changed so that its folding comes out as it should: one equation for
 * each mirrored pair of samples, so the change nearest to nothing is taken.
 *
 * Both windows are given as rising halves whose mirrored values have squares that add up to 1.
 */

/**
 * The left half of a block: `used(n)·u(n) − used(N−1−n)·u(N−1−n) = wanted(n)·x(n) − wanted(N−1−n)·x(N−1−n)`.
 *
 * @param used by the encoder
 * @param wanted what the decoder will use
 * @returns u, to be fed to the encoder in the place of x
 */
export function rebuildLeft(sound: Float32Array, used: Float64Array, wanted: Float64Array): Float32Array {
  return rebuild(sound, (n, m) => [used[n]!, -used[m]!, wanted[n]!, -wanted[m]!]);
}

/** The right half: `used(N−1−n)·u(n) + used(n)·u(N−1−n) = wanted(N−1−n)·x(n) + wanted(n)·x(N−1−n)`. */
export function rebuildRight(sound: Float32Array, used: Float64Array, wanted: Float64Array): Float32Array {
  return rebuild(sound, (n, m) => [used[m]!, used[n]!, wanted[m]!, wanted[n]!]);
}

function rebuild(
  sound: Float32Array,
  factors: (n: number, mirrored: number) => [a: number, b: number, wantedA: number, wantedB: number],
): Float32Array {
  const out = new Float32Array(sound.length);
  for (let n = 0; n < sound.length / 2; n++) {
    const mirrored = sound.length - 1 - n;
    const [a, b, wantedA, wantedB] = factors(n, mirrored);
    const x = sound[n]!;
    const y = sound[mirrored]!;
    // a² + b² = 1, so the shortest way onto the line is this far along (a, b).
    const distance = wantedA * x + wantedB * y - (a * x + b * y);
    out[n] = x + distance * a;
    out[mirrored] = y + distance * b;
  }
  return out;
}
