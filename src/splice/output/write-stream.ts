import { open, type FileHandle } from 'node:fs/promises';
import { joinLengthPrefixed, NalType, nalType, splitLengthPrefixed } from '../../codec/h264/nal.js';
import { adtsFrame } from '../../container/adts/adts.js';
import { FlvMuxer, metadataTag } from '../../container/flv/muxer.js';
import { flvFileHeader, serialiseTag } from '../../container/flv/tag.js';
import { readAt } from '../../container/mp4/file-boxes.js';
import type { AacConfig, VideoConfig } from '../../media/access-unit.js';
import type { ProgramUnit } from '../../media/program-sink.js';
import { MILLISECONDS, rescale, VIDEO_TIMESCALE } from '../../media/timestamp.js';
import { FRAME } from '../piece.js';
import { SPOOL, type LaidSamples, type Program } from './columns.js';
import { interleave } from './interleave.js';
import type { Spool } from './spool.js';
import { writeAll } from './write-all.js';

const BATCH_BYTES = 1024 * 1024;
const WINDOW_BYTES = 512 * 1024;

interface WriteOptions {
  readonly onProgress?: (share: number) => void;
  readonly cancelled?: () => boolean;
}

/**
 * Writes an FLV. Times are whole milliseconds from 0: what a decoder needs before the program begins moves all of them.
 *
 * @throws DestinationError when the disk is full
 */
export async function writeFlv(
  program: Program,
  files: { readonly target: FileHandle; readonly spool: Spool },
  options: WriteOptions,
): Promise<number> {
  const { sound, pictures } = program;
  const starts = [
    pictures === undefined
      ? 0
      : rescale(pictures.columns.dts[0] ?? 0, VIDEO_TIMESCALE, MILLISECONDS, 'floor'),
    sound === undefined ? 0 : rescale(sound.columns.dts[0] ?? 0, sound.sampleRate, MILLISECONDS, 'floor'),
  ];
  const muxer = new FlvMuxer({ originMs: Math.min(0, ...starts) });
  const head = Buffer.concat([
    flvFileHeader({ audio: sound !== undefined, video: pictures !== undefined }),
    serialiseTag(metadataTag({ video: pictures?.configs[0]?.config, audio: sound && audioConfig(sound) })),
  ]);
  return writeUnits(program, files, {
    ...options,
    head,
    serialise: (unit) => Buffer.concat(muxer.tags(unit).map(serialiseTag)),
  });
}

/** Writes the sound as ADTS. @throws as {@link writeFlv} */
export async function writeAdts(
  program: Program,
  files: { readonly target: FileHandle; readonly spool: Spool },
  options: WriteOptions,
): Promise<number> {
  return writeUnits({ ...program, pictures: undefined }, files, {
    ...options,
    head: Buffer.alloc(0),
    serialise: (unit) => (unit.kind === 'audio' ? adtsFrame(unit) : Buffer.alloc(0)),
  });
}

async function writeUnits(
  program: Program,
  files: { readonly target: FileHandle; readonly spool: Spool },
  options: WriteOptions & { readonly head: Buffer; readonly serialise: (unit: ProgramUnit) => Buffer },
): Promise<number> {
  await files.spool.close();
  const readers = new Map<number, Reader>();
  const total = (program.sound?.columns.count ?? 0) + (program.pictures?.columns.count ?? 0);
  let pending = [options.head];
  let pendingBytes = options.head.length;
  let written = 0;
  let count = 0;
  const flush = async (): Promise<void> => {
    await writeAll(files.target, Buffer.concat(pending));
    written += pendingBytes;
    pending = [];
    pendingBytes = 0;
  };
  try {
    for (const { track, index } of interleave(program, 'time')) {
      const { columns } = (track === 'video' ? program.pictures : program.sound)!;
      const data = await read(program, columns, { track, index }, readers);
      const bytes = options.serialise(unitOf(program, track, index, data));
      pending.push(bytes);
      pendingBytes += bytes.length;
      count++;
      if (pendingBytes >= BATCH_BYTES) {
        await flush();
        options.onProgress?.(count / total);
        if (options.cancelled?.() === true) break;
      }
    }
    await flush();
    return written;
  } finally {
    for (const reader of readers.values()) await reader.file.close();
  }
}

interface Reader {
  readonly file: FileHandle;
  window: Buffer;
  start: number;
}

async function read(
  program: Program,
  columns: LaidSamples,
  { track, index }: { readonly track: string; readonly index: number },
  readers: Map<number, Reader>,
): Promise<Buffer> {
  const source = columns.source[index]!;
  const file = source === SPOOL ? program.paths.length - 1 : source;
  // A window for each track: they lie apart in some files.
  const key = file * 2 + (track === 'video' ? 0 : 1);
  let reader = readers.get(key);
  if (reader === undefined) {
    reader = { file: await open(program.paths[file] ?? '', 'r'), window: Buffer.alloc(0), start: 0 };
    readers.set(key, reader);
  }
  const offset = columns.offset[index]!;
  const size = columns.size[index]!;
  if (offset < reader.start || offset + size > reader.start + reader.window.length) {
    reader.window = await readAt(reader.file, offset, Math.max(size, WINDOW_BYTES));
    reader.start = offset;
  }
  return reader.window.subarray(offset - reader.start, offset - reader.start + size);
}

function unitOf(program: Program, track: 'video' | 'audio', index: number, data: Buffer): ProgramUnit {
  if (track === 'audio') {
    const sound = program.sound!;
    const pts = sound.columns.pts[index]!;
    return { kind: 'audio', config: audioConfig(sound), pts, durationSamples: FRAME, data };
  }
  const { columns, configs } = program.pictures!;
  const described = configs[columns.config[index]!]!;
  const nals = splitLengthPrefixed(data, described.lengthSize);
  return {
    kind: 'video',
    config: fourByteConfig(described),
    pts: columns.pts[index]!,
    dts: columns.dts[index]!,
    isIdr: nals.some((nal) => nalType(nal) === NalType.idr),
    data: joinLengthPrefixed(nals.filter((nal) => !leftOut.has(nalType(nal)))),
  };
}

const leftOut: ReadonlySet<number> = new Set([NalType.sps, NalType.pps, NalType.accessUnitDelimiter]);
const audioConfigs = new WeakMap<object, AacConfig>();
const videoConfigs = new WeakMap<object, VideoConfig>();

function audioConfig(sound: NonNullable<Program['sound']>): AacConfig {
  let found = audioConfigs.get(sound);
  if (found === undefined) {
    const { asc, sampleRate, channels } = sound;
    found = { codec: 'aac', asc, sampleRate, channels };
    audioConfigs.set(sound, found);
  }
  return found;
}

function fourByteConfig(described: {
  readonly config: VideoConfig;
  readonly lengthSize: number;
}): VideoConfig {
  if (described.lengthSize === 4) return described.config;
  let found = videoConfigs.get(described);
  if (found === undefined) {
    const avcc = Buffer.from(described.config.avcc);
    avcc[4] = 0xff;
    found = { ...described.config, avcc };
    videoConfigs.set(described, found);
  }
  return found;
}
