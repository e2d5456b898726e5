import { EventEmitter } from 'node:events';
import { codecString } from '../codec/codec-string.js';
import { FragmentedMp4Writer } from '../container/mp4/fragmented-writer.js';
import { sameConfig, type AccessUnit, type DecoderConfig } from '../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { renderMediaPlaylist, segmentDuration, type HlsPart, type HlsSegment } from './playlist.js';

export interface SegmenterOptions {
  /** Makes URIs differ from those of an earlier stream of the same name, which caches may hold. */
  readonly epoch: string;
  /** Segments end with the first IDR from here on. */
  readonly segmentMs: number;
  /** Parts are at most this long, unless a single picture is longer. */
  readonly partMs: number;
  /** Complete segments that are listed. */
  readonly listedSegments: number;
  /** Bytes of media kept; beyond it the oldest segments go early. */
  readonly maxBytes: number;
  /** Wall clock in ms since 1970. */
  readonly wallMs: () => number;
}

interface SegmenterEvents {
  /** The playlist has changed. */
  changed: [];
}

interface StoredSegment extends HlsSegment {
  readonly parts: HlsPart[];
  readonly media: Buffer[];
  readonly start: number;
  isComplete: boolean;
}

/** Without an IDR for so long a segment ends anyway, or it would fill the memory. */
const MAX_SEGMENT_MS = 10_000;
/** An IDR this much earlier than the target still ends a segment: encoders' intervals are not exact. */
const EARLY_MS = 200;
/** How long the first part waits for audio, so that the first init segment holds both tracks. */
const AUDIO_WAIT_MS = 1_000;
/** A stream without pictures starts after this much audio. */
const VIDEO_WAIT_MS = 2_000;
/** A step of the timeline beyond this is a new timeline. */
const MAX_STEP_MS = 10_000;
/** Segments that stay fetchable after they have left the playlist. */
const UNLISTED_SEGMENTS = 2;

const ms = (value: number): number => value * 90;

/** Program units → init segments, parts and segments in memory, and the playlist that lists them. */
export class HlsSegmenter extends EventEmitter<SegmenterEvents> {
  readonly #options: SegmenterOptions;
  #writer: FragmentedMp4Writer | undefined;
  #early: AccessUnit[] = [];
  #segments: StoredSegment[] = [];
  readonly #inits = new Map<string, Buffer>();
  #currentInit = '';
  #movieVersion = 0;
  #initCount = 0;
  #partCount = 0;
  #msn = 0;
  #expiredDiscontinuities = 0;
  #isDiscontinuity = false;
  #segmentStart = 0;
  #partStart = 0;
  #lastTime: number | undefined;
  #lastStep = 0;
  #audioConfig: DecoderConfig | undefined;
  #videoConfig: DecoderConfig | undefined;
  #wallOffsetMs: number | undefined;
  #isEnded = false;

