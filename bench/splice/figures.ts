/** The value below which a share of a list lies; NaN of nothing. */
export function quantile(list: readonly number[], share: number): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** Median / 95th percentile / largest. */
export function spread(list: readonly number[], digits = 1): string {
  return [0.5, 0.95, 1].map((share) => quantile(list, share).toFixed(digits)).join('/');
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
