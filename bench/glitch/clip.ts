import type { GlitchKind } from '../../src/glitch/finding.js';

/** Where a defect is, exactly. */
export interface Label {
  readonly kind: GlitchKind;
  /** From the beginning of the decoded stream, the encoder's delay included. */
  readonly timeMs: number;
  /** How strong, in the kind's own unit. */
  readonly strength: string;
  /** Up to when a finding is at its place, where what is taken away is heard only then; as `timeMs`. */
  readonly heardMs?: number | undefined;
  /** How far it stands out of what hides it (`masking.ts`); undefined where the bits themselves are wrong. */
  readonly overNoiseDb?: number | undefined;
  /** Hardly anything of it is left in the decoded sound: it is told apart from those that can be heard. */
  readonly masked?: true | undefined;
}

/** One file of the labelled set. */
export interface Clip {
  readonly file: string;
  readonly seed: number;
  /** A `Material`, or what kind of hard negative it is. */
  readonly material: string;
  readonly isNegative: boolean;
  readonly encoder: 'pcm' | 'libfdk_aac' | 'aac';
  readonly bitrateBps: number;
  /** How its pictures are encoded, where they are what it is about (`PictureCoding`). */
  readonly pictures?: string | undefined;
  readonly durationMs: number;
  /** File with the sound as it was before codec and defects, when such were asked for; captures have none. */
  readonly reference?: string | undefined;
  readonly labels: readonly Label[];
  /** Where the sound itself has a burst, as `timeMs`: what is told of one is neither right nor a false alarm. */
  readonly burstsMs?: readonly number[] | undefined;
}
