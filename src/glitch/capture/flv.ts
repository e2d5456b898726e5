import { parseAsc, aacConfigFromAsc } from '../../codec/aac/asc.js';
import { parseAvcc, videoConfigFromParameterSets } from '../../codec/h264/avcc.js';
import { joinLengthPrefixed, NalType, nalType, splitLengthPrefixed } from '../../codec/h264/nal.js';
import { AnchorNetError, MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { parseAudioBody, parseVideoBody } from '../../container/flv/body.js';
import {
  FILE_HEADER_BYTES,
  PREVIOUS_TAG_SIZE_BYTES,
  TAG_HEADER_BYTES,
  TagType,
} from '../../container/flv/tag.js';
import { FlvTagReader, type ReceivedTag } from '../../container/flv/tag-reader.js';
import { sameConfig, type AacConfig, type VideoConfig } from '../../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE, WrapUnwrapper } from '../../media/timestamp.js';
import type { CaptureEvent } from './event.js';

const MILLISECONDS = 1000;
/** First times this close below 2^32 are small negative ones, not 49 days of stream. */
const NEGATIVE_START_MS = 10_000;
const PIECE_BYTES = 1024;

/**
 * FLV bytes → events with the times as they were written: where {@link FlvUnitReader} mends gaps, overlaps and jumps,
 * these are what is looked for.
 */
export class FlvEvents {
  readonly #tags = new FlvTagReader();
  readonly #times = { audio: new WrapUnwrapper(32), video: new WrapUnwrapper(32) };
  readonly #started = { audio: false, video: false };
  readonly #counts = { audio: 0, video: 0 };
  #video: { config: VideoConfig; lengthSize: number } | undefined;
  #audio: { config: AacConfig; frameLength: number } | undefined;
  #offset: number | undefined;
  #pushed = 0;

  /** Bytes at the end of what was pushed that make no whole tag. */
  get pendingBytes(): number {
    return this.#tags.pendingBytes;
  }

  /** Where the next tag begins. */
  get byteOffset(): number {
    return this.#offset ?? 0;
  }

  /**
   * @throws MalformedMediaError when the bytes are no FLV, or no tag follows where one must
   * @throws UnsupportedMediaError when they are encrypted
   */
  *push(chunk: Buffer): Generator<CaptureEvent> {
    this.#offset ??= FILE_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES;
    // A longer header is legal; all in use are in the first chunk.
    if (this.#pushed === 0 && chunk.length >= FILE_HEADER_BYTES) {
      this.#offset = chunk.readUInt32BE(5) + PREVIOUS_TAG_SIZE_BYTES;
    }
    this.#pushed += chunk.length;
    // In pieces: the tags of a piece are lost when a later one in it cannot be read.
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      yield* this.#take(this.#tags.push(chunk.subarray(from, from + PIECE_BYTES)));
    }
  }

  *#take(tags: readonly ReceivedTag[]): Generator<CaptureEvent> {
    for (const tag of tags) {
      const at = this.byteOffset;
      this.#offset = at + TAG_HEADER_BYTES + tag.body.length + PREVIOUS_TAG_SIZE_BYTES;
      const event = this.#read(tag, at);
      if (event !== undefined) yield event;
    }
  }

  #read(tag: ReceivedTag, byteOffset: number): CaptureEvent | undefined {
    const medium = tag.type === TagType.audio ? 'audio' : 'video';
    try {
      if (tag.type === TagType.audio) return this.#readAudio(tag, byteOffset);
      if (tag.type === TagType.video) return this.#readVideo(tag, byteOffset);
      return undefined;
    } catch (error) {
      if (!(error instanceof AnchorNetError) || error instanceof UnsupportedMediaError) throw error;
      return {
        type: 'damage',
        medium,
        place: { index: this.#counts[medium]++, byteOffset },
        bytes: tag.body.length,
        message: error.message,
        fatal: false,
      };
    }
  }

  #time(medium: 'audio' | 'video', wire: number): number {
    const unwrapper = this.#times[medium];
    if (!this.#started[medium] && wire >= 2 ** 32 - NEGATIVE_START_MS) unwrapper.unwrap(0);
    this.#started[medium] = true;
    return unwrapper.unwrap(wire);
  }

  #readAudio(tag: ReceivedTag, byteOffset: number): CaptureEvent | undefined {
    const body = parseAudioBody(tag.body);
    if (body.kind === 'nothing') return undefined;
    if (body.kind === 'sequence-header') {
      if (body.asc.length === 0) return undefined;
      const config = aacConfigFromAsc(Buffer.from(body.asc));
      if (this.#audio === undefined || !sameConfig(this.#audio.config, config)) {
        this.#audio = { config, frameLength: parseAsc(config.asc).frameLength };
      }
      return undefined;
    }
    if (this.#audio === undefined) throw new MalformedMediaError('AAC frame before any sequence header');
    const { config, frameLength } = this.#audio;
    const pts = this.#time('audio', tag.timestamp);
    return {
      type: 'audio',
      place: { index: this.#counts.audio++, byteOffset },
      stamp: { pts, dts: pts, timescale: MILLISECONDS },
      unit: {
        kind: 'audio',
        config,
        pts: rescale(pts, MILLISECONDS, config.sampleRate),
        durationSamples: frameLength,
        data: Buffer.from(body.data),
      },
    };
  }

  #readVideo(tag: ReceivedTag, byteOffset: number): CaptureEvent | undefined {
    const body = parseVideoBody(tag.body);
    if (body.kind === 'nothing') return undefined;
    if (body.kind === 'sequence-header') {
      if (body.avcc.length === 0) return undefined;
      const { lengthSize, sps, pps } = parseAvcc(body.avcc);
      this.#setVideo(sps, pps, lengthSize);
      return undefined;
    }
    if (this.#video === undefined) throw new MalformedMediaError('picture before any sequence header');
    const { lengthSize } = this.#video;
    const nals = splitLengthPrefixed(body.data, lengthSize);
    const sps = nals.filter((nal) => nalType(nal) === NalType.sps);
    const pps = nals.filter((nal) => nalType(nal) === NalType.pps);
    if (sps.length > 0 && pps.length > 0) this.#setVideo(sps, pps, lengthSize);
    const kept = nals.filter((nal) => {
      const type = nalType(nal);
      return type !== NalType.sps && type !== NalType.pps && type !== NalType.accessUnitDelimiter;
    });
    if (!kept.some((nal) => nalType(nal) >= NalType.slice && nalType(nal) <= NalType.idr)) return undefined;
    const dts = this.#time('video', tag.timestamp);
    const pts = dts + body.compositionMs;
    return {
      type: 'video',
      place: { index: this.#counts.video++, byteOffset },
      stamp: { pts, dts, timescale: MILLISECONDS },
      unit: {
        kind: 'video',
        config: this.#video.config,
        pts: rescale(pts, MILLISECONDS, VIDEO_TIMESCALE),
        dts: rescale(Math.min(dts, pts), MILLISECONDS, VIDEO_TIMESCALE),
        isIdr: kept.some((nal) => nalType(nal) === NalType.idr),
        data: joinLengthPrefixed(kept),
      },
    };
  }

  #setVideo(sps: readonly Buffer[], pps: readonly Buffer[], lengthSize: number): void {
    const copy = (nal: Buffer): Buffer => Buffer.from(nal);
    const config = videoConfigFromParameterSets(sps.map(copy), pps.map(copy));
    const kept = this.#video !== undefined && sameConfig(this.#video.config, config);
    this.#video = { config: kept ? this.#video!.config : config, lengthSize };
  }
}
