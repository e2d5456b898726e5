import { MalformedMediaError, UnsupportedMediaError } from '../base/errors.js';
import { buildAsc, parseAsc, type AscInfo } from '../codec/aac/asc.js';
import { parseRawDataBlock } from '../codec/aac/raw-data-block.js';
import { FRAME } from './piece.js';
import type { AudioRun } from './source/media-index.js';
import type { SourceFile } from './source/source-file.js';

/** The program's sound: always AAC-LC in frames of 1024. */
export interface SoundFormat {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly asc: Buffer;
  readonly info: AscInfo;
}

/** The sound of the first piece, as near as the program can have it. */
export async function programFormat(source: SourceFile, run: AudioRun): Promise<SoundFormat> {
  const { sampleRate, channels } = await decodedFormat(source, run);
  const count = channels === 1 ? 1 : 2;
  const same =
    run.config.codec === 'aac' &&
    (await whyNotPassed(source, run, { sampleRate, channels: count })) === undefined;
  const asc = same && run.config.codec === 'aac' ? run.config.asc : buildAsc({ sampleRate, channels: count });
  return { sampleRate, channels: count, asc, info: parseAsc(asc) };
}

/**
 * Why a run's units cannot be passed through, for the user; undefined when they can.
 *
 * @throws UnsupportedMediaError when the sound cannot be decoded either
 */
export async function whyNotPassed(
  source: SourceFile,
  run: AudioRun,
  format: Pick<SoundFormat, 'sampleRate' | 'channels'>,
): Promise<string | undefined> {
  if (run.config.codec !== 'aac') return `its sound is ${run.config.codec}`;
  const info = parseAsc(run.config.asc);
  if (info.objectType !== 2) {
    throw new UnsupportedMediaError(`${source.name}: AAC object type ${info.objectType} is not supported`);
  }
  if (info.extensionSampleRate !== undefined || (await hasSbr(source, run))) return 'its sound is HE-AAC';
  if (info.frameLength !== FRAME) return `its frames have ${info.frameLength} samples`;
  if (info.sampleRate !== format.sampleRate) return `its sound has ${info.sampleRate} Hz`;
  if (info.channels !== format.channels) return `its sound has ${channelNames(info.channels)}`;
  return undefined;
}

function channelNames(count: number): string {
  return count === 1 ? 'one channel' : `${count} channels`;
}

async function decodedFormat(
  source: SourceFile,
  run: AudioRun,
): Promise<{ sampleRate: number; channels: number }> {
  if (run.config.codec !== 'aac') return run.config;
  const info = parseAsc(run.config.asc);
  const isImplicit = info.extensionSampleRate === undefined && (await hasSbr(source, run));
  return {
    sampleRate: info.extensionSampleRate ?? (isImplicit ? 2 * info.sampleRate : info.sampleRate),
    channels: info.parametricStereo === true ? 2 : info.channels,
  };
}

/** Band replication that is signalled nowhere but in the units (ISO/IEC 14496-3 §1.6.5.3). */
async function hasSbr(source: SourceFile, run: AudioRun): Promise<boolean> {
  if (run.config.codec !== 'aac') return false;
  const info = parseAsc(run.config.asc);
  // Signalled or not, the core of a higher rate has none.
  if (info.objectType !== 2 || info.sampleRate > 24_000) return false;
  for (let index = 0; index < Math.min(run.count, 4); index++) {
    try {
      if (parseRawDataBlock((await source.audioUnit(run, index)).data, info).hasSbr) return true;
    } catch (error) {
      if (!(error instanceof MalformedMediaError)) throw error;
    }
  }
  return false;
}
