import { open, rm } from 'node:fs/promises';
import { CancelledError, InvalidOptionError, UnsupportedMediaError } from '../base/errors.js';
import { VIDEO_TIMESCALE } from '../media/timestamp.js';
import { cutPieces, type CutPiece } from './cut-pieces.js';
import type { Program } from './output/columns.js';
import { Spool } from './output/spool.js';
import { writeMp4 } from './output/write-mp4.js';
import { writeAdts, writeFlv } from './output/write-stream.js';
import { reportSeams } from './report-seams.js';
import { programFormat, type SoundFormat } from './sound-format.js';
import { SourceFile } from './source/source-file.js';
import type { SpliceJob, SpliceProgress, SpliceResult } from './splice-job.js';
import { splicePictures, type SplicedPictures } from './splice-pictures.js';
import { spliceSound, type SplicedSound } from './splice-sound.js';

export interface SpliceContext {
  /** Turns a file of another kind into an MP4 of H.264 and AAC. */
  readonly bringIn: (path: string) => Promise<string>;
  readonly progress: (progress: SpliceProgress) => void;
  readonly cancelled: () => boolean;
}

/**
 * Does a job from the first file to the last byte.
 *
 * @throws errors of the taxonomy; what was written is then of no use
 */
export async function spliceFiles(job: SpliceJob, context: SpliceContext): Promise<SpliceResult> {
  const files = new Map<string, SourceFile>();
  let spool: Spool | undefined;
  try {
    for (const { path } of job.pieces) {
      if (!files.has(path)) files.set(path, await SourceFile.open(path, context.bringIn));
      context.progress({ stage: 'reading', done: files.size / job.pieces.length });
    }
    const sources = [...files.values()];
    const located = job.pieces.map(({ path }) => {
      const file = files.get(path)!;
      return { index: sources.indexOf(file), file };
    });
    const withPictures =
      (job.format === 'mp4' || job.format === 'flv') &&
      located.some(({ file }) => file.index.video !== undefined);
    const format = await soundFormat(located.map(({ file }) => file));
    if (format === undefined && !withPictures) {
      throw new UnsupportedMediaError(`${job.pieces[0]?.path ?? ''}: no sound to splice`);
    }
    const clock = format?.sampleRate ?? VIDEO_TIMESCALE;
    const cuts = cutPieces(job.pieces, located, clock);
    spool = await Spool.create(job.spoolPath);
    const steps = (format === undefined ? 0 : 1) + (withPictures ? 1 : 0);
    let step = 0;
    const common = {
      spool,
      cancelled: context.cancelled,
      onProgress: (share: number) => context.progress({ stage: 'splicing', done: (step + share) / steps }),
    };
    const sound = format && (await spliceSound(cuts, sources, { ...common, format, job }));
    step++;
    const pictures = withPictures ? await splicePictures(cuts, sources, { ...common, clock }) : undefined;
    checkNotCancelled(context);
    const program: Program = {
      sound: sound?.track,
      pictures: pictures?.track,
      paths: [...sources.map(({ path }) => path), job.spoolPath],
    };
    const bytes = await write(program, { job, spool, context });
    checkNotCancelled(context);
    return result({ cuts, clock, sound, pictures, bytes });
  } finally {
    await spool?.close();
    for (const file of files.values()) await file.close();
  }
}

/** The first piece that has sound decides. */
async function soundFormat(files: readonly SourceFile[]): Promise<SoundFormat | undefined> {
  for (const file of files) {
    const run = file.index.audio?.runs[0];
    if (run !== undefined) return programFormat(file, run);
  }
  return undefined;
}

async function write(
  program: Program,
  {
    job,
    spool,
    context,
  }: { readonly job: SpliceJob; readonly spool: Spool; readonly context: SpliceContext },
): Promise<number> {
  const target = await open(job.outputPath, 'w').catch((cause: unknown) => {
    throw new InvalidOptionError(`${job.outputPath}: cannot be created`, { cause });
  });
  const options = {
    onProgress: (done: number) => context.progress({ stage: 'writing', done }),
    cancelled: context.cancelled,
  };
  try {
    const files = { target, spool };
    if (job.format === 'flv') return await writeFlv(program, files, options);
    if (job.format === 'adts') return await writeAdts(program, files, options);
    return await writeMp4(program, files, { ...options, brand: job.format });
  } catch (error) {
    await rm(job.outputPath, { force: true });
    throw error;
  } finally {
    await target.close();
  }
}

function checkNotCancelled({ cancelled }: SpliceContext): void {
  if (cancelled()) throw new CancelledError('splice: cancelled');
}

function result(done: {
  readonly cuts: readonly CutPiece[];
  readonly clock: number;
  readonly sound: SplicedSound | undefined;
  readonly pictures: SplicedPictures | undefined;
  readonly bytes: number;
}): SpliceResult {
  const { cuts, clock, sound, pictures, bytes } = done;
  const passedFrames = (sound?.passedFrames ?? []).reduce((sum, count) => sum + count, 0);
  const length = sound?.track.length ?? cuts.reduce((sum, piece) => sum + piece.out - piece.in, 0);
  let at = 0;
  const pieces = cuts.map((piece, cut) => {
    const start = at;
    at += piece.out - piece.in;
    const offsets = (sound?.splicer.plan.offsets ?? []).filter((_, i) => sound?.cutOf[i] === cut);
    return {
      path: piece.name,
      in: piece.in / clock,
      out: piece.out / clock,
      at: start / clock,
      offsetSamples: offsets.at(-1) ?? 0,
      passedFrames: sound?.passedFrames[cut] ?? 0,
      notes: [...(sound?.notes[cut] ?? []), ...(pictures?.notes[cut] ?? [])],
    };
  });
  return {
    seams: reportSeams({ cuts, clock, sound, pictures }),
    pieces,
    seconds: length / clock,
    bytes,
    passedFrames,
    bridgedFrames: (sound?.track.columns.count ?? 0) - passedFrames,
    copiedPictures: pictures?.copied ?? 0,
    encodedPictures: (pictures?.encoded ?? []).reduce((sum, count) => sum + count, 0),
  };
}
