import { parseAvcc } from '../../codec/h264/avcc.js';
import { joinLengthPrefixed } from '../../codec/h264/nal.js';
import type { AccessUnit, DecoderConfig, VideoConfig } from '../../media/access-unit.js';
import { sameConfig } from '../../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../../media/timestamp.js';
import { fragment, type FragmentRun, type FragmentSample } from './fragment.js';
import { fileType, fragmentedMovie, type Mp4Track } from './movie.js';

export interface FragmentedMp4WriterOptions {
  /**
   * What new parameter sets do. `add`: one more sample entry in the same movie, which a file wants. `replace`: the
   * sample entry is replaced in a new init segment, which players of segments want.
   */
  readonly newConfig: 'add' | 'replace';
  /** Subtracted from all times, in 1/90000 s. What would start before 0 after that is dropped. */
  readonly origin?: number;
  /**
   * Times are moved up by the first picture's reordering delay, which an edit list in the movie takes off again: so the
   * first picture is decoded at 0 or later and presented at its own time. Segment players ignore edit lists.
   */
  readonly editList?: boolean;
}

/** A finished moof and mdat. */
export interface Mp4Fragment {
  /** To be written one after the other; the media are views of the units' own buffers. */
  readonly buffers: readonly Buffer[];
  readonly byteLength: number;
  /** Of the video, of the audio when there is none, in 1/90000 s after the origin. */
  readonly start: number;
  /** In 1/90000 s. */
  readonly duration: number;
  /** Its first picture is an IDR, or it has none. */
  readonly isIndependent: boolean;
  /** Grows whenever a movie (or init segment) written before this fragment does not describe it. */
  readonly movieVersion: number;
}

interface Queued {
  readonly unit: AccessUnit;
  /** In the track's timescale. */
  readonly dts: number;
  readonly compositionOffset: number;
}

/** Fixed, so that a track that turns up late changes nothing of the other. */
const trackIds = { video: 1, audio: 2 } as const;

class Track {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
  configs: DecoderConfig[] = [];
  queue: Queued[] = [];
  lastDts = -1;
  lastDuration = 0;
  mediaTime: number | undefined;

  constructor(id: number, unit: AccessUnit) {
    this.id = id;
    this.kind = unit.kind;
    this.timescale = unit.kind === 'video' ? VIDEO_TIMESCALE : unit.config.sampleRate;
  }
}

/**
 * Access units → fragmented MP4 (ISO/IEC 14496-12 §8.8). Tracks appear with their first unit; the caller decides where
 * fragments end. Times are absolute: gaps stay gaps. A picture's duration reaches to the next one.
 */
export class FragmentedMp4Writer {
  readonly #options: FragmentedMp4WriterOptions;
  readonly #tracks: Track[] = [];
  #sequenceNumber = 0;
  #movieVersion = 0;
  #droppedUnits = 0;

  constructor(options: FragmentedMp4WriterOptions) {
    this.#options = options;
  }

  /** Of the fragment made last: what {@link movie} describes. */
  get movieVersion(): number {
    return this.#movieVersion;
  }

  /** Units that lay before the origin. */
  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  /** Video first. */
  get tracks(): readonly Mp4Track[] {
    return this.#tracks.filter((track) => track.configs.length > 0);
  }

  /** Whether a unit of this kind has been taken. */
  has(kind: AccessUnit['kind']): boolean {
    return this.#tracks.some((track) => track.kind === kind);
  }

