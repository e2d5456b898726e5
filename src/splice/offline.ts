import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChildTask } from '../base/child-task.js';
import { asAnchorNetError, InvalidOptionError } from '../base/errors.js';
import { checkOutputPath, writeWholeFile } from '../base/whole-file.js';
import { bringIntoMp4 } from '../ffmpeg/bring-in.js';
import { outputFormat } from './output-format.js';
import { allTechniques, type Techniques } from './techniques.js';
import type {
  BroughtIn,
  FromSplice,
  PieceSpec,
  SpliceJob,
  SpliceProgress,
  SpliceResult,
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
  const format = outputFormat(options.output);
  const { pieces } = options;
  if (pieces.length === 0 || pieces.length > MAX_PIECES) {
    throw new InvalidOptionError(`pieces: expected 1 to ${MAX_PIECES}, got ${pieces.length}`);
  }
  const inputs = pieces.map(({ path }) => path);
  await checkOutputPath(options.output, { overwrite: options.overwrite, inputs });
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-splice-'));
  try {
    return await writeWholeFile(options.output, (outputPath) => {
      const job: SpliceJob = {
        pieces,
        format,
        outputPath,
        spoolPath: join(folder, 'spool'),
        audio: options.audio ?? 'smart',
        techniques: options.techniques ?? allTechniques,
        audioBitrateBps: options.audioBitrateBps,
      };
      return runInChild(job, folder, options);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runInChild(job: SpliceJob, folder: string, options: SpliceOptions): Promise<SpliceResult> {
  let conversions = 0;
  return runChildTask<SpliceJob, FromSplice, BroughtIn, SpliceResult>({
    module: new URL('./splice-child.js', import.meta.url),
    name: 'splice',
    job,
    signal: options.signal,
    onSaid: (said, { answer, signal }) => {
      if (said.type === 'progress') return options.onProgress?.(said.progress);
      const target = join(folder, `${conversions++}.mp4`);
      return bringIn(said.path, target, signal).then(() => answer({ path: said.path, target }));
    },
  });
}

/** @throws with the file's name in the message */
async function bringIn(path: string, target: string, signal: AbortSignal): Promise<void> {
  try {
    await bringIntoMp4(path, target, { signal });
  } catch (thrown) {
    const error = asAnchorNetError(thrown);
    if (!error.message.includes(path)) error.message = `${path}: ${error.message}`;
    throw error;
  }
}
