/** The child process of an analysis: tells findings as they come. */
import { serveTask, type Parent } from '../base/task-in-child.js';
import { analyseCapture } from './analyse-capture.js';
import { openCapture } from './capture/open.js';
import { isLiveAddress, openLive } from './capture/live-address.js';
import { withSoundFormat } from './capture/sound-format.js';
import type { Report } from './detector.js';
import type { AnalysisResult, FromAnalysis, GlitchJob } from './job.js';
import type { ReferenceCheck } from './reference/reference-check.js';
import { Surroundings } from './view/surroundings.js';

let broughtIn = (): void => undefined;

async function analyse(job: GlitchJob, parent: Parent<FromAnalysis>): Promise<AnalysisResult> {
  const bringIn = (source: string, target: string): Promise<void> =>
    new Promise((resolve) => {
      broughtIn = resolve;
      void parent.tell({ type: 'bring-in', source, target });
    });
  const opened = isLiveAddress(job.input)
    ? await openLive(job.input, { durationMs: job.durationMs })
    : await openCapture(job.input, { bringIn });
  const surroundings = job.view ? new Surroundings() : undefined;
  let check: ReferenceCheck | undefined;
  try {
    let capture = opened;
    if (job.reference !== undefined) {
      const known = await withSoundFormat(opened);
      capture = known.capture;
      const { ReferenceCheck } = await import('./reference/reference-check.js');
      check = await ReferenceCheck.open(job.reference, known.format, { bringIn });
    }
    const more = check && ((report: Report) => check!.detectors(report));
    const summary = await analyseCapture(capture, {
      name: job.input,
      pictures: job.pictures,
      witness: surroundings,
      more,
      onFinding: (finding) => void parent.tell({ type: 'finding', finding }),
      onProgress: (share) => void parent.tell({ type: 'progress', share }),
      cancelled: () => parent.isGone(),
    });
    const { format, rewritten, variant } = capture;
    return { summary, format, rewritten, variant, view: surroundings?.view(), reference: check?.summary };
  } finally {
    await check?.close();
    await opened.close();
  }
}

serveTask<GlitchJob, FromAnalysis, undefined, AnalysisResult>(analyse, () => broughtIn());
