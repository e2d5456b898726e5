/** The child process of a splice: takes one job by message, does it, answers, ends. */
import { asAnchorNetError } from '../base/errors.js';
import { tellParent } from '../base/parent-process.js';
import { spliceFiles } from './splice-files.js';
import type { FromSpliceChild, SpliceProgress, ToSpliceChild } from './splice-job.js';

const PROGRESS_INTERVAL_MS = 100;
const waiting = new Map<string, (target: string) => void>();
let toldAt = 0;

const tell = (message: FromSpliceChild): Promise<void> => tellParent(message);

function tellProgress(progress: SpliceProgress): void {
  const now = performance.now();
  if (now - toldAt < PROGRESS_INTERVAL_MS) return;
  toldAt = now;
  void tell({ type: 'progress', progress });
}

process.on('message', (message: ToSpliceChild) => {
  if (message.type === 'brought-in') {
    waiting.get(message.path)?.(message.target);
    return;
  }
  spliceFiles(message.job, {
    bringIn: (path) =>
      new Promise((resolve) => {
        waiting.set(path, resolve);
        void tell({ type: 'bring-in', path });
      }),
    progress: tellProgress,
    cancelled: () => !process.connected,
  })
    .then((result) => tell({ type: 'done', result }))
    .catch((thrown: unknown) => {
      const { code, message: text, hint } = asAnchorNetError(thrown);
      return tell({ type: 'failed', code, message: text, hint });
    })
    .finally(() => {
      if (process.connected) process.disconnect();
    });
});
// Ctrl-C reaches the whole process group: the parent decides.
process.on('SIGINT', () => undefined);
void tell({ type: 'ready' });
