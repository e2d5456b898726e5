import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { childBox, parseBox, walkBoxes, type BoxOf, type BoxPlace } from './boxes.js';
import { readSampleEntry, type ReadEntry } from './sample-entry.js';
import type { SampleInfo } from './sample.js';

export interface ReadEdit {
  /** In the movie's timescale. */
  readonly duration: number;
  /** In the track's timescale; −1 is an empty edit. */
  readonly mediaTime: number;
}

/** What fragments leave out, from the trex. */
export interface FragmentDefaults {
  readonly descriptionIndex: number;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

export interface ReadTrack {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
  readonly entries: readonly ReadEntry[];
  readonly edits: readonly ReadEdit[];
  readonly defaults: FragmentDefaults;
  /** Samples of the moov's own tables, in decoding order; none in a file of fragments. */
  readonly samples: () => Iterator<SampleInfo, void>;
  readonly sampleCount: number;
}

export interface ReadMovie {
  readonly timescale: number;
  readonly tracks: readonly ReadTrack[];
  /** Tracks that are left out, and why. */
  readonly skipped: readonly { readonly id: number; readonly reason: string }[];
  readonly isFragmented: boolean;
}

const kinds: ReadonlyMap<string, 'video' | 'audio'> = new Map([
  ['vide', 'video'],
  ['soun', 'audio'],
]);

/**
 * @param bytes the whole moov box
 * @throws MalformedMediaError when it is damaged
 */
export function readMovie(bytes: Buffer): ReadMovie {
  const [moov] = walkBoxes(bytes);
  if (moov?.type !== 'moov') throw new MalformedMediaError('MP4: expected a moov');
  const children = walkBoxes(bytes, moov.body, moov.end);
  const mvhd = children.find((place) => place.type === 'mvhd');
  if (mvhd === undefined) throw new MalformedMediaError('MP4: expected an mvhd, got none');
  const { timescale } = parseBox('mvhd', bytes, mvhd);
  if (!(timescale > 0)) throw new MalformedMediaError(`MP4: expected a timescale over 0, got ${timescale}`);
  const mvex = children.find((place) => place.type === 'mvex');
  const defaults = mvex === undefined ? new Map<number, FragmentDefaults>() : readDefaults(bytes, mvex);
  const tracks: ReadTrack[] = [];
  const skipped: { id: number; reason: string }[] = [];
  for (const trak of children.filter((place) => place.type === 'trak')) {
    const id = parseBox('tkhd', bytes, required(bytes, trak, ['tkhd'])).track_id;
    try {
      tracks.push(readTrack(bytes, trak, { id, defaults: defaults.get(id) }));
    } catch (error) {
      if (!(error instanceof UnsupportedMediaError)) throw error;
      skipped.push({ id, reason: error.message });
    }
  }
  return { timescale, tracks, skipped, isFragmented: mvex !== undefined };
}

function readDefaults(bytes: Buffer, mvex: BoxPlace): Map<number, FragmentDefaults> {
  const found = new Map<number, FragmentDefaults>();
  for (const place of walkBoxes(bytes, mvex.body, mvex.end)) {
    if (place.type !== 'trex') continue;
    const trex = parseBox('trex', bytes, place);
    found.set(trex.track_id, {
      descriptionIndex: trex.default_sample_description_index,
      duration: trex.default_sample_duration,
      size: trex.default_sample_size,
      flags: trex.default_sample_flags,
    });
  }
  return found;
}

function required(bytes: Buffer, parent: BoxPlace, path: readonly string[]): BoxPlace {
  let place = parent;
  for (const type of path) {
    const child = childBox(bytes, place, type);
    if (child === undefined) {
      throw new MalformedMediaError(`MP4: expected a box ${type} in ${place.type}, got none`, {
        offset: place.start,
      });
    }
    place = child;
  }
  return place;
}

function readTrack(
  bytes: Buffer,
  trak: BoxPlace,
  options: { readonly id: number; readonly defaults: FragmentDefaults | undefined },
): ReadTrack {
  const mdia = required(bytes, trak, ['mdia']);
  const { handler } = parseBox('hdlr', bytes, required(bytes, mdia, ['hdlr']));
  const kind = kinds.get(handler);
  if (kind === undefined)
    throw new UnsupportedMediaError(`MP4 handler ${JSON.stringify(handler)} is no media`);
  const { timescale } = parseBox('mdhd', bytes, required(bytes, mdia, ['mdhd']));
  if (!(timescale > 0)) throw new MalformedMediaError(`MP4: expected a timescale over 0, got ${timescale}`);
  const stbl = required(bytes, mdia, ['minf', 'stbl']);
  const stsd = required(bytes, stbl, ['stsd']);
  const entries = walkBoxes(bytes, Math.min(stsd.body + 8, stsd.end), stsd.end).map((place) =>
    readSampleEntry(bytes, place),
  );
  const [first] = entries;
  if (first === undefined) throw new UnsupportedMediaError('MP4: the track has no sample entry');
  if ((first.config.codec === 'h264') !== (kind === 'video')) {
    throw new MalformedMediaError(`MP4: ${first.config.codec} in a track of ${kind}`, { offset: stsd.start });
  }
  const tables = readTables(bytes, stbl);
  return {
    id: options.id,
    kind,
    timescale,
    entries,
    edits: readEdits(bytes, trak),
    defaults: options.defaults ?? { descriptionIndex: 1, duration: 0, size: 0, flags: 0 },
    samples: () => iterateTables(tables),
    sampleCount: tables.sizes.length,
  };
}

function readEdits(bytes: Buffer, trak: BoxPlace): ReadEdit[] {
  const edts = childBox(bytes, trak, 'edts');
  const elst = edts === undefined ? undefined : childBox(bytes, edts, 'elst');
  if (elst === undefined) return [];
  return parseBox('elst', bytes, elst).entries.map((entry) => ({
    duration: entry.segment_duration,
    mediaTime: entry.media_time,
  }));
}

interface Tables {
  readonly sizes: readonly number[];
  readonly stts: BoxOf<'stts'>;
  readonly ctts: BoxOf<'ctts'> | undefined;
  readonly stsc: BoxOf<'stsc'>;
  readonly chunkOffsets: readonly number[];
  readonly syncSamples: readonly number[] | undefined;
}

function readTables(bytes: Buffer, stbl: BoxPlace): Tables {
  const places = new Map(walkBoxes(bytes, stbl.body, stbl.end).map((place) => [place.type, place]));
  const need = (type: string): BoxPlace => {
    const place = places.get(type);
    if (place === undefined) {
      throw new MalformedMediaError(`MP4: expected a box ${type}, got none`, { offset: stbl.start });
    }
    return place;
  };
  const co64 = places.get('co64');
  const ctts = places.get('ctts');
  const stss = places.get('stss');
  if (places.has('stz2'))
    throw new UnsupportedMediaError('MP4: compact sample sizes (stz2) are not supported');
  return {
    sizes: parseBox('stsz', bytes, need('stsz')).sample_sizes,
    stts: parseBox('stts', bytes, need('stts')),
    ctts: ctts === undefined ? undefined : parseBox('ctts', bytes, ctts),
    stsc: parseBox('stsc', bytes, need('stsc')),
    chunkOffsets:
      co64 === undefined
        ? parseBox('stco', bytes, need('stco')).chunk_offsets
        : parseBox('co64', bytes, co64).chunk_offsets,
    syncSamples: stss === undefined ? undefined : parseBox('stss', bytes, stss).sample_numbers,
  };
}

/** ISO/IEC 14496-12 §8.6.1, §8.7: all tables walked in step. */
function* iterateTables(tables: Tables): Generator<SampleInfo, void> {
  const durations = runs(tables.stts.sample_counts, tables.stts.sample_deltas);
  const compositions =
    tables.ctts === undefined ? undefined : runs(tables.ctts.sample_counts, tables.ctts.sample_offsets);
  const sync = tables.syncSamples === undefined ? undefined : new Set(tables.syncSamples);
  let sample = 0;
  let dts = 0;
  let run = 0;
  for (const [chunk, chunkOffset] of tables.chunkOffsets.entries()) {
    while ((tables.stsc.first_chunk[run + 1] ?? Infinity) <= chunk + 1) run++;
    const count = tables.stsc.samples_per_chunk[run] ?? 0;
    const descriptionIndex = tables.stsc.sample_description_index[run] ?? 1;
    let offset = chunkOffset;
    for (let i = 0; i < count && sample < tables.sizes.length; i++, sample++) {
      const size = tables.sizes[sample] ?? 0;
      const duration = next(durations);
      yield {
        offset,
        size,
        dts,
        duration,
        compositionOffset: compositions === undefined ? 0 : next(compositions),
        isSync: sync === undefined || sync.has(sample + 1),
        descriptionIndex,
      };
      dts += duration;
      offset += size;
    }
  }
}

function next(values: Generator<number, void>): number {
  const step = values.next();
  return step.done === true ? 0 : step.value;
}

function* runs(counts: readonly number[], values: readonly number[]): Generator<number, void> {
  for (const [index, count] of counts.entries()) {
    const value = values[index] ?? 0;
    for (let i = 0; i < count; i++) yield value;
  }
}
