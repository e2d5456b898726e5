import { forkModule } from './child-module.js';
import { CancelledError, errorOfCode, NativeError, type ToldError } from './errors.js';

/** What a child process says of its one task; `said` is its own vocabulary. */
export type FromTask<Said, Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'said'; readonly said: Said }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: ToldError };

export type ToTask<Job, Answer> =
  { readonly type: 'job'; readonly job: Job } | { readonly type: 'answer'; readonly answer: Answer };

export interface ChildTask<Job, Said, Answer> {
  /** The module of the child, which calls `serveTask`: `new URL('./mix-child.js', import.meta.url)`. */
  readonly module: URL;
  /** Names the task in errors. */
  readonly name: string;
  readonly job: Job;
  readonly signal?: AbortSignal | undefined;
  /** Where the child puts temporary files; the system's folder when left out. */
  readonly scratchFolder?: string | undefined;
  /**
   * Takes what the child says. What it throws ends the task; what it is still at when the task is over is told so by the
   * signal, and waited for.
   */
  readonly onSaid?: (
    said: Said,
    context: { readonly answer: (answer: Answer) => void; readonly signal: AbortSignal },
  ) => void | Promise<void>;
}

/**
 * Does one job in a child process, so that what native code makes of damaged media ends there.
 *
 * @throws what the child's work throws, by its code; NativeError when the child dies; CancelledError when the signal aborts
 */
export async function runChildTask<Job, Said, Answer, Result>(
  task: ChildTask<Job, Said, Answer>,
): Promise<Result> {
  const { name, signal } = task;
  if (signal?.aborted === true) throw new CancelledError(`${name}: cancelled`);
  const env = task.scratchFolder === undefined ? process.env : { ...process.env, TMPDIR: task.scratchFolder };
  const child = forkModule(task.module, [], { serialization: 'advanced', env });
  const over = new AbortController();
  const unfinished = new Set<Promise<void>>();
  let outcome: { readonly result: Result } | { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    outcome ??= { error };
    over.abort();
    child.kill('SIGKILL');
  };
  const send = (message: ToTask<Job, Answer>): void => {
    if (child.connected) child.send(message);
  };
  const context = {
    answer: (answer: Answer): void => send({ type: 'answer', answer }),
    signal: over.signal,
  };
  const hear = (said: Said): void => {
    try {
      const heard = task.onSaid?.(said, context);
      if (!(heard instanceof Promise)) return;
      const settled = heard.catch(fail).finally(() => unfinished.delete(settled));
      unfinished.add(settled);
    } catch (error) {
      fail(error);
    }
  };
  const cancel = (): void => fail(new CancelledError(`${name}: cancelled`));
  signal?.addEventListener('abort', cancel, { once: true });
  child.on('message', (message: FromTask<Said, Result>) => {
    if (message.type === 'ready') send({ type: 'job', job: task.job });
    else if (message.type === 'said') hear(message.said);
    else if (message.type === 'done') outcome ??= { result: message.result };
    else outcome ??= { error: errorOfCode(message.error) };
  });
  child.once('error', (cause) => {
    fail(new NativeError(`${name}: the child process cannot be run: ${cause.message}`, { cause }));
  });
  const end = await new Promise<string>((resolve) => {
    child.once('close', (code, killedBy) => resolve(killedBy ?? String(code)));
  });
  signal?.removeEventListener('abort', cancel);
  // Before what is still at work is told to stop: that it was cancelled is not why.
  outcome ??= { error: new NativeError(`${name}: the child process ended with ${end}`) };
  over.abort();
  await Promise.all(unfinished);
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}
