/** The child process of a splice. */
import { serveTask } from '../base/task-in-child.js';
import { spliceFiles } from './splice-files.js';
import type { BroughtIn, FromSplice, SpliceJob, SpliceResult } from './splice-job.js';

const PROGRESS_INTERVAL_MS = 100;
const waiting = new Map<string, (target: string) => void>();
let toldAt = 0;

serveTask<SpliceJob, FromSplice, BroughtIn, SpliceResult>(
  (job, parent) =>
    spliceFiles(job, {
      bringIn: (path) =>
        new Promise((resolve) => {
          waiting.set(path, resolve);
          void parent.tell({ type: 'bring-in', path });
        }),
      progress: (progress) => {
        const now = performance.now();
        if (now - toldAt < PROGRESS_INTERVAL_MS) return;
        toldAt = now;
        void parent.tell({ type: 'progress', progress });
      },
      cancelled: () => parent.isGone(),
    }),
  ({ path, target }) => waiting.get(path)?.(target),
);
