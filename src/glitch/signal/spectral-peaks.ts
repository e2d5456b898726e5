export interface Peaks {
  /** The first index that may be one. */
  readonly first: number;
  /** No more than this many, and none quieter than that or so much below the loudest, in dB. */
  readonly most: number;
  readonly quietestDb: number;
  readonly heardDb: number;
}

/** Where a spectrum in dB has its loudest peaks: indices, the loudest first. */
export function loudestPeaks(
  levels: ArrayLike<number>,
  { first, most, quietestDb, heardDb }: Peaks,
): number[] {
  const peaks: number[] = [];
  let loudest = -Infinity;
  for (let k = first; k + first < levels.length; k++) {
    const db = levels[k]!;
    if (db < quietestDb || db <= levels[k - 1]! || db < levels[k + 1]!) continue;
    loudest = Math.max(loudest, db);
    peaks.push(k);
  }
  return peaks
    .filter((k) => levels[k]! > loudest - heardDb)
    .sort((a, b) => levels[b]! - levels[a]!)
    .slice(0, most);
}
