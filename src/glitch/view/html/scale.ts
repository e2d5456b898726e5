/** Places times on a width of 100 %. */
export class Scale {
  constructor(
    readonly fromMs: number,
    readonly toMs: number,
  ) {}

  /** Percent from the left, cut to the figure. */
  at(ms: number): number {
    const share = (ms - this.fromMs) / Math.max(1e-9, this.toMs - this.fromMs);
    return rounded(100 * Math.max(0, Math.min(1, share)));
  }

  /** Style of a box between two times. */
  box(fromMs: number, toMs: number): string {
    const left = this.at(fromMs);
    return `left:${left}%;width:${rounded(this.at(toMs) - left)}%`;
  }

  /** Round times, at most `most` of them. */
  ticks(most: number): { readonly ms: number; readonly stepMs: number }[] {
    const length = this.toMs - this.fromMs;
    const stepMs = steps.find((step) => length / step <= most) ?? steps.at(-1)!;
    const first = Math.ceil(this.fromMs / stepMs);
    const count = Math.max(0, Math.floor(this.toMs / stepMs) - first + 1);
    return Array.from({ length: Math.min(count, 50) }, (_, i) => ({ ms: (first + i) * stepMs, stepMs }));
  }
}

const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 4, 6, 12, 24].map((hours) => hours * 3_600_000),
];

function rounded(percent: number): number {
  return Math.round(percent * 1000) / 1000;
}
