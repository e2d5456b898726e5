import type { CaptureSummary } from './analysis.js';
import type { Finding } from './finding.js';
import type { ReferenceSummary } from './reference/reference-check.js';
import type { ReadVariant } from './variant.js';
import type { CaptureView } from './view/surroundings.js';

/** What the child process is asked to do. */
export interface GlitchJob {
  /** A file, or the address of a live stream. */
  readonly input: string;
  /** Of an address: how much of it is taken. */
  readonly durationMs?: number | undefined;
  readonly pictures: boolean;
  /** Whether what lies around findings is remembered and drawn. */
  readonly view: boolean;
  /** A file with the same sound as it was before. */
  readonly reference?: string | undefined;
}

/** What the child process says while it is at it. */
export type FromAnalysis =
  | { readonly type: 'progress'; readonly share: number | undefined }
  | { readonly type: 'finding'; readonly finding: Finding }
  /** ffmpeg shall rewrite a file; answered with `undefined` when it is done. */
  | { readonly type: 'bring-in'; readonly source: string; readonly target: string };

/** Everything but the findings, which were told as they came. */
export interface AnalysisResult {
  readonly summary: CaptureSummary;
  readonly format: string;
  readonly rewritten: boolean;
  readonly variant: ReadVariant | undefined;
  readonly view: CaptureView | undefined;
  readonly reference: ReferenceSummary | undefined;
}
