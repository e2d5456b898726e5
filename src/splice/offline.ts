import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { forkModule } from '../base/child-module.js';
import {
  asAnchorNetError,
  CancelledError,
  DestinationError,
  InternalError,
  InvalidOptionError,
  MalformedMediaError,
  NativeError,
  UnsupportedMediaError,
} from '../base/errors.js';
import { bringIntoMp4 } from '../ffmpeg/bring-in.js';
import { outputFormat } from './output-format.js';
import { allTechniques, type Techniques } from './techniques.js';
import type {
  FromSpliceChild,
  PieceSpec,
  SpliceJob,
  SpliceProgress,
  SpliceResult,
  ToSpliceChild,
} from './splice-job.js';

export interface SpliceOptions {
  readonly pieces: readonly PieceSpec[];
  /** Its ending tells the format: .mp4, .m4a, .flv, .aac or .adts. */
  readonly output: string;
  readonly overwrite?: boolean;
  readonly audio?: 'smart' | 'exact';
  readonly techniques?: Techniques;
  readonly audioBitrateBps?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: SpliceProgress) => void;
}

const MAX_PIECES = 10_000;

/**
 * Splices pieces of files into one program, in a child process. The output appears under its name only when it is
 * complete; after an error or a cancellation nothing is left.
 *
 * @throws InvalidOptionError, UnsupportedMediaError, MalformedMediaError naming the file; DestinationError when the disk
 *   is full; NativeError when the child process dies; CancelledError when the signal aborts
 */
export async function splice(options: SpliceOptions): Promise<SpliceResult> {
  const output = resolve(options.output);
  const format = outputFormat(options.output);
  await checkPaths(options, output);
  const partial = join(dirname(output), `.${basename(output)}.${process.pid}.part`);
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-splice-'));
  try {
    const job: SpliceJob = {
      pieces: options.pieces,
      format,
      outputPath: partial,
      spoolPath: join(folder, 'spool'),
      audio: options.audio ?? 'smart',
      techniques: options.techniques ?? allTechniques,
      audioBitrateBps: options.audioBitrateBps,
    };
    const result = await runChild(job, folder, options);
    await rename(partial, output);
    return result;
  } finally {
    await rm(partial, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkPaths(options: SpliceOptions, output: string): Promise<void> {
  const { pieces } = options;
  if (pieces.length === 0 || pieces.length > MAX_PIECES) {
    throw new InvalidOptionError(`pieces: expected 1 to ${MAX_PIECES}, got ${pieces.length}`);
  }
  for (const { path } of pieces) {
    if (resolve(path) === output) throw new InvalidOptionError(`${path}: is both an input and the output`);
  }
  const folder = await stat(dirname(output)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw new InvalidOptionError(`${dirname(output)}: is not a folder`);
  if (options.overwrite !== true && (await stat(output).catch(() => undefined)) !== undefined) {
    throw new InvalidOptionError(`${options.output}: exists already`, {
      hint: 'Choose another name, or allow it to be overwritten.',
    });
  }
}

function runChild(job: SpliceJob, folder: string, options: SpliceOptions): Promise<SpliceResult> {
  const { signal } = options;
  return new Promise((settle, reject) => {
    if (signal?.aborted === true) {
      reject(new CancelledError('splice: cancelled'));
      return;
    }
    const child = forkModule(new URL('./splice-child.js', import.meta.url), [], {
      serialization: 'advanced',
    });
    const converting = new AbortController();
    let outcome: { result: SpliceResult } | { error: Error } | undefined;
    let conversions = 0;
    let pending: Promise<void> = Promise.resolve();
    const fail = (error: Error): void => {
      outcome ??= { error };
      converting.abort();
      child.kill('SIGKILL');
    };
    const cancel = (): void => fail(new CancelledError('splice: cancelled'));
    signal?.addEventListener('abort', cancel, { once: true });
    child.on('message', (message: FromSpliceChild) => {
      if (message.type === 'ready') send(child, { type: 'job', job });
      else if (message.type === 'progress') options.onProgress?.(message.progress);
      else if (message.type === 'bring-in') {
        const target = join(folder, `${conversions++}.mp4`);
        pending = bringIntoMp4(message.path, target, { signal: converting.signal })
          .then(() => send(child, { type: 'brought-in', path: message.path, target }))
          .catch((thrown: unknown) => {
            const error = asAnchorNetError(thrown);
            if (!error.message.includes(message.path)) error.message = `${message.path}: ${error.message}`;
            fail(error);
          });
      } else if (message.type === 'done') outcome ??= { result: message.result };
      else outcome ??= { error: asError(message) };
    });
    child.once('error', (cause) => {
      outcome ??= {
        error: new NativeError(`splice: the child process cannot be run: ${cause.message}`, { cause }),
      };
    });
    child.once('close', (code, killedBy) => {
      signal?.removeEventListener('abort', cancel);
      // What ffmpeg was writing goes with the folder, so it has to have stopped.
      void pending.then(() => {
        if (outcome === undefined) {
          reject(new NativeError(`splice: the child process ended with ${killedBy ?? code}`));
        } else if ('error' in outcome) reject(outcome.error);
        else settle(outcome.result);
      });
    });
  });
}

function send(child: ChildProcess, message: ToSpliceChild): void {
  if (child.connected) child.send(message);
}

function asError({ code, message, hint }: Extract<FromSpliceChild, { type: 'failed' }>): Error {
  const details = { hint };
  switch (code) {
    case 'INVALID_OPTION':
      return new InvalidOptionError(message, details);
    case 'UNSUPPORTED_MEDIA':
      return new UnsupportedMediaError(message, details);
    case 'MALFORMED_MEDIA':
      return new MalformedMediaError(message, details);
    case 'DESTINATION_FAILED':
      return new DestinationError(message, details);
    case 'NATIVE_FAILED':
      return new NativeError(message, details);
    case 'CANCELLED':
      return new CancelledError(message, details);
    default:
      return new InternalError(message, details);
  }
}
