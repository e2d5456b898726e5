import type { GlitchKind } from '../../src/glitch/finding.js';
import { PICTURE_RATE } from './test-stream.js';

/** First and last picture that is changed. */
export type Run = readonly [first: number, last: number];

/** A defect of the pictures, made by the ffmpeg program before they are encoded. */
export interface PictureDefect {
  readonly kind: GlitchKind;
  /** From weak to strong, in ms. */
  readonly strengths: readonly number[];
  readonly filter: (runs: readonly Run[]) => string;
  /** Which picture begins it. */
  readonly begins: (run: Run) => number;
}

const among = (runs: readonly Run[]): string =>
  runs.map(([first, last]) => `between(n,${first},${last})`).join('+');

export const pictureDefects: readonly PictureDefect[] = [
  {
    kind: 'freeze',
    strengths: [300, 600, 1200],
    // Those that are missing are filled up with the one before.
    filter: (runs) => `select='not(${among(runs)})',fps=${PICTURE_RATE}`,
    begins: ([first]) => first - 1,
  },
  {
    kind: 'black',
    strengths: [100, 300, 1000],
    filter: (runs) => `drawbox=color=black:t=fill:enable='${among(runs)}'`,
    begins: ([first]) => first,
  },
];
