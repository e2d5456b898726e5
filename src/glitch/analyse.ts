import { runChildTask } from '../base/child-task.js';
import { bringIntoMp4 } from '../ffmpeg/bring-in.js';
import type { CaptureSummary } from './analysis.js';
import type { Finding, GlitchKind, Severity } from './finding.js';
import type { AnalysisResult, FromAnalysis, GlitchJob } from './job.js';
import type { ReferenceSummary } from './reference/reference-check.js';
import type { ReadVariant } from './variant.js';
import { withScratchFolder } from './scratch-folder.js';
import type { CaptureView } from './view/surroundings.js';
import { WorstFindings } from './worst-findings.js';

export interface AnalyseOptions {
  /** A file, or the address of a live stream (RTMP, HLS, HTTP-FLV). */
  readonly input: string;
  /** Of an address: how much of it is taken; until it ends when left out. */
  readonly durationMs?: number | undefined;
  /** Whether pictures are decoded. */
  readonly pictures: boolean;
  readonly signal?: AbortSignal | undefined;
  /** A file with the same sound as it was before: the capture is compared with it. */
  readonly reference?: string | undefined;
  /** Whether the report gets a view, to be drawn. */
  readonly view?: boolean | undefined;
  /** Each finding as soon as nothing that is still to come can explain it better. */
  readonly onFinding?: ((finding: Finding) => void) | undefined;
  /** Share of the input that has been read; undefined where its length is not known. */
  readonly onProgress?: ((share: number | undefined) => void) | undefined;
}

export interface GlitchReport {
  readonly input: string;
  readonly format: string;
  /** The input was rewritten by ffmpeg before it could be read: byte offsets are unknown. */
  readonly rewritten: boolean;
  /** When the address offered several (HLS). */
  readonly variant?: ReadVariant | undefined;
  readonly summary: CaptureSummary;
  /** Worst first; at most `MAX_FINDINGS` of them. */
  readonly findings: readonly Finding[];
  /** How many of each kind there are, those left out included. */
  readonly counts: Readonly<Partial<Record<GlitchKind, number>>>;
  /** How many of each severity there are, those left out included. */
  readonly severities: Readonly<Record<Severity, number>>;
  /** Findings left out because there were too many: the mildest, and of those the latest. */
  readonly leftOut: number;
  /** What the comparison came to, when there was a reference. */
  readonly reference?: ReferenceSummary | undefined;
}

export interface Analysed {
  readonly report: GlitchReport;
  /** When it was asked for. */
  readonly view: CaptureView | undefined;
}

/**
 * Looks for glitches in a capture, in a child process: what native decoders make of damaged media ends there.
 *
 * @throws InvalidOptionError, UnsupportedMediaError, MalformedMediaError for the input, DestinationError for the address;
 *   NativeError when the child process dies; CancelledError when the signal aborts
 */
export async function analyse(options: AnalyseOptions): Promise<Analysed> {
  const { input, pictures, durationMs, signal, reference, view: isViewed = false } = options;
  const worst = new WorstFindings();
  const take = (finding: Finding): void => {
    worst.add(finding);
    options.onFinding?.(finding);
  };
  const { view, ...seen } = await withScratchFolder((scratchFolder) =>
    runChildTask<GlitchJob, FromAnalysis, undefined, AnalysisResult>({
      module: new URL('./analyser-child.js', import.meta.url),
      name: `analysis of ${input}`,
      job: { input, pictures, durationMs, reference, view: isViewed },
      scratchFolder,
      signal,
      onSaid: (said, { answer, signal: over }) => {
        if (said.type === 'finding') take(said.finding);
        else if (said.type === 'progress') options.onProgress?.(said.share);
        // Here rather than in the child, whose death the program would outlive.
        else return bringIntoMp4(said.source, said.target, { signal: over }).then(() => answer(undefined));
      },
    }),
  );
  const { counts, severities } = worst;
  return { report: { input, ...seen, ...worst.take(), counts, severities }, view };
}