  /** Bytes taken and not yet cut. */
  get queuedBytes(): number {
    return this.#tracks.reduce(
      (sum, track) => sum + track.queue.reduce((bytes, { unit }) => bytes + unit.data.length, 0),
      0,
    );
  }

  /** Takes a unit. Units of one kind come in decoding order; a decoding time that does not grow is moved up by 1. */
  write(unit: AccessUnit): void {
    const track = this.#trackOf(unit);
    const origin = this.#options.origin ?? 0;
    const { dts, pts } = times(unit, track.timescale);
    track.mediaTime ??= this.#options.editList === true ? pts - dts : 0;
    const shift = track.mediaTime - rescale(origin, VIDEO_TIMESCALE, track.timescale);
    if (dts + shift < 0) {
      this.#droppedUnits++;
      return;
    }
    const growing = Math.max(dts + shift, track.lastDts + 1);
    track.lastDts = growing;
    track.queue.push({ unit, dts: growing, compositionOffset: pts + shift - growing });
  }

  /**
   * Ends a fragment.
   *
   * @param before only units that are decoded before this time, 1/90000 s on the units' own timeline; all without it
   * @returns undefined when there is nothing to put into it
   */
  cut(before?: number): Mp4Fragment | undefined {
    const runs: FragmentRun[] = [];
    let lead: { start: number; duration: number; kind: string; isIndependent: boolean } | undefined;
    for (const track of this.#tracks) {
      const taken = this.#take(track, before);
      const [first] = taken;
      if (first === undefined) continue;
      const samples = durations(track, taken);
      const total = samples.reduce((sum, sample) => sum + sample.duration, 0);
      if (lead === undefined || track.kind === 'video') {
        lead = {
          kind: track.kind,
          start: rescale(first.dts, track.timescale, VIDEO_TIMESCALE),
          duration: rescale(total, track.timescale, VIDEO_TIMESCALE),
          isIndependent: samples[0]?.isSync === true,
        };
      }
      runs.push(...this.#runs(track, taken, samples));
    }
    if (lead === undefined) return undefined;
    const buffers = fragment(++this.#sequenceNumber, runs);
    return {
      buffers,
      byteLength: buffers.reduce((sum, buffer) => sum + buffer.length, 0),
      start: lead.start,
      duration: lead.duration,
      isIndependent: lead.isIndependent,
      movieVersion: this.#movieVersion,
    };
  }

  /** The moov that describes every fragment up to the last one cut. */
  movie(): Buffer {
    return fragmentedMovie(this.tracks);
  }

  /** `ftyp` and {@link movie}: an init segment. */
  initSegment(): Buffer {
    return Buffer.concat([fileType(['iso6', 'isom', 'avc1', 'mp41', 'cmfc']), this.movie()]);
  }

  #trackOf(unit: AccessUnit): Track {
    const known = this.#tracks.find((track) => track.kind === unit.kind);
    if (known !== undefined) return known;
    const track = new Track(trackIds[unit.kind], unit);
    this.#tracks.push(track);
    this.#tracks.sort((a, b) => a.id - b.id);
    return track;
  }

  #take(track: Track, before: number | undefined): Queued[] {
    if (before === undefined) return track.queue.splice(0);
    const count = track.queue.findIndex(
      ({ unit }) => rescale(times(unit, track.timescale).dts, track.timescale, VIDEO_TIMESCALE) >= before,
    );
    return track.queue.splice(0, count === -1 ? track.queue.length : count);
  }

  /** One run for each stretch of samples with one configuration. */
  #runs(track: Track, taken: readonly Queued[], samples: readonly FragmentSample[]): FragmentRun[] {
    const runs: (FragmentRun & { samples: FragmentSample[] })[] = [];
    let config: DecoderConfig | undefined;
    for (const [index, { unit, dts }] of taken.entries()) {
      const sample = samples[index];
      if (sample === undefined) continue;
      if (config === undefined || !sameConfig(config, unit.config)) {
        config = unit.config;
        const descriptionIndex = this.#describe(track, config);
        runs.push({ trackId: track.id, descriptionIndex, baseDecodeTime: dts, samples: [] });
      }
      const isAmbiguous = track.configs.length > 1 && unit.kind === 'video' && unit.isIdr;
      runs.at(-1)?.samples.push(isAmbiguous ? withParameterSets(sample, unit.config) : sample);
    }
    return runs;
  }

  #describe(track: Track, config: DecoderConfig): number {
    const known = track.configs.findIndex((one) => sameConfig(one, config));
    if (known !== -1) return known + 1;
    this.#movieVersion++;
    if (this.#options.newConfig === 'replace') track.configs = [];
    track.configs.push(config);
    return track.configs.length;
  }
}

/**
 * libavformat reads the sample description index of tables, but not that of fragments: where entries differ, IDRs
 * repeat their parameter sets, which every decoder takes.
 */
function withParameterSets(sample: FragmentSample, config: VideoConfig): FragmentSample {
  const { sps, pps } = parseAvcc(config.avcc);
  return { ...sample, data: Buffer.concat([joinLengthPrefixed([...sps, ...pps]), sample.data]) };
}

function times(unit: AccessUnit, timescale: number): { dts: number; pts: number } {
  if (unit.kind === 'video') return { dts: unit.dts, pts: unit.pts };
  const pts = rescale(unit.pts, unit.config.sampleRate, timescale);
  return { dts: pts, pts };
}

/** The samples of `taken`; the last one reaches to what is queued next, or is as long as its kind says. */
function durations(track: Track, taken: readonly Queued[]): FragmentSample[] {
  return taken.map((queued, index) => {
    const { unit } = queued;
    const next = taken[index + 1] ?? track.queue[0];
    const own =
      unit.kind === 'audio'
        ? rescale(unit.durationSamples, unit.config.sampleRate, track.timescale)
        : track.lastDuration;
    const duration = next === undefined ? Math.max(1, own) : next.dts - queued.dts;
    track.lastDuration = duration;
    return {
      data: unit.data,
      duration,
      compositionOffset: queued.compositionOffset,
      isSync: unit.kind === 'audio' || unit.isIdr,
    };
  });
}
