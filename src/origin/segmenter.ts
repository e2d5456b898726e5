import { EventEmitter } from 'node:events';
import { codecString } from '../codec/codec-string.js';
import { FragmentedMp4Writer } from '../container/mp4/fragmented-writer.js';
import { sameConfig, type AccessUnit, type DecoderConfig } from '../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { SegmentStore, type SegmentStoreOptions } from './segment-store.js';

/** Segments end with the first IDR from `segmentMs` on; parts are at most `partMs` long, unless one picture is longer. */
export interface SegmenterOptions extends SegmentStoreOptions {
  /** Wall clock in ms since 1970. */
  readonly wallMs: () => number;
}

interface SegmenterEvents {
  /** The playlist has changed. */
  changed: [];
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

const ms = (value: number): number => value * 90;

/** Program units → init segments, parts and segments in memory. */
export class HlsSegmenter extends EventEmitter<SegmenterEvents> {
  /** What has been made so far. */
  readonly store: SegmentStore;
  readonly #options: SegmenterOptions;
  #writer: FragmentedMp4Writer | undefined;
  #early: AccessUnit[] = [];
  #movieVersion = 0;
  #segmentStart = 0;
  #partStart = 0;
  #lastTime: number | undefined;
  #lastStep = 0;
  #audioConfig: DecoderConfig | undefined;
  #videoConfig: DecoderConfig | undefined;
  #wallOffsetMs: number | undefined;

  constructor(options: SegmenterOptions) {
    super();
    // One listener for each request that waits for the next part.
    this.setMaxListeners(0);
    this.#options = options;
    this.store = new SegmentStore(options);
  }

  get codecs(): string[] {
    return [this.#videoConfig, this.#audioConfig].flatMap((config) =>
      config === undefined ? [] : [codecString(config)],
    );
  }

  get size(): { readonly width: number; readonly height: number } | undefined {
    return this.#videoConfig?.codec === 'h264' ? this.#videoConfig : undefined;
  }

  write(unit: AccessUnit): void {
    if (this.store.isEnded) return;
    const time = timeOf(unit);
    if (this.#lastTime !== undefined && Math.abs(time - this.#lastTime) > ms(MAX_STEP_MS)) this.#startOver();
    if (this.#writer === undefined) this.#begin(unit);
    else this.#take(unit, this.#writer);
  }

  /** The stream is over: what is queued becomes the last segment. */
  end(): void {
    if (this.store.isEnded) return;
    this.#cut(undefined);
    this.#finishSegment();
    this.store.end();
    this.emit('changed');
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
      this.#audioConfig === undefined && this.store.isEmpty && elapsed < ms(AUDIO_WAIT_MS);
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
      this.store.addInit(writer.initSegment());
    }
    this.store.addPart(made, () => this.#wallTime(made.start));
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

  #finishSegment(): void {
    if (this.store.completeSegment()) this.emit('changed');
  }

  #startOver(): void {
    this.#cut(undefined);
    this.#finishSegment();
    this.#writer = undefined;
    this.#early = [];
    this.#lastTime = undefined;
    this.#wallOffsetMs = undefined;
    this.store.beginDiscontinuity();
  }
}

/** Decoding time in 1/90000 s. */
function timeOf(unit: AccessUnit): number {
  return unit.kind === 'video' ? unit.dts : rescale(unit.pts, unit.config.sampleRate, VIDEO_TIMESCALE);
}
