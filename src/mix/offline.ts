import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { forkModule } from '../base/child-module.js';
import {
  CancelledError,
  InternalError,
  InvalidOptionError,
  MalformedMediaError,
  NativeError,
  UnsupportedMediaError,
} from '../base/errors.js';
import { bringIntoMp4 } from '../ffmpeg/bring-in.js';
import { probeFile, type ProbedFile } from '../ffmpeg/probe.js';
import { checkProgramSettings, type ProgramSettings } from '../media/program-settings.js';
import type { FromOfflineChild, OfflineInput, OfflineJob, OfflineResult } from './offline-job.js';

export type { OfflineResult } from './offline-job.js';

export interface MixFilesOptions {
  /** The host's file first. Any container and codec that ffmpeg reads. */
  readonly inputs: readonly { readonly path: string; readonly name?: string; readonly startMs?: number }[];
  readonly output: string;
  readonly overwrite?: boolean;
  readonly settings: ProgramSettings;
  readonly signal?: AbortSignal | undefined;
  /** What is being done, and how much of it: program time out of the expected length. */
  readonly onProgress?: (progress: MixFilesProgress) => void;
}

export interface MixFilesProgress {
  readonly stage: 'reading' | 'mixing';
  readonly doneMs: number;
  /** Undefined where a file does not tell how long it is. */
  readonly totalMs: number | undefined;
}

const MAX_INPUTS = 6;

/**
 * Mixes recorded files into one program (MP4: H.264 and AAC) in a child process. The output appears under its name only
 * when it is complete; after an error or a cancellation nothing is left.
 *
 * @throws InvalidOptionError, UnsupportedMediaError, MalformedMediaError for the files; NativeError when the child
 *   process dies; CancelledError when the signal aborts
 */
export async function mixFiles(options: MixFilesOptions): Promise<OfflineResult> {
  const settings = checkProgramSettings(options.settings);
  const output = resolve(options.output);
  await checkPaths(options, output);
  const partial = join(dirname(output), `.${basename(output)}.${process.pid}.part`);
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-mix-'));
  try {
    const { inputs, totalMs } = await prepareInputs(options, folder);
    const result = await runChild({ inputs, settings, outputPath: partial }, { ...options, totalMs });
    await rename(partial, output);
    return result;
  } finally {
    await rm(partial, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkPaths(options: MixFilesOptions, output: string): Promise<void> {
  const { inputs } = options;
  if (inputs.length === 0 || inputs.length > MAX_INPUTS) {
    throw new InvalidOptionError(`inputs: expected 1 to ${MAX_INPUTS} files, got ${inputs.length}`);
  }
  for (const { path, startMs = 0 } of inputs) {
    if (resolve(path) === output) throw new InvalidOptionError(`${path}: is both an input and the output`);
    if (!Number.isInteger(startMs) || startMs < 0) {
      throw new InvalidOptionError(`${path}: expected a start of 0 s or later, got ${startMs / 1000}`);
    }
  }
  const folder = await stat(dirname(output)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw new InvalidOptionError(`${dirname(output)}: is not a folder`);
  if (options.overwrite !== true && (await stat(output).catch(() => undefined)) !== undefined) {
    throw new InvalidOptionError(`${options.output}: exists already`, {
      hint: 'Choose another name, or allow it to be overwritten.',
    });
  }
}

async function prepareInputs(
  options: MixFilesOptions,
  folder: string,
): Promise<{ inputs: OfflineInput[]; totalMs: number | undefined }> {
  const inputs: OfflineInput[] = [];
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  let totalMs: number | undefined = 0;
  for (const [index, { path, name, startMs = 0 }] of options.inputs.entries()) {
    options.onProgress?.({ stage: 'reading', doneMs: 0, totalMs: undefined });
    const probed = await probeFile(path, signal);
    const ends = probed.durationMs === undefined ? undefined : startMs + probed.durationMs;
    totalMs = totalMs === undefined || ends === undefined ? undefined : Math.max(totalMs, ends);
    let readable = resolve(path);
    if (!isReadAsItIs(probed)) {
      readable = join(folder, `${index}.mp4`);
      await bringIntoMp4(path, readable, signal);
    }
    inputs.push({ path: readable, name: name ?? basename(path, extname(path)), startMs });
  }
  return { inputs, totalMs };
}

function isReadAsItIs({ format, streams }: ProbedFile): boolean {
  const codecs = { video: ['h264'], audio: ['aac', 'opus'] };
  return format.includes('mp4') && streams.every(({ kind, codec }) => codecs[kind].includes(codec));
}

function runChild(
  job: OfflineJob,
  {
    signal,
    onProgress,
    totalMs,
  }: Pick<MixFilesOptions, 'signal' | 'onProgress'> & { totalMs: number | undefined },
): Promise<OfflineResult> {
  return new Promise((settle, reject) => {
    if (signal?.aborted === true) {
      reject(new CancelledError('mix: cancelled'));
      return;
    }
    const child = forkModule(new URL('./offline-child.js', import.meta.url), [], {
      serialization: 'advanced',
    });
    let outcome: { result: OfflineResult } | { error: Error } | undefined;
    const cancel = (): void => {
      outcome ??= { error: new CancelledError('mix: cancelled') };
      child.kill('SIGKILL');
    };
    signal?.addEventListener('abort', cancel, { once: true });
    child.on('message', (message: FromOfflineChild) => {
      if (message.type === 'ready') child.send(job);
      else if (message.type === 'progress')
        onProgress?.({ stage: 'mixing', doneMs: message.doneMs, totalMs });
      else if (message.type === 'done') outcome ??= { result: message.result };
      else outcome ??= { error: asError(message) };
    });
    child.once('error', (cause) => {
      outcome ??= {
        error: new NativeError(`mix: the child process cannot be run: ${cause.message}`, { cause }),
      };
    });
    child.once('close', (code, killedBy) => {
      signal?.removeEventListener('abort', cancel);
      if (outcome === undefined)
        reject(new NativeError(`mix: the child process ended with ${killedBy ?? code}`));
      else if ('error' in outcome) reject(outcome.error);
      else settle(outcome.result);
    });
  });
}

function asError({ code, message, hint }: Extract<FromOfflineChild, { type: 'failed' }>): Error {
  const details = { hint };
  switch (code) {
    case 'INVALID_OPTION':
      return new InvalidOptionError(message, details);
    case 'UNSUPPORTED_MEDIA':
      return new UnsupportedMediaError(message, details);
    case 'MALFORMED_MEDIA':
      return new MalformedMediaError(message, details);
    case 'NATIVE_FAILED':
      return new NativeError(message, details);
    case 'CANCELLED':
      return new CancelledError(message, details);
    default:
      return new InternalError(message, details);
  }
}