  constructor(options: SegmenterOptions) {
    super();
    // One listener for each request that waits for the next part.
    this.setMaxListeners(0);
    this.#options = options;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Complete and incomplete ones, oldest first. */
  get segments(): readonly HlsSegment[] {
    return this.#segments;
  }

  /** At least one segment can be played. */
  get isReady(): boolean {
    return this.#segments.some((segment) => segment.isComplete);
  }

  get codecs(): string[] {
    return [this.#videoConfig, this.#audioConfig].flatMap((config) =>
      config === undefined ? [] : [codecString(config)],
    );
  }

  get size(): { readonly width: number; readonly height: number } | undefined {
    return this.#videoConfig?.codec === 'h264' ? this.#videoConfig : undefined;
  }

  /** Of the busiest segment held. */
  get bandwidthBps(): number {
    const rates = this.#segments.map((segment) => {
      const bits = 8 * segment.media.reduce((sum, part) => sum + part.length, 0);
      return Math.ceil((bits * VIDEO_TIMESCALE) / Math.max(ms(500), segmentDuration(segment)));
    });
    return Math.max(1_000, ...rates);
  }

  write(unit: AccessUnit): void {
    if (this.#isEnded) return;
    const time = timeOf(unit);
    if (this.#lastTime !== undefined && Math.abs(time - this.#lastTime) > ms(MAX_STEP_MS)) this.#startOver();
    if (this.#writer === undefined) this.#begin(unit);
    else this.#take(unit, this.#writer);
  }

  /** The stream is over: what is queued becomes the last segment. */
  end(): void {
    if (this.#isEnded) return;
    this.#cut(undefined);
    this.#finishSegment();
    this.#isEnded = true;
    this.emit('changed');
  }

  playlist(): string {
    const listed = this.#listed();
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

  /** The sequence number of the segment that is being made. */
  get nextMsn(): number {
    return this.#msn;
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

  #begin(unit: AccessUnit): void {
    this.#early.push(unit);
    const [first] = this.#early;
    const waited = first === undefined ? 0 : timeOf(unit) - timeOf(first);
    if (unit.kind === 'video' ? !unit.isIdr : waited < ms(VIDEO_WAIT_MS)) {
      if (unit.kind === 'video') this.#early.pop();
      return;
    }
    const start = unit.kind === 'video' ? timeOf(unit) : timeOf(first ?? unit);
    this.#writer = new FragmentedMp4Writer({ newConfig: 'replace' });
    this.#movieVersion = 0;
    this.#segmentStart = this.#partStart = start;
    // Audio from just before the picture would only delay it.
    const kept = this.#early.filter((early) => timeOf(early) >= start);
    this.#early = [];
    for (const early of kept) this.#take(early, this.#writer);
  }

  #take(unit: AccessUnit, writer: FragmentedMp4Writer): void {
    const time = timeOf(unit);
    const leads = unit.kind === 'video' || !writer.has('video');
    const known = unit.kind === 'video' ? this.#videoConfig : this.#audioConfig;
    const isNewConfig = known !== undefined && !sameConfig(known, unit.config);
    if (isNewConfig && unit.kind === 'audio') {
      this.#cut(undefined);
      this.#finishSegment();
    }
    if (unit.kind === 'video') this.#videoConfig = unit.config;
    else this.#audioConfig = unit.config;
    writer.write(unit);
    if (!leads) return;
    this.#pace(unit, { time, isNewConfig });
    if (this.#lastTime !== undefined) this.#lastStep = Math.max(0, time - this.#lastTime);
    this.#lastTime = time;
  }

  /** Ends a part or a segment before `unit`, where it is time. */
  #pace(unit: AccessUnit, at: { readonly time: number; readonly isNewConfig: boolean }): void {
    const { segmentMs, partMs } = this.#options;
    const elapsed = at.time - this.#segmentStart;
    const isStart = unit.kind === 'audio' || unit.isIdr;
    const isDue = elapsed >= ms(segmentMs - EARLY_MS) || (at.isNewConfig && elapsed > 0);
    if ((isStart && isDue) || elapsed >= ms(MAX_SEGMENT_MS)) {
      this.#cut(at.time);
      this.#finishSegment();
      this.#segmentStart = this.#partStart = at.time;
      return;
    }
    const partElapsed = at.time - this.#partStart;
    const waitsForAudio =
      this.#audioConfig === undefined && this.#partCount === 0 && elapsed < ms(AUDIO_WAIT_MS);
    if (partElapsed > 0 && partElapsed + this.#lastStep > ms(partMs) && !waitsForAudio) {
      this.#cut(at.time);
      this.#partStart = at.time;
    }
  }

  #cut(before: number | undefined): void {
    const writer = this.#writer;
    const made = writer?.cut(before);
    if (writer === undefined || made === undefined) return;
    if (made.movieVersion !== this.#movieVersion) {
      this.#finishSegment();
      this.#movieVersion = made.movieVersion;
      this.#currentInit = `${this.#options.epoch}-init-${this.#initCount++}.mp4`;
      this.#inits.set(this.#currentInit, writer.initSegment());
    }
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.isComplete) {
      segment = {
        msn: this.#msn,
        uri: `${this.#options.epoch}-seg-${this.#msn}.m4s`,
        initUri: this.#currentInit,
        parts: [],
        media: [],
        start: made.start,
        isDiscontinuity: this.#isDiscontinuity,
        programDateTimeMs: this.#wallTime(made.start),
        isComplete: false,
      };
      this.#isDiscontinuity = false;
      this.#segments.push(segment);
    }
    segment.parts.push({
      uri: this.#partUri(this.#partCount++),
      duration: made.duration,
      isIndependent: made.isIndependent,
    });
    // One copy: units are views of network buffers, which would stay alive with them.
    segment.media.push(Buffer.concat(made.buffers));
    this.emit('changed');
  }

  #finishSegment(): void {
    const segment = this.#segments.at(-1);
    if (segment === undefined || segment.isComplete) return;
    segment.isComplete = true;
    this.#msn++;
    this.#expire();
    this.emit('changed');
  }

  /** The program's clock may drift from the wall's; a second is noticed by nobody, more is corrected. */
  #wallTime(start: number): number {
    const found = this.#options.wallMs() - start / 90;
    if (this.#wallOffsetMs === undefined || Math.abs(found - this.#wallOffsetMs) > 1_000) {
      this.#wallOffsetMs = found;
    }
    return Math.round(start / 90 + this.#wallOffsetMs);
  }

  #startOver(): void {
    this.#cut(undefined);
    this.#finishSegment();
    this.#writer = undefined;
    this.#early = [];
    this.#lastTime = undefined;
    this.#wallOffsetMs = undefined;
    if (this.#segments.length > 0 && !this.#isDiscontinuity) {
      this.#isDiscontinuity = true;
    }
  }

  #listed(): StoredSegment[] {
    const incomplete = this.#segments.at(-1)?.isComplete === false ? 1 : 0;
    return this.#segments.slice(-(this.#options.listedSegments + incomplete));
  }

  #expire(): void {
    const bytes = (): number =>
      this.#segments.reduce((sum, one) => sum + one.media.reduce((total, part) => total + part.length, 0), 0);
    const most = this.#options.listedSegments + UNLISTED_SEGMENTS;
    while (this.#segments.length > most || (this.#segments.length > 3 && bytes() > this.#options.maxBytes)) {
      const [gone] = this.#segments.splice(0, 1);
      if (gone?.isDiscontinuity === true) this.#expiredDiscontinuities++;
    }
    const used = new Set(this.#segments.map((segment) => segment.initUri)).add(this.#currentInit);
    for (const uri of this.#inits.keys()) if (!used.has(uri)) this.#inits.delete(uri);
  }

  #partUri(index: number): string {
    return `${this.#options.epoch}-part-${index}.m4s`;
  }
}

/** Decoding time in 1/90000 s. */
function timeOf(unit: AccessUnit): number {
  return unit.kind === 'video' ? unit.dts : rescale(unit.pts, unit.config.sampleRate, VIDEO_TIMESCALE);
}
