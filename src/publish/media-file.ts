import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidOptionError, MalformedMediaError, UnsupportedMediaError } from '../base/errors.js';
import { openInput } from '../base/input-file.js';
import { FlvDemuxer } from '../container/flv/demuxer.js';
import { Mp4Reader } from '../container/mp4/reader.js';
import { bringIntoMp4 } from '../ffmpeg/bring-in.js';
import type { AccessUnit } from '../media/access-unit.js';
import type { ProgramUnit } from '../media/program-sink.js';

/** A file as units that RTMP takes: H.264 and AAC, in decoding order. */
export interface MediaFile {
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  /** From its beginning, each time it is called. */
  units(): AsyncIterable<ProgramUnit>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** How far into an FLV its tracks are looked for; encoders begin both within a few pictures. */
const FLV_LOOK_BYTES = 4 * 2 ** 20;

/**
 * FLV and MP4 with H.264 and AAC are read as they are; whatever else ffmpeg reads is brought into that form first.
 *
 * @throws InvalidOptionError when the file cannot be opened
 * @throws UnsupportedMediaError when there is nothing in it to publish
 * @throws MalformedMediaError when it is damaged
 * @throws NativeError when ffmpeg fails; CancelledError when the signal aborts
 */
export async function openMediaFile(
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<MediaFile> {
  const found = (await isFlv(path)) ? await openFlv(path) : await openMp4(path);
  if (found !== undefined) return found;
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-publish-'));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const target = join(folder, 'brought-in.mp4');
    await bringIntoMp4(path, target, options);
    const file = await openMp4(target);
    if (file === undefined) throw new UnsupportedMediaError(`${path}: neither pictures nor sound to publish`);
    return {
      ...file,
      async close(): Promise<void> {
        await file.close();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

async function isFlv(path: string): Promise<boolean> {
  const file = await openInput(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(3), 0, 3, 0);
    return bytesRead === 3 && buffer.toString('latin1') === 'FLV';
  } catch (cause) {
    throw new InvalidOptionError(`${path}: cannot be read`, { cause });
  } finally {
    await file.close();
  }
}

/** @returns undefined when its codecs have to be converted */
async function openFlv(path: string): Promise<MediaFile | undefined> {
  const kinds = new Set<string>();
  try {
    const demuxer = new FlvDemuxer();
    for await (const chunk of createReadStream(path, { end: FLV_LOOK_BYTES })) {
      for (const unit of demuxer.push(chunk as Buffer)) kinds.add(unit.kind);
      if (kinds.size === 2) break;
    }
  } catch (error) {
    if (error instanceof UnsupportedMediaError) return undefined;
    throw error;
  }
  if (kinds.size === 0) throw new MalformedMediaError(`${path}: expected pictures or sound, got none`);
  return {
    hasVideo: kinds.has('video'),
    hasAudio: kinds.has('audio'),
    units: () => flvUnits(path),
    close: () => Promise.resolve(),
  };
}

async function* flvUnits(path: string): AsyncGenerator<ProgramUnit> {
  const demuxer = new FlvDemuxer();
  for await (const chunk of createReadStream(path)) {
    yield* demuxer.push(chunk as Buffer).filter(isProgramUnit);
  }
}

/** @returns undefined when it is no MP4, or its codecs have to be converted */
async function openMp4(path: string): Promise<MediaFile | undefined> {
  let reader: Mp4Reader;
  try {
    reader = await Mp4Reader.open(path);
  } catch (error) {
    if (error instanceof UnsupportedMediaError || error instanceof MalformedMediaError) return undefined;
    throw error;
  }
  const codecs = new Set(reader.tracks.map(({ config }) => config.codec));
  const hasVideo = codecs.has('h264');
  const hasAudio = codecs.has('aac');
  // What is left out may be the pictures or the sound in another codec.
  const mayLackOne = reader.skipped.length > 0 && !(hasVideo && hasAudio);
  if (codecs.has('opus') || codecs.size === 0 || (mayLackOne && !path.endsWith('brought-in.mp4'))) {
    await reader.close();
    return undefined;
  }
  return { hasVideo, hasAudio, units: () => mp4Units(reader), close: () => reader.close() };
}

async function* mp4Units(reader: Mp4Reader): AsyncGenerator<ProgramUnit> {
  for await (const unit of reader.units()) if (isProgramUnit(unit)) yield unit;
}

function isProgramUnit(unit: AccessUnit): unit is ProgramUnit {
  return unit.kind === 'video' || unit.config.codec === 'aac';
}
