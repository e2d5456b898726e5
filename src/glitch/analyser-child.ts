/** The child process of an analysis: takes one job by message, tells findings as they come, answers, ends. */
import { asAnchorNetError } from '../base/errors.js';
import { tellParent } from '../base/parent-process.js';
import { analyseCapture } from './analyse-capture.js';
import { openCapture } from './capture/open.js';
import { isLiveAddress, openLive } from './capture/http-flv.js';
import type { FromGlitchChild, GlitchJob } from './job.js';
import { Surroundings } from './view/surroundings.js';

const tell = (message: FromGlitchChild): Promise<void> => tellParent(message);

async function run(job: GlitchJob): Promise<void> {
  const capture = isLiveAddress(job.input)
    ? await openLive(job.input, { durationMs: job.durationMs })
    : await openCapture(job.input);
  const surroundings = job.view ? new Surroundings() : undefined;
  try {
    const summary = await analyseCapture(capture, {
      pictures: job.pictures,
      witness: surroundings,
      onFinding: (finding) => void tell({ type: 'finding', finding }),
      onProgress: (share) => void tell({ type: 'progress', share }),
      cancelled: () => !process.connected,
    });
    const { format, rewritten } = capture;
    await tell({ type: 'done', summary, format, rewritten, view: surroundings?.view() });
  } finally {
    await capture.close();
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
