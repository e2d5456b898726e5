import type { ChannelLevels } from './frame-errors.js';
import { MASK_WINDOW } from './noise-to-mask.js';

/** Powers of a band that say nothing: −80 dB of full scale. */
export const QUIET = 1e-8 * (MASK_WINDOW / 4) ** 2;

/** Levels of one channel in one frame. */
export interface LevelFrame extends ChannelLevels {
  readonly position: number;
}

interface Lasting {
  /** Positions between which to look for it. */
  readonly from: number;
  readonly to: number;
  /** Of the level, or of the bands above the edge. */
  readonly stepDb: number;
  /** Level of the capture against the reference before it: of all bands, or of those above the edge. */
  readonly beforeDb: number;
}

/** The same gain for all bands. */
export interface GainChange extends Lasting {
  readonly kind: 'level-jump';
}

/** What is missing above an edge. */
export interface LostHighs extends Lasting {
  readonly kind: 'bandwidth-drop';
  readonly edgeHz: number;
  /** Position that it lies after. */
  readonly after: number;
}

/** Of one channel against its reference, for good. */
export type Change = GainChange | LostHighs;

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
