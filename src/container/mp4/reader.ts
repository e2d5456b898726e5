import type { FileHandle } from 'node:fs/promises';
import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { openInput } from '../../base/input-file.js';
import type { AccessUnit, DecoderConfig } from '../../media/access-unit.js';
import { applyEdits, type AppliedEdits } from './edit-list.js';
import { fileBoxes, readBox } from './file-boxes.js';
import { readFragment } from './read-fragment.js';
import { readMovie, type ReadMovie, type ReadTrack } from './read-movie.js';
import type { SampleInfo } from './sample.js';
import { SampleReader } from './sample-reader.js';
import { UnitBuilder } from './unit-builder.js';

/** A track that {@link Mp4Reader.units} delivers: the first of its kind that is supported. */
export interface Mp4ReaderTrack {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Of its first sample entry. */
  readonly config: DecoderConfig;
}

/** A sample of a track where it lies in the file, and the unit that it makes. */
export interface LocatedSample {
  readonly kind: 'video' | 'audio';
  /** Ticks per second of its times. */
  readonly timescale: number;
  /** Added to its times by the edit list, in ticks. */
  readonly shift: number;
  readonly sample: SampleInfo;
  /**
   * @returns undefined when the sample holds no picture
   * @throws MalformedMediaError when the sample is damaged
   */
  build(): AccessUnit | undefined;
}

/**
 * Reads MP4 and QuickTime files, with tables or fragmented, by byte ranges: memory holds the tables and a window per
 * track, never the media.
 */
export class Mp4Reader {
  /** Tracks that are left out, and why. */
  readonly skipped: readonly { readonly id: number; readonly reason: string }[];
  readonly tracks: readonly Mp4ReaderTrack[];
  readonly #file: FileHandle;
  readonly #movie: ReadMovie;
  readonly #chosen: readonly ReadTrack[];

