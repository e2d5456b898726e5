import type { FileHandle } from 'node:fs/promises';
import { joinLengthPrefixed } from '../../codec/h264/nal.js';
import { parseAvcc } from '../../codec/h264/avcc.js';
import {
  completeMovie,
  fileType,
  moveChunks,
  type Mp4Track,
  type SampleTables,
} from '../../container/mp4/movie.js';
import { VIDEO_TIMESCALE } from '../../media/timestamp.js';
import { float64Column, int16Column, uint32Column } from '../../base/growing-column.js';
import { SPOOL, type LaidSamples, type PictureTrack, type Program } from './columns.js';
import { addRange, copyRanges, type ByteRange } from './copy-ranges.js';
import { interleave } from './interleave.js';
import type { Spool } from './spool.js';
import { writeAll } from './write-all.js';

const LONG_BOX_HEADER = 16;

export interface WriteMp4Options {
  readonly brand: 'mp4' | 'm4a';
  readonly onProgress?: (share: number) => void;
  readonly cancelled?: () => boolean;
}

/**
 * Writes a plain MP4: the moov with all tables first, then the media as they lie in the sources. Edit lists cut off what
 * a decoder needs before time 0, and what frames hold after the end.
 *
 * @throws DestinationError when the disk is full
 */
export async function writeMp4(
  program: Program,
  files: { readonly target: FileHandle; readonly spool: Spool },
  options: WriteMp4Options,
): Promise<number> {
  const prefixes = await writePrefixes(program.pictures, files.spool);
  await files.spool.close();
  const { ranges, chunks } = layOut(program, prefixes);
  const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
  const brands = options.brand === 'm4a' ? ['M4A ', 'isom', 'mp42'] : ['isom', 'iso6', 'mp41', 'avc1'];
  const header = fileType(brands);
  const moov = movieOf(program, chunks, prefixes);
  moveChunks(moov, header.length + moov.length + LONG_BOX_HEADER);
  const mdat = Buffer.alloc(LONG_BOX_HEADER);
  mdat.writeUInt32BE(1);
  mdat.write('mdat', 4, 'latin1');
  mdat.writeBigUInt64BE(BigInt(bytes + LONG_BOX_HEADER), 8);
  await writeAll(files.target, Buffer.concat([header, moov, mdat]));
  await copyRanges(
    ranges,
    { paths: program.paths, target: files.target },
    {
      onProgress: (done) => options.onProgress?.(done / bytes),
      ...(options.cancelled === undefined ? {} : { cancelled: options.cancelled }),
    },
  );
  return header.length + moov.length + mdat.length + bytes;
}

/** Parameter sets in the spool, by configuration, to be put before sync samples. */
type Prefixes = readonly { readonly offset: number; readonly size: number }[];

/**
 * Where configurations differ, sync samples repeat their parameter sets: some players look at the first sample entry
 * alone.
 */
async function writePrefixes(pictures: PictureTrack | undefined, spool: Spool): Promise<Prefixes> {
  if (pictures === undefined || pictures.configs.length < 2) return [];
  const prefixes: { offset: number; size: number }[] = [];
  for (const { config, lengthSize } of pictures.configs) {
    const { sps, pps } = parseAvcc(config.avcc);
    const data =
      lengthSize === 4 ? joinLengthPrefixed([...sps, ...pps]) : shortLengths([...sps, ...pps], lengthSize);
    prefixes.push({ offset: await spool.add(data), size: data.length });
  }
  return prefixes;
}

function shortLengths(nals: readonly Buffer[], lengthSize: number): Buffer {
  return Buffer.concat(
    nals.flatMap((nal) => {
      const length = Buffer.alloc(lengthSize);
      length.writeUIntBE(nal.length, 0, lengthSize);
      return [length, nal];
    }),
  );
}

/** Samples of one track and description that lie together; offsets from the beginning of the media. */
class Chunks {
  readonly offsets = float64Column();
  readonly samples = uint32Column();
  readonly descriptionIndices = int16Column();
}

