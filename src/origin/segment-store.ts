import type { Mp4Fragment } from '../container/mp4/fragmented-writer.js';
import { VIDEO_TIMESCALE } from '../media/timestamp.js';
import { renderMediaPlaylist, segmentDuration, type HlsPart, type HlsSegment } from './playlist.js';

export interface SegmentStoreOptions {
  /** Makes URIs differ from those of an earlier stream of the same name, which caches may hold. */
  readonly epoch: string;
  /** What the playlist promises; longer segments and parts raise it. */
  readonly segmentMs: number;
  readonly partMs: number;
  /** Complete segments that are listed. */
  readonly listedSegments: number;
  /** Bytes of media kept; beyond it the oldest segments go early. */
  readonly maxBytes: number;
}

interface StoredSegment extends HlsSegment {
  readonly parts: HlsPart[];
  readonly media: Buffer[];
  isComplete: boolean;
}

/** Segments that stay fetchable after they have left the playlist. */
const UNLISTED_SEGMENTS = 2;
/** Shorter than this a segment says little about the bitrate. */
const LEAST_RATED = VIDEO_TIMESCALE / 2;

/** Init segments, parts and segments of one stream by their URIs, and the playlist that lists them. */
export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  #segments: StoredSegment[] = [];
  readonly #inits = new Map<string, Buffer>();
  #currentInit = '';
  #initCount = 0;
  #partCount = 0;
  #msn = 0;
  #expiredDiscontinuities = 0;
  #isDiscontinuity = false;
  #isEnded = false;

  constructor(options: SegmentStoreOptions) {
    this.#options = options;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Nothing has been added yet. */
  get isEmpty(): boolean {
    return this.#partCount === 0;
  }

  /** At least one segment can be played. */
  get isReady(): boolean {
    return this.#segments.some((segment) => segment.isComplete);
  }

  /** Complete and incomplete ones, oldest first. */
  get segments(): readonly HlsSegment[] {
    return this.#segments;
  }

  /** The sequence number of the segment that is being made. */
  get nextMsn(): number {
    return this.#msn;
  }

  /** Of the busiest segment held. */
  get bandwidthBps(): number {
    const rates = this.#segments.map((segment) =>
      Math.ceil((8 * sizeOf(segment) * VIDEO_TIMESCALE) / Math.max(LEAST_RATED, segmentDuration(segment))),
    );
    return Math.max(1_000, ...rates);
  }

  /** What comes now needs this init segment. */
  addInit(init: Buffer): void {
    this.#currentInit = `${this.#options.epoch}-init-${this.#initCount++}.mp4`;
    this.#inits.set(this.#currentInit, init);
  }

  /** @param onAirMs when the part's first picture was on air, in ms since 1970; asked where a segment begins */
  addPart({ buffers, duration, isIndependent }: Mp4Fragment, onAirMs: () => number): void {
    const segment = this.#incomplete ?? this.#beginSegment(onAirMs());
    segment.parts.push({ uri: this.#partUri(this.#partCount++), duration, isIndependent });
    // One copy: units are views of network buffers, which would stay alive with them.
    segment.media.push(Buffer.concat(buffers));
  }

  /** @returns whether there was one to complete */
  completeSegment(): boolean {
    const segment = this.#incomplete;
    if (segment === undefined) return false;
    segment.isComplete = true;
    this.#msn++;
    this.#expire();
    return true;
  }

  /** The next part is of another timeline. */
  beginDiscontinuity(): void {
    this.#isDiscontinuity ||= this.#segments.length > 0;
  }

  /** The last segment is complete, and no more will come. */
  end(): void {
    this.#isEnded = true;
  }

  playlist(): string {
    const listed = this.#segments.slice(
      -(this.#options.listedSegments + (this.#incomplete === undefined ? 0 : 1)),
    );
    const before = this.#segments.slice(0, this.#segments.length - listed.length);
    // The tag of the first listed segment is not written: it counts as passed (§6.2.2).
    const passed = [...before, ...listed.slice(0, 1)].filter((segment) => segment.isDiscontinuity).length;
    return renderMediaPlaylist({
      segments: listed,
      discontinuitySequence: this.#expiredDiscontinuities + passed,
      segmentTarget: this.#options.segmentMs / 1_000,
      partTarget: this.#options.partMs / 1_000,
      nextPartUri: this.#partUri(this.#partCount),
      isEnded: this.#isEnded,
    });
  }

  /** Whether the playlist holds this segment, or this part of it. */
  has(msn: number, part: number | undefined): boolean {
    if (this.#isEnded) return true;
    const last = this.#segments.at(-1);
    if (last === undefined || last.msn < msn) return false;
    if (last.msn > msn || last.isComplete) return true;
    return part !== undefined && last.parts.length > part;
  }

  /** The next part's URI, which may be asked for before it is there. */
  isNextPart(uri: string): boolean {
    return !this.#isEnded && uri === this.#partUri(this.#partCount);
  }

  /** Bytes of an init segment, a part or a complete segment, in pieces. */
  resource(uri: string): readonly Buffer[] | undefined {
    const init = this.#inits.get(uri);
    if (init !== undefined) return [init];
    for (const segment of this.#segments) {
      if (segment.uri === uri) return segment.isComplete ? segment.media : undefined;
      const part = segment.parts.findIndex((one) => one.uri === uri);
      const media = segment.media[part];
      if (media !== undefined) return [media];
    }
    return undefined;
  }

  get #incomplete(): StoredSegment | undefined {
    const last = this.#segments.at(-1);
    return last?.isComplete === false ? last : undefined;
  }

  #beginSegment(programDateTimeMs: number): StoredSegment {
    const segment = {
      msn: this.#msn,
      uri: `${this.#options.epoch}-seg-${this.#msn}.m4s`,
      initUri: this.#currentInit,
      parts: [],
      media: [],
      isDiscontinuity: this.#isDiscontinuity,
      programDateTimeMs,
      isComplete: false,
    };
    this.#isDiscontinuity = false;
    this.#segments.push(segment);
    return segment;
  }

  #expire(): void {
    const { listedSegments, maxBytes } = this.#options;
    const bytes = (): number => this.#segments.reduce((sum, segment) => sum + sizeOf(segment), 0);
    const most = listedSegments + UNLISTED_SEGMENTS;
    while (this.#segments.length > most || (this.#segments.length > 3 && bytes() > maxBytes)) {
      const gone = this.#segments.shift();
      if (gone?.isDiscontinuity === true) this.#expiredDiscontinuities++;
    }
    const used = new Set(this.#segments.map((segment) => segment.initUri)).add(this.#currentInit);
    for (const uri of this.#inits.keys()) if (!used.has(uri)) this.#inits.delete(uri);
  }

  #partUri(index: number): string {
    return `${this.#options.epoch}-part-${index}.m4s`;
  }
}

function sizeOf({ media }: StoredSegment): number {
  return media.reduce((sum, part) => sum + part.length, 0);
}
