/** The child process of an analysis: takes one job by message, tells findings as they come, answers, ends. */
import { asAnchorNetError } from '../base/errors.js';
import { tellParent } from '../base/parent-process.js';
import { analyseCapture } from './analyse-capture.js';
import { openCapture } from './capture/open.js';
import { isLiveAddress, openLive } from './capture/http-flv.js';
import { withSoundFormat } from './capture/sound-format.js';
import type { Report } from './detector.js';
import type { FromGlitchChild, GlitchJob } from './job.js';
import { ReferenceCheck } from './reference/reference-check.js';
import { Surroundings } from './view/surroundings.js';

const tell = (message: FromGlitchChild): Promise<void> => tellParent(message);

async function run(job: GlitchJob): Promise<void> {
  const opened = isLiveAddress(job.input)
    ? await openLive(job.input, { durationMs: job.durationMs })
    : await openCapture(job.input);
  const surroundings = job.view ? new Surroundings() : undefined;
  let check: ReferenceCheck | undefined;
  try {
    let capture = opened;
    if (job.reference !== undefined) {
      const known = await withSoundFormat(opened);
      capture = known.capture;
      check = await ReferenceCheck.open(job.reference, known.format);
    }
    const more = check && ((report: Report) => check!.detectors(report));
    const summary = await analyseCapture(capture, {
      pictures: job.pictures,
      witness: surroundings,
      more,
      onFinding: (finding) => void tell({ type: 'finding', finding }),
      onProgress: (share) => void tell({ type: 'progress', share }),
      cancelled: () => !process.connected,
    });
    const { format, rewritten } = capture;
    const [view, reference] = [surroundings?.view(), check?.summary];
    await tell({ type: 'done', summary, format, rewritten, view, reference });
  } finally {
    await check?.close();
    await opened.close();
  }
}

process.once('message', (job: GlitchJob) => {
  run(job)
    .catch((thrown: unknown) => {
      const { code, message, hint } = asAnchorNetError(thrown);
      return tell({ type: 'failed', code, message, hint });
    })
    .finally(() => {
      if (process.connected) process.disconnect();
    });
});
// Ctrl-C reaches the whole process group: the parent decides.
process.on('SIGINT', () => undefined);
void tell({ type: 'ready' });
