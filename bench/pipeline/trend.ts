import { percentile, rounded } from './figures.js';

export interface Point {
  readonly minutes: number;
  readonly value: number;
}

export interface Trend {
  /** Units of the value per hour, by least squares over the medians of {@link BLOCK_MINUTES}. */
  readonly perHour: number;
  /** Half the width of the 95 % confidence interval of {@link perHour}. */
  readonly uncertainty: number;
  readonly first: number;
  readonly last: number;
  readonly verdict: 'flat' | 'growing' | 'shrinking' | 'too short to tell';
}

/** Samples within a minute hang together (collections, switches): only their median counts as an observation. */
const BLOCK_MINUTES = 1;
/** Fewer observations give an interval that holds anything. */
const MIN_BLOCKS = 8;
/** Student's t for 95 % with a few dozen degrees of freedom. */
const STUDENT_T = 2.05;

/**
 * Whether a figure grows with time: the verdict is `growing` only when the slope is larger than its own uncertainty and
 * than `tolerancePerHour`, `flat` only when the interval ends below that tolerance.
 *
 * @param floor take the least value of each block instead of its median, as for a heap between two collections
 */
export function trend(points: readonly Point[], tolerancePerHour: number, floor = false): Trend {
  const blocks = blocksOf(points, floor);
  const first = rounded(blocks[0]?.value ?? Number.NaN);
  const last = rounded(blocks.at(-1)?.value ?? Number.NaN);
  if (blocks.length < MIN_BLOCKS) {
    return { perHour: Number.NaN, uncertainty: Number.NaN, first, last, verdict: 'too short to tell' };
  }
  const meanX = mean(blocks.map(({ minutes }) => minutes));
  const meanY = mean(blocks.map(({ value }) => value));
  const spread = sum(blocks.map(({ minutes }) => (minutes - meanX) ** 2));
  const slope = sum(blocks.map(({ minutes, value }) => (minutes - meanX) * (value - meanY))) / spread;
  const residuals = blocks.map(({ minutes, value }) => value - meanY - slope * (minutes - meanX));
  const error = Math.sqrt(sum(residuals.map((residual) => residual ** 2)) / (blocks.length - 2) / spread);
  const perHour = slope * 60;
  const uncertainty = STUDENT_T * error * 60;
  const verdict =
    perHour + uncertainty <= tolerancePerHour
      ? perHour + uncertainty < -tolerancePerHour
        ? 'shrinking'
        : 'flat'
      : perHour - uncertainty > 0 && perHour > tolerancePerHour
        ? 'growing'
        : 'too short to tell';
  return { perHour: rounded(perHour), uncertainty: rounded(uncertainty), first, last, verdict };
}

function blocksOf(points: readonly Point[], floor: boolean): Point[] {
  const blocks = new Map<number, number[]>();
  for (const { minutes, value } of points) {
    const index = Math.floor(minutes / BLOCK_MINUTES);
    blocks.set(index, [...(blocks.get(index) ?? []), value]);
  }
  return [...blocks].map(([index, values]) => ({
    minutes: (index + 0.5) * BLOCK_MINUTES,
    value: percentile(values, floor ? 0 : 50),
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
