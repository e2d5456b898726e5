import type { GlitchKind } from '../../src/glitch/finding.js';
import type { Luma } from './picture-materials.js';

/** First and last picture that is not what it should be. */
export type Run = readonly [first: number, last: number];

/** A defect of the pictures, before they are encoded. */
export interface PictureDefect {
  readonly kind: GlitchKind;
  /** From weak to strong, in ms. */
  readonly strengths: readonly number[];
  /** @returns the picture that is sent in place of the n-th */
  readonly make: (pictures: readonly Luma[], run: Run) => Luma;
  /** Which picture begins it. */
  readonly begins: (run: Run) => number;
}

export const pictureDefects: readonly PictureDefect[] = [
  {
    kind: 'freeze',
    strengths: [300, 600, 1200],
    make: (pictures, [first]) => pictures[first - 1]!,
    begins: ([first]) => first - 1,
  },
  {
    kind: 'black',
    strengths: [100, 300, 1000],
    make: (pictures) => new Uint8Array(pictures[0]!.length).fill(16),
    begins: ([first]) => first,
  },
];

/** A share of power of 3 dB, as for sound (`masking.ts`). */
const MASKED_BELOW = 2;

/**
 * Whether what is shown instead of a run of pictures is as good as they are: no further from what was filmed than what
 * the encoder makes of it without the defect.
 */
export function isMasked(
  run: Run,
  { filmed, broken, twin }: Readonly<Record<'filmed' | 'broken' | 'twin', readonly Luma[]>>,
): boolean {
  let [wrong, coding] = [0, 0];
  for (let n = run[0]; n <= run[1]; n++) {
    wrong += power(filmed[n]!, broken[n]!);
    coding += power(filmed[n]!, twin[n]!);
  }
  return wrong < MASKED_BELOW * coding;
}

function power(one: Luma, other: Luma): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i]! - other[i]!) ** 2;
  return sum;
}
