import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import { runChildTask } from '../base/child-task.js';
import { InvalidOptionError } from '../base/errors.js';
import { checkOutputPath, writeWholeFile } from '../base/whole-file.js';
import { bringIntoMp4 } from '../ffmpeg/bring-in.js';
import { probeFile, type ProbedFile } from '../ffmpeg/probe.js';
import { checkProgramSettings, type ProgramSettings } from '../media/program-settings.js';
import type { OfflineInput, OfflineJob, OfflineProgress, OfflineResult } from './offline-job.js';

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
  checkInputs(options.inputs);
  const paths = options.inputs.map(({ path }) => path);
  await checkOutputPath(options.output, { overwrite: options.overwrite, inputs: paths });
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-mix-'));
  try {
    const { inputs, totalMs } = await prepareInputs(options, folder);
    return await writeWholeFile(options.output, (outputPath) =>
      runChildTask<OfflineJob, OfflineProgress, never, OfflineResult>({
        module: new URL('./offline-child.js', import.meta.url),
        name: 'mix',
        job: { inputs, settings, outputPath },
        signal: options.signal,
        onSaid: ({ doneMs }) => options.onProgress?.({ stage: 'mixing', doneMs, totalMs }),
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function checkInputs(inputs: MixFilesOptions['inputs']): void {
  if (inputs.length === 0 || inputs.length > MAX_INPUTS) {
    throw new InvalidOptionError(`inputs: expected 1 to ${MAX_INPUTS} files, got ${inputs.length}`);
  }
  for (const { path, startMs = 0 } of inputs) {
    if (!Number.isInteger(startMs) || startMs < 0) {
      throw new InvalidOptionError(`${path}: expected a start of 0 s or later, got ${startMs / 1000}`);
    }
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
