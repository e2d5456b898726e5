import type { DecoderConfig } from '../../media/access-unit.js';
import { VIDEO_TIMESCALE } from '../../media/timestamp.js';
import {
  box,
  childBox,
  container,
  serialise,
  walkBoxes,
  type Box,
  type BoxOf,
  type BoxPlace,
} from './boxes.js';
import { sampleEntry } from './sample-entry.js';

/** Timescale of movie and track headers and of edit durations. */
export const MOVIE_TIMESCALE = VIDEO_TIMESCALE;

/** What a movie says of a track apart from its samples. */
export interface Mp4Track {
  /** 1 and up, unique in the file. */
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Ticks per second of its times: 90000 for video, the sample rate for audio. */
  readonly timescale: number;
  /** One sample entry each, in order of first use; sample description indices count from 1. */
  readonly configs: readonly DecoderConfig[];
  /** Time of the media that is presented first, in its timescale: an edit cuts off what lies before. */
  readonly mediaTime?: number | undefined;
}

/** The samples of a track in the form of its tables (ISO/IEC 14496-12 §8.6, §8.7). Runs are [count, value] pairs. */
export interface SampleTables {
  readonly sizes: ArrayLike<number>;
  readonly durations: readonly (readonly [count: number, delta: number])[];
  readonly compositionOffsets: readonly (readonly [count: number, offset: number])[];
  /** Numbers from 1 of sync samples; undefined when all are. */
  readonly syncSamples: readonly number[] | undefined;
  /** One of each per chunk; offsets in bytes from the start of the file. */
  readonly chunks: {
    readonly offsets: ArrayLike<number>;
    readonly samples: ArrayLike<number>;
    readonly descriptionIndices: ArrayLike<number>;
  };
  /** Sum of durations, in the track's timescale. */
  readonly duration: number;
  /** How much of it is presented, where an edit cuts off its end. */
  readonly presented?: number | undefined;
  /** Presentation time of the first sample in the movie, in the track's timescale: becomes an empty edit. */
  readonly startTime: number;
}

const identity: [number, number, number, number, number, number, number, number, number] = [
  0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000,
];
const UNDETERMINED_LANGUAGE = 0x55c4;
/** Track enabled and in the movie, §8.3.2. */
const TRACK_FLAGS = 3;
const ONE = 0x10000;
/** Chunks beyond need 64-bit offsets; with room for {@link moveChunks}. */
const MAX_SHORT_OFFSET = 2 ** 32 - 2 ** 28;

/** `ftyp` of a file, or of a segment's init. */
export function fileType(brands: readonly string[]): Buffer {
  return serialise([
    box('ftyp', { major_brand: brands[0] ?? 'isom', minor_version: 512, compatible_brands: [...brands] }),
  ]);
}

/** A moov without samples, to be followed by fragments. */
export function fragmentedMovie(tracks: readonly Mp4Track[]): Buffer {
  const extend = tracks.map((track) =>
    box('trex', {
      track_id: track.id,
      default_sample_description_index: 1,
      default_sample_duration: 0,
      default_sample_size: 0,
      default_sample_flags: 0,
    }),
  );
  const moov = container('moov', [
    movieHeader(0, tracks),
    ...tracks.map((track) => trackBox(track, undefined)),
    container('mvex', extend),
  ]);
  return serialise([moov]);
}

/** A moov with all samples in tables. */
export function completeMovie(tracks: readonly { track: Mp4Track; tables: SampleTables }[]): Buffer {
  const duration = Math.max(0, ...tracks.map((one) => movieDuration(one.track, one.tables)));
  const moov = container('moov', [
    movieHeader(
      duration,
      tracks.map((one) => one.track),
    ),
    ...tracks.map((one) => trackBox(one.track, one.tables)),
  ]);
  return serialise([moov]);
}

/** Adds to all chunk offsets of a moov, in place: what is put before the media moves them. */
export function moveChunks(moov: Buffer, by: number): void {
  const [movie] = walkBoxes(moov);
  for (const trak of movie === undefined ? [] : walkBoxes(moov, movie.body, movie.end)) {
    if (trak.type !== 'trak') continue;
    const stbl = ['mdia', 'minf', 'stbl'].reduce<BoxPlace | undefined>(
      (place, type) => place && childBox(moov, place, type),
      trak,
    );
    const stco = stbl && (childBox(moov, stbl, 'stco') ?? childBox(moov, stbl, 'co64'));
    if (stco === undefined) continue;
    // Version and flags, then the count.
    const first = stco.body + 8;
    if (stco.type === 'stco') {
      for (let at = first; at < stco.end; at += 4) moov.writeUInt32BE(moov.readUInt32BE(at) + by, at);
    } else {
      for (let at = first; at < stco.end; at += 8) {
        moov.writeBigUInt64BE(moov.readBigUInt64BE(at) + BigInt(by), at);
      }
    }
  }
}

function movieDuration(track: Mp4Track, tables: SampleTables): number {
  return toMovie(tables.startTime, track) + toMovie(tables.presented ?? tables.duration, track);
}

function toMovie(time: number, track: Mp4Track): number {
  return Math.round((time * MOVIE_TIMESCALE) / track.timescale);
}

