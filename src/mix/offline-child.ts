/** The child process of an offline mix. */
import { serveTask } from '../base/task-in-child.js';
import type { OfflineJob, OfflineProgress, OfflineResult } from './offline-job.js';
import { mixOffline } from './offline-mix.js';

serveTask<OfflineJob, OfflineProgress, never, OfflineResult>((job, parent) =>
  mixOffline(job, {
    progress: (doneMs) => void parent.tell({ doneMs }),
    cancelled: () => parent.isGone(),
  }),
);