  private constructor(file: FileHandle, movie: ReadMovie) {
    this.#file = file;
    this.#movie = movie;
    this.#chosen = (['video', 'audio'] as const).flatMap(
      (kind) => movie.tracks.find((track) => track.kind === kind) ?? [],
    );
    this.tracks = this.#chosen.flatMap((track) => {
      const config = track.entries[0]?.config;
      return config === undefined ? [] : [{ id: track.id, kind: track.kind, config }];
    });
    const others = movie.tracks.filter((track) => !this.#chosen.includes(track));
    this.skipped = [
      ...movie.skipped,
      ...others.map((track) => ({ id: track.id, reason: `only the first track of ${track.kind} is read` })),
    ];
  }

  /**
   * @throws InvalidOptionError when the file cannot be opened
   * @throws MalformedMediaError when it is no MP4 or damaged
   * @throws UnsupportedMediaError when no track is H.264, AAC or Opus
   */
  static async open(path: string): Promise<Mp4Reader> {
    const file = await openInput(path);
    try {
      for await (const place of fileBoxes(file)) {
        if (place.type !== 'moov') continue;
        const reader = new Mp4Reader(file, readMovie(await readBox(file, place)));
        if (reader.tracks.length === 0) {
          const why = reader.skipped.map((track) => track.reason).join('; ');
          throw new UnsupportedMediaError(`${path}: no track can be read${why === '' ? '' : ` (${why})`}`);
        }
        return reader;
      }
      throw new MalformedMediaError(`${path}: expected a moov box, got none`);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * All units in decoding order across tracks, edit lists applied. Units with times below 0 are priming: to be decoded,
   * not presented. An interrupted recording ends with its last whole fragment.
   *
   * @throws MalformedMediaError when the file is damaged; UnsupportedMediaError when its edits rearrange the media
   */
  async *units(): AsyncGenerator<AccessUnit> {
    for await (const located of this.samples()) {
      const unit = located.build();
      if (unit !== undefined) yield unit;
    }
  }

  /**
   * What {@link units} delivers, with its place in the file, and one damaged sample leaving the others readable.
   *
   * @throws as {@link units} does for the boxes
   */
  async *samples(): AsyncGenerator<LocatedSample> {
    const { size } = await this.#file.stat();
    const sources = this.#chosen.map(
      (track) => new TrackSource(track, this.#movie, new SampleReader(this.#file, size)),
    );
    for (const source of sources) source.add(source.track.samples());
    yield* this.#merge(sources);
    if (!this.#movie.isFragmented) return;
    for await (const place of fileBoxes(this.#file)) {
      if (place.type !== 'moof') continue;
      await this.#addFragment(place, sources);
      // A moof's mdat may be the one that the interruption tore: samples outside the file end the track.
      yield* this.#merge(sources);
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #addFragment(
    place: { type: string; start: number; body: number; end: number },
    sources: readonly TrackSource[],
  ): Promise<void> {
    const runs = readFragment(await readBox(this.#file, place), {
      moofOffset: place.start,
      defaults: (id) => sources.find((source) => source.track.id === id)?.track.defaults,
      decodeTime: (id) => sources.find((source) => source.track.id === id)?.decodeTime ?? 0,
    });
    for (const run of runs) {
      sources.find((source) => source.track.id === run.trackId)?.add(run.samples.values());
    }
  }

  /** Always the source whose next sample is decoded first. */
  async *#merge(sources: readonly TrackSource[]): AsyncGenerator<LocatedSample> {
    for (;;) {
      let first: TrackSource | undefined;
      for (const source of sources) {
        const time = source.nextTime;
        if (time !== undefined && (first?.nextTime === undefined || time < first.nextTime)) first = source;
      }
      if (first === undefined) return;
      const located = await first.take();
      if (located !== undefined) yield located;
    }
  }
}

/** Times further away (317 years) are damage; all within fit every timescale of ours. */
const MAX_SECONDS = 1e10;

/** The samples of one track that are known and not yet delivered. */
class TrackSource {
  readonly track: ReadTrack;
  decodeTime = 0;
  readonly #edits: AppliedEdits;
  readonly #reader: SampleReader;
  readonly #builder: UnitBuilder;
  readonly #isFragmented: boolean;
  #samples: Iterator<SampleInfo, void>[] = [];
  #next: SampleInfo | undefined;

  constructor(track: ReadTrack, movie: ReadMovie, reader: SampleReader) {
    this.track = track;
    this.#edits = applyEdits(track, movie);
    this.#reader = reader;
    this.#builder = new UnitBuilder(track, this.#edits);
    this.#isFragmented = movie.isFragmented;
  }

  add(samples: Iterator<SampleInfo, void>): void {
    this.#samples.push(samples);
    if (this.#next === undefined) this.#advance();
  }

  /** Decoding time of the next sample in seconds, for comparison only. */
  get nextTime(): number | undefined {
    return this.#next === undefined ? undefined : (this.#next.dts + this.#edits.shift) / this.track.timescale;
  }

  async take(): Promise<LocatedSample | undefined> {
    const sample = this.#next;
    if (sample === undefined) return undefined;
    this.#checkTimes(sample);
    this.decodeTime = sample.dts + sample.duration;
    this.#advance();
    // Pictures may be references of earlier ones until decoding has passed the end.
    const offset = this.track.kind === 'audio' ? sample.compositionOffset : 0;
    const end = this.#edits.end ?? Infinity;
    if (sample.dts + offset + this.#edits.shift >= end) return undefined;
    if (this.#isFragmented && !this.#reader.isInFile(sample)) return undefined;
    const data = await this.#reader.read(sample);
    const { kind, timescale } = this.track;
    const build = (): AccessUnit | undefined => this.#builder.build(sample, data);
    return { kind, timescale, shift: this.#edits.shift, sample, build };
  }

  #checkTimes(sample: SampleInfo): void {
    const { dts, compositionOffset } = sample;
    const { id, timescale } = this.track;
    const ticks = Math.abs(dts) + Math.abs(compositionOffset) + Math.abs(this.#edits.shift);
    if (ticks <= MAX_SECONDS * timescale) return;
    throw new MalformedMediaError(`MP4 track ${id}: impossible time ${ticks}/${timescale} s`, {
      offset: sample.offset,
    });
  }

  #advance(): void {
    this.#next = undefined;
    while (this.#next === undefined) {
      const [source] = this.#samples;
      if (source === undefined) return;
      const step = source.next();
      if (step.done === true) this.#samples.shift();
      else this.#next = step.value;
    }
  }
}
