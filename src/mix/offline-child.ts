/** The child process of an offline mix: takes one job by message, does it, answers, ends. */
import { asAnchorNetError } from '../base/errors.js';
import { tellParent } from '../base/parent-process.js';
import type { FromOfflineChild, OfflineJob } from './offline-job.js';
import { mixOffline } from './offline-mix.js';

const tell = (message: FromOfflineChild): Promise<void> => tellParent(message);

process.once('message', (job: OfflineJob) => {
  mixOffline(job, {
    progress: (doneMs) => void tell({ type: 'progress', doneMs }),
    cancelled: () => !process.connected,
  })
    .then((result) => tell({ type: 'done', result }))
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