function movieHeader(duration: number, tracks: readonly Mp4Track[]): Box {
  return box('mvhd', {
    creation_time: 0,
    modification_time: 0,
    timescale: MOVIE_TIMESCALE,
    duration,
    rate: ONE,
    volume: 1,
    matrix: identity,
    next_track_id: Math.max(0, ...tracks.map((track) => track.id)) + 1,
  });
}

function trackBox(track: Mp4Track, tables: SampleTables | undefined): Box {
  const [config] = track.configs;
  const size = config?.codec === 'h264' ? config : { width: 0, height: 0 };
  const header = box('tkhd', {
    flags: TRACK_FLAGS,
    creation_time: 0,
    modification_time: 0,
    track_id: track.id,
    duration: tables === undefined ? 0 : movieDuration(track, tables),
    volume: track.kind === 'audio' ? 1 : 0,
    matrix: identity,
    width: size.width * ONE,
    height: size.height * ONE,
  });
  const edits = editEntries(track, tables);
  const edts = edits.length === 0 ? [] : [container('edts', [box('elst', { entries: edits })])];
  return container('trak', [header, ...edts, mediaBox(track, tables)]);
}

/** An empty edit where the track begins later than the movie, then all of the media. */
function editEntries(track: Mp4Track, tables: SampleTables | undefined): BoxOf<'elst'>['entries'] {
  const startTime = tables?.startTime ?? 0;
  const mediaTime = track.mediaTime ?? 0;
  if (startTime === 0 && mediaTime === 0 && tables?.presented === undefined) return [];
  const rate = { media_rate_integer: 1, media_rate_fraction: 0 };
  // Before fragments the duration is unknown, which 0 says (§8.6.6.1).
  const duration = tables === undefined ? 0 : toMovie(tables.presented ?? tables.duration, track);
  const media = { ...rate, segment_duration: duration, media_time: mediaTime };
  if (startTime === 0) return [media];
  return [{ ...rate, segment_duration: toMovie(startTime, track), media_time: -1 }, media];
}

function mediaBox(track: Mp4Track, tables: SampleTables | undefined): Box {
  const mdhd = box('mdhd', {
    creation_time: 0,
    modification_time: 0,
    timescale: track.timescale,
    duration: tables?.duration ?? 0,
    language: UNDETERMINED_LANGUAGE,
  });
  const hdlr = box('hdlr', {
    handler: track.kind === 'video' ? 'vide' : 'soun',
    name: track.kind === 'video' ? 'Video' : 'Audio',
  });
  const dref = box('dref', { entries: [box('url ', { flags: 1, location: '' })] });
  const media =
    track.kind === 'video'
      ? box('vmhd', { flags: 1, graphicsmode: 0, opcolor: [0, 0, 0] })
      : box('smhd', { balance: 0 });
  const minf = container('minf', [media, container('dinf', [dref]), sampleTableBox(track, tables)]);
  return container('mdia', [mdhd, hdlr, minf]);
}

function sampleTableBox(track: Mp4Track, tables: SampleTables | undefined): Box {
  const stsd = box('stsd', { entries: track.configs.map(sampleEntry) });
  const offsets = Array.from(tables?.chunks.offsets ?? []);
  const long = (offsets.at(-1) ?? 0) > MAX_SHORT_OFFSET;
  const boxes: Box[] = [
    stsd,
    box('stts', {
      sample_counts: tables?.durations.map(([count]) => count) ?? [],
      sample_deltas: tables?.durations.map(([, delta]) => delta) ?? [],
    }),
    box('stsc', sampleToChunk(tables)),
    box('stsz', { sample_size: 0, sample_sizes: Array.from(tables?.sizes ?? []), sample_count: 0 }),
    box(long ? 'co64' : 'stco', { chunk_offsets: offsets }),
  ];
  if (tables?.compositionOffsets.some(([, offset]) => offset !== 0) === true) {
    boxes.push(
      box('ctts', {
        sample_counts: tables.compositionOffsets.map(([count]) => count),
        sample_offsets: tables.compositionOffsets.map(([, offset]) => offset),
      }),
    );
  }
  if (tables?.syncSamples !== undefined) boxes.push(box('stss', { sample_numbers: [...tables.syncSamples] }));
  return container('stbl', boxes);
}

/** Runs of chunks of the same kind, §8.7.4. */
function sampleToChunk(tables: SampleTables | undefined): {
  first_chunk: number[];
  samples_per_chunk: number[];
  sample_description_index: number[];
} {
  const found = {
    first_chunk: [] as number[],
    samples_per_chunk: [] as number[],
    sample_description_index: [] as number[],
  };
  const { samples, descriptionIndices } = tables?.chunks ?? { samples: [], descriptionIndices: [] };
  for (let chunk = 0; chunk < samples.length; chunk++) {
    const count = samples[chunk] ?? 0;
    const descriptionIndex = descriptionIndices[chunk] ?? 1;
    if (
      found.samples_per_chunk.at(-1) === count &&
      found.sample_description_index.at(-1) === descriptionIndex
    ) {
      continue;
    }
    found.first_chunk.push(chunk + 1);
    found.samples_per_chunk.push(count);
    found.sample_description_index.push(descriptionIndex);
  }
  return found;
}
