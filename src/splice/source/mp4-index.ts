import type { FileHandle } from 'node:fs/promises';
import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { openInput } from '../../base/input-file.js';
import { parseAsc } from '../../codec/aac/asc.js';
import { applyEdits } from '../../container/mp4/edit-list.js';
import { fileBoxes, readBox } from '../../container/mp4/file-boxes.js';
import { readFragment } from '../../container/mp4/read-fragment.js';
import { readMovie, type ReadMovie, type ReadTrack } from '../../container/mp4/read-movie.js';
import type { SampleInfo } from '../../container/mp4/sample.js';
import type { AudioConfig } from '../../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../../media/timestamp.js';
import {
  PictureColumns,
  RunBuilder,
  withLengthSize,
  type AudioIndex,
  type MediaIndex,
  type VideoIndex,
} from './media-index.js';

/**
 * Where the samples of an MP4 lie.
 *
 * @throws InvalidOptionError when it cannot be opened; MalformedMediaError when it is damaged or cut short;
 *   UnsupportedMediaError when there is no H.264 and no AAC in it, or its edits rearrange the media
 */
export async function indexMp4(path: string): Promise<MediaIndex> {
  const file = await openInput(path);
  try {
    const { movie, gapless } = await findMovie(file);
    const { size } = await file.stat();
    const video = movie.tracks.find(({ kind }) => kind === 'video');
    const audio = movie.tracks.find(
      ({ kind, entries }) => kind === 'audio' && entries[0]?.config.codec === 'aac',
    );
    const others = movie.tracks.filter(({ kind }) => kind === 'audio');
    if (audio === undefined && others.length + movie.skipped.length > 0) {
      throw new UnsupportedMediaError('MP4: expected AAC and H.264, got something else');
    }
    const fragments = movie.isFragmented ? await readFragments(file, movie) : new Map<number, SampleInfo[]>();
    const samplesOf = function* (track: ReadTrack): Generator<SampleInfo> {
      for (const samples of [iterate(track.samples()), fragments.get(track.id) ?? []]) {
        for (const sample of samples) {
          if (sample.offset >= 0 && sample.offset + sample.size <= size) yield sample;
          // The end of an interrupted recording is missing by nature, the end of a file with tables by accident.
          else if (!movie.isFragmented) {
            throw new MalformedMediaError(
              `MP4 ${track.kind}: expected ${sample.size} bytes of a sample, but the file ends after ${size} bytes`,
              { offset: sample.offset },
            );
          }
        }
      }
    };
    return {
      audio: audio && indexAudio(audio, movie, { samples: samplesOf(audio), gapless }),
      video: video && indexVideo(video, movie, samplesOf(video)),
    };
  } finally {
    await file.close();
  }
}

/** What Apple's encoders write in the place of an edit list: leading and trailing samples that are not presented. */
interface Gapless {
  readonly priming: number;
  readonly samples: number;
}

async function findMovie(file: FileHandle): Promise<{ movie: ReadMovie; gapless: Gapless | undefined }> {
  for await (const place of fileBoxes(file)) {
    if (place.type !== 'moov') continue;
    const bytes = await readBox(file, place);
    return { movie: readMovie(bytes), gapless: readGapless(bytes) };
  }
  throw new MalformedMediaError('MP4: expected a moov box, got none');
}

/** The iTunSMPB comment: ` 00000000 PRIMING PADDING SAMPLES …` in hexadecimal. */
function readGapless(moov: Buffer): Gapless | undefined {
  const at = moov.indexOf('iTunSMPB', 0, 'latin1');
  if (at === -1) return undefined;
  const text = moov.toString('latin1', at, at + 200);
  const match = / [0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{8} ([0-9A-F]{16})/i.exec(text);
  if (match === null) return undefined;
  return { priming: Number.parseInt(match[1] ?? '', 16), samples: Number.parseInt(match[2] ?? '', 16) };
}

async function readFragments(file: FileHandle, movie: ReadMovie): Promise<Map<number, SampleInfo[]>> {
  const found = new Map(movie.tracks.map((track) => [track.id, [] as SampleInfo[]]));
  for await (const place of fileBoxes(file)) {
    if (place.type !== 'moof') continue;
    const runs = readFragment(await readBox(file, place), {
      moofOffset: place.start,
      defaults: (id) => movie.tracks.find((track) => track.id === id)?.defaults,
      decodeTime: (id) => {
        const last = found.get(id)?.at(-1);
        return last === undefined ? 0 : last.dts + last.duration;
      },
    });
    for (const run of runs) found.get(run.trackId)?.push(...run.samples);
  }
  return found;
}

function* iterate(samples: Iterator<SampleInfo, void>): Generator<SampleInfo, void> {
  for (let step = samples.next(); step.done !== true; step = samples.next()) yield step.value;
}

function indexAudio(
  track: ReadTrack,
  movie: ReadMovie,
  found: { readonly samples: Iterable<SampleInfo>; readonly gapless: Gapless | undefined },
): AudioIndex | undefined {
  const config = track.entries[0]?.config;
  if (config?.codec !== 'aac') return undefined;
  const { frameLength } = parseAsc(config.asc);
  const rate = config.sampleRate;
  const scale = (time: number): number => rescale(time, track.timescale, rate);
  const edits = applyEdits(track, movie);
  const gapless = track.edits.length === 0 ? found.gapless : undefined;
  // Fragments may begin at any time; without an edit list the first one is when the sound begins.
  const builder = new RunBuilder({
    tolerance: track.timescale === rate ? 0 : Math.ceil(rate / track.timescale),
    frameLength,
  });
  for (const sample of found.samples) {
    if (sample.size === 0) continue;
    const entry = track.entries[sample.descriptionIndex - 1]?.config as AudioConfig | undefined;
    builder.add({
      config: entry ?? config,
      pts: scale(sample.dts + sample.compositionOffset + edits.shift) - (gapless?.priming ?? 0),
      offset: sample.offset,
      size: sample.size,
    });
  }
  const last = builder.runs.at(-1);
  if (last === undefined) return undefined;
  const end = last.origin + last.count * frameLength;
  const limit = gapless?.samples ?? (edits.end === undefined ? end : scale(edits.end));
  return {
    ...builder.columns,
    frameLength,
    runs: builder.runs,
    from: Math.max(0, builder.runs[0]?.origin ?? 0),
    to: Math.min(end, limit),
  };
}

function indexVideo(
  track: ReadTrack,
  movie: ReadMovie,
  samples: Iterable<SampleInfo>,
): VideoIndex | undefined {
  const edits = applyEdits(track, movie);
  const scale = (time: number): number => rescale(time, track.timescale, VIDEO_TIMESCALE);
  const configs = track.entries.flatMap(({ config, lengthSize }) =>
    config.codec === 'h264' ? [{ config: withLengthSize(config, lengthSize), lengthSize }] : [],
  );
  const pictures = new PictureColumns();
  let end = 0;
  for (const sample of samples) {
    const pts = scale(sample.dts + sample.compositionOffset + edits.shift);
    pictures.add({
      offset: sample.offset,
      size: sample.size,
      dts: Math.min(pts, scale(sample.dts + edits.shift)),
      pts,
      isSync: sample.isSync,
      config: Math.min(sample.descriptionIndex, configs.length) - 1,
    });
    end = Math.max(end, pts + scale(sample.duration));
  }
  if (pictures.length === 0) return undefined;
  const to = edits.end === undefined ? end : Math.min(end, scale(edits.end));
  return { ...pictures.columns, configs, to };
}
