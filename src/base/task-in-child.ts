import { asAnchorNetError } from './errors.js';
import type { FromTask, ToTask } from './child-task.js';

/** What the work of a child process has of its parent. */
export interface Parent<Said> {
  /** @returns when it has been handed over */
  tell(said: Said): Promise<void>;
  /** Whether the parent is gone: then nobody wants the result. */
  isGone(): boolean;
}

/**
 * The child's side of `runChildTask`: takes one job, does it, answers, ends.
 *
 * @param onAnswer takes what the parent answers while the work goes on
 */
export function serveTask<Job, Said, Answer, Result>(
  work: (job: Job, parent: Parent<Said>) => Promise<Result>,
  onAnswer?: (answer: Answer) => void,
): void {
  const send = (message: FromTask<Said, Result>): Promise<void> => tellParent(message);
  const parent: Parent<Said> = {
    tell: (said) => send({ type: 'said', said }),
    isGone: () => !process.connected,
  };
  process.on('message', (message: ToTask<Job, Answer>) => {
    if (message.type === 'answer') {
      onAnswer?.(message.answer);
      return;
    }
    work(message.job, parent)
      .then((result) => send({ type: 'done', result }))
      .catch((thrown: unknown) => {
        const { code, message: text, hint } = asAnchorNetError(thrown);
        return send({ type: 'failed', error: { code, message: text, hint } });
      })
      .finally(() => {
        if (process.connected) process.disconnect();
      });
  });
  // Ctrl-C reaches the whole process group: the parent decides.
  process.on('SIGINT', () => undefined);
  void send({ type: 'ready' });
}

/**
 * Sends a message to the process that forked this one.
 *
 * @returns when it has been handed over: a child that disconnects before would lose a long one. At once when the parent
 *   is gone, for then nobody wants to know.
 */
function tellParent(message: object): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
