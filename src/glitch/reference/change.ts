import type { ChannelLevels } from './frame-errors.js';
import { MASK_WINDOW } from './noise-to-mask.js';

/** Powers of a band that say nothing: −80 dB of full scale. */
export const QUIET = 1e-8 * (MASK_WINDOW / 4) ** 2;

/** Levels of one channel in one frame. */
export interface LevelFrame extends ChannelLevels {
  readonly position: number;
}

/** Of one channel against its reference, for good. */
export interface Change {
  /** The same gain for all bands; or what is missing above the edge. */
  readonly kind: 'level-jump' | 'bandwidth-drop';
  /** Positions between which to look for it. */
  readonly from: number;
  readonly to: number;
  /** Position that it lies after. */
  readonly after: number;
  /** Of the level, or of the bands above the edge. */
  readonly stepDb: number;
  /** Level of the capture against the reference before it: of all bands, or of those above the edge. */
  readonly beforeDb: number;
  readonly edgeHz?: number;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of a power. */
export function db(ratio: number): number {
  return 10 * Math.log10(Math.max(1e-12, ratio));
}
