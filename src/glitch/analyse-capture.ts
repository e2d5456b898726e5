import { CancelledError, MalformedMediaError, UnsupportedMediaError } from '../base/errors.js';
import { Analysis, type AnalysisOptions, type CaptureSummary } from './analysis.js';
import type { Capture } from './capture/event.js';
import type { Finding } from './finding.js';
import type { Witness } from './witness.js';

export interface AnalyseCaptureOptions {
  /** As its user calls it. */
  readonly name?: string;
  readonly pictures: boolean;
  readonly onFinding: (finding: Finding) => void;
  readonly witness?: Witness | undefined;
  readonly more?: AnalysisOptions['more'];
  /** Called every few hundred events; the share of the input that has been read. */
  readonly onProgress?: ((share: number | undefined) => void) | undefined;
  readonly cancelled?: (() => boolean) | undefined;
}

const REPORT_EVERY = 500;

/**
 * Reads a capture to its end. Damage in the middle ends it with a finding; damage at its head is an error.
 *
 * @throws MalformedMediaError, UnsupportedMediaError when there is nothing to analyse; CancelledError when asked to stop
 */
export async function analyseCapture(
  capture: Capture,
  options: AnalyseCaptureOptions,
): Promise<CaptureSummary> {
  const { name = 'the capture', pictures, onFinding, witness, more } = options;
  const analysis = new Analysis({ pictures, onFinding, witness, more });
  let events = 0;
  try {
    try {
      for await (const event of capture.events()) {
        analysis.push(event);
        if (++events % REPORT_EVERY !== 0) continue;
        if (options.cancelled?.() === true) throw new CancelledError('analysis: cancelled');
        options.onProgress?.(capture.bytes === undefined ? undefined : capture.bytesRead() / capture.bytes);
      }
    } catch (error) {
      if (!(error instanceof MalformedMediaError || error instanceof UnsupportedMediaError)) throw error;
      if (events === 0) throw error;
      analysis.push({
        type: 'damage',
        medium: 'audio',
        place: { index: -1, byteOffset: undefined },
        bytes: 0,
        message: error.message,
        fatal: true,
      });
    }
    if (events === 0) throw new MalformedMediaError(`${name}: neither pictures nor sound in it`);
    return analysis.end();
  } finally {
    analysis.close();
  }
}