function layOut(
  program: Program,
  prefixes: Prefixes,
): { ranges: ByteRange[]; chunks: Record<'video' | 'audio', Chunks> } {
  const ranges: ByteRange[] = [];
  const chunks = { video: new Chunks(), audio: new Chunks() };
  const spool = program.paths.length - 1;
  let position = 0;
  let open = { track: '', config: -1, samples: 0 };
  const close = (): void => {
    if (open.track === 'video' || open.track === 'audio') chunks[open.track].samples.push(open.samples);
  };
  for (const { track, index } of interleave(program, 'place')) {
    const { columns } = (track === 'video' ? program.pictures : program.sound)!;
    const config = columns.config[index]!;
    if (open.track !== track || open.config !== config) {
      close();
      chunks[track].offsets.push(position);
      chunks[track].descriptionIndices.push(config + 1);
      open = { track, config, samples: 0 };
    }
    open.samples++;
    const prefix = track === 'video' && columns.sync[index] === 1 ? prefixes[config] : undefined;
    if (prefix !== undefined) addRange(ranges, spool, prefix.offset, prefix.size);
    const source = columns.source[index]!;
    addRange(ranges, source === SPOOL ? spool : source, columns.offset[index]!, columns.size[index]!);
    position += columns.size[index]! + (prefix?.size ?? 0);
  }
  close();
  return { ranges, chunks };
}

function movieOf(
  { sound, pictures }: Program,
  chunks: Record<'video' | 'audio', Chunks>,
  prefixes: Prefixes,
): Buffer {
  const tracks: { track: Mp4Track; tables: SampleTables }[] = [];
  const table = ({ offsets, samples, descriptionIndices }: Chunks): SampleTables['chunks'] => ({
    offsets: offsets.values,
    samples: samples.values,
    descriptionIndices: descriptionIndices.values,
  });
  if (pictures !== undefined && pictures.columns.count > 0) {
    const { columns, length, configs } = pictures;
    const timing = trackTiming(columns, length);
    tracks.push({
      track: {
        id: 1,
        kind: 'video',
        timescale: VIDEO_TIMESCALE,
        configs: configs.map(({ config }) => config),
        mediaTime: timing.mediaTime,
      },
      tables: {
        ...timing.tables,
        sizes: columns.size.map((size, i) =>
          columns.sync[i] === 1 ? size + (prefixes[columns.config[i]!]?.size ?? 0) : size,
        ),
        syncSamples: syncNumbers(columns.sync),
        chunks: table(chunks.video),
      },
    });
  }
  if (sound !== undefined && sound.columns.count > 0) {
    const { columns, sampleRate, channels, asc, length } = sound;
    const timing = trackTiming(columns, length);
    tracks.push({
      track: {
        id: 2,
        kind: 'audio',
        timescale: sampleRate,
        configs: [{ codec: 'aac', asc, sampleRate, channels }],
        mediaTime: timing.mediaTime,
      },
      tables: {
        ...timing.tables,
        sizes: columns.size,
        syncSamples: undefined,
        chunks: table(chunks.audio),
      },
    });
  }
  return completeMovie(tracks);
}

/** Numbers from 1. */
function syncNumbers(sync: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = sync.indexOf(1); at !== -1; at = sync.indexOf(1, at + 1)) found.push(at + 1);
  return found;
}

type Run = [count: number, value: number];

function trackTiming(
  columns: LaidSamples,
  length: number,
): {
  mediaTime: number;
  tables: Pick<SampleTables, 'durations' | 'compositionOffsets' | 'duration' | 'startTime' | 'presented'>;
} {
  const durations: Run[] = [];
  const compositionOffsets: Run[] = [];
  const first = columns.dts[0] ?? 0;
  const start = Math.max(0, columns.pts[0] ?? 0);
  let total = 0;
  let lastDuration = 1;
  for (let i = 0; i < columns.count; i++) {
    const next = columns.dts[i + 1];
    // The last one reaches to the end, or is as long as the one before it.
    lastDuration =
      next === undefined ? Math.max(lastDuration, length - columns.pts[i]!) : next - columns.dts[i]!;
    total += lastDuration;
    addToRuns(durations, lastDuration);
    addToRuns(compositionOffsets, columns.pts[i]! - columns.dts[i]!);
  }
  return {
    // The edit begins at time 0, or where the first sample is presented: before it there is nothing to seek to.
    mediaTime: start - first,
    tables: {
      durations,
      compositionOffsets,
      duration: total,
      startTime: start,
      presented: length - start,
    },
  };
}

function addToRuns(runs: Run[], value: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last[1] === value) last[0]++;
  else runs.push([1, value]);
}
