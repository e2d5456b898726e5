import type { FileHandle } from 'node:fs/promises';
import { MalformedMediaError } from '../../base/errors.js';
import { fileBoxes, readBox } from './file-boxes.js';
import type { Mp4Track, SampleTables } from './movie.js';
import { readFragment } from './read-fragment.js';
import { readMovie, type ReadTrack } from './read-movie.js';
import type { SampleInfo } from './sample.js';

export interface CollectedMovie {
  readonly tracks: readonly { readonly track: Mp4Track; readonly tables: SampleTables }[];
  /** End of the last whole fragment, in bytes: what follows is torn. */
  readonly end: number;
}

/**
 * The sample tables of a file of fragments, from its moofs alone: a few hundred bytes are read per second of media.
 *
 * @throws MalformedMediaError when it is no fragmented MP4
 */
export async function collectTables(file: FileHandle): Promise<CollectedMovie> {
  let builders: TableBuilder[] | undefined;
  let pending: { builder: TableBuilder; samples: readonly SampleInfo[] }[] = [];
  let end = 0;
  for await (const place of fileBoxes(file)) {
    if (place.type === 'moov' && builders === undefined) {
      const movie = readMovie(await readBox(file, place));
      builders = movie.tracks.map((track) => new TableBuilder(track));
    } else if (place.type === 'moof') {
      const known = builders ?? [];
      const runs = readFragment(await readBox(file, place), {
        moofOffset: place.start,
        defaults: (id) => known.find((one) => one.track.id === id)?.track.defaults,
        decodeTime: (id) => known.find((one) => one.track.id === id)?.decodeTime ?? 0,
      });
      pending = runs.flatMap(({ trackId, samples }) => {
        const builder = known.find((one) => one.track.id === trackId);
        return builder === undefined ? [] : [{ builder, samples }];
      });
      continue; // counts once its mdat is whole
    } else if (place.type === 'mdat') {
      for (const { builder, samples } of pending) builder.addChunk(samples);
      pending = [];
    }
    end = place.end;
  }
  if (builders === undefined) throw new MalformedMediaError('MP4: expected a moov box, got none');
  return {
    tracks: builders
      .filter((one) => !one.isEmpty)
      .map((one) => ({ track: one.mp4Track(), tables: one.tables() })),
    end,
  };
}

type Run = [count: number, value: number];

class TableBuilder {
  readonly track: ReadTrack;
  decodeTime = 0;
  readonly #sizes: number[] = [];
  readonly #durations: Run[] = [];
  readonly #compositionOffsets: Run[] = [];
  readonly #syncSamples: number[] = [];
  readonly #chunks = { offsets: [] as number[], samples: [] as number[], descriptionIndices: [] as number[] };
  #startTime: number | undefined;

  constructor(track: ReadTrack) {
    this.track = track;
  }

  get isEmpty(): boolean {
    return this.#sizes.length === 0;
  }

  /** Samples that lie one after the other in the file. */
  addChunk(samples: readonly SampleInfo[]): void {
    const [first] = samples;
    if (first === undefined) return;
    if (this.#startTime === undefined) this.#startTime = first.dts;
    else this.#closeGap(first.dts);
    this.#chunks.offsets.push(first.offset);
    this.#chunks.samples.push(samples.length);
    this.#chunks.descriptionIndices.push(first.descriptionIndex);
    for (const sample of samples) {
      this.#sizes.push(sample.size);
      addToRuns(this.#durations, sample.duration);
      addToRuns(this.#compositionOffsets, sample.compositionOffset);
      if (sample.isSync) this.#syncSamples.push(this.#sizes.length);
      this.decodeTime = sample.dts + sample.duration;
    }
  }

  mp4Track(): Mp4Track {
    const { id, kind, timescale, entries } = this.track;
    const mediaTime = this.track.edits.find((edit) => edit.mediaTime >= 0)?.mediaTime;
    return { id, kind, timescale, configs: entries.map((entry) => entry.config), mediaTime };
  }

  tables(): SampleTables {
    return {
      sizes: this.#sizes,
      durations: this.#durations,
      compositionOffsets: this.#compositionOffsets,
      syncSamples: this.#syncSamples.length === this.#sizes.length ? undefined : this.#syncSamples,
      chunks: this.#chunks,
      duration: this.decodeTime - (this.#startTime ?? 0),
      startTime: this.#startTime ?? 0,
    };
  }

  /** Tables know no gaps: the last sample before one lasts until the next. */
  #closeGap(dts: number): void {
    const gap = dts - this.decodeTime;
    const last = this.#durations.at(-1);
    if (gap === 0 || last === undefined) return;
    const stretched = Math.max(0, last[1] + gap);
    if (last[0] === 1) this.#durations.pop();
    else last[0]--;
    addToRuns(this.#durations, stretched);
  }
}

function addToRuns(runs: Run[], value: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last[1] === value) last[0]++;
  else runs.push([1, value]);
}
