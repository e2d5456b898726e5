import { parseAsc, aacConfigFromAsc } from '../../codec/aac/asc.js';
import { parseAvcc, videoConfigFromParameterSets } from '../../codec/h264/avcc.js';
import { joinLengthPrefixed, NalType, nalType, splitLengthPrefixed } from '../../codec/h264/nal.js';
import { AnchorNetError, MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { sameConfig, type AacConfig, type AccessUnit, type VideoConfig } from '../../media/access-unit.js';
import { VIDEO_TIMESCALE } from '../../media/timestamp.js';
import { amfEntries, decodeAmf0, EcmaArray, type AmfObject } from './amf0.js';
import { parseAudioBody, parseVideoBody } from './body.js';
import { AacGrid, FlvMediaClock } from './media-clock.js';
import { TagType } from './tag.js';
import type { ReceivedTag } from './tag-reader.js';

const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;
const isSlice = (type: number): boolean => type >= NalType.slice && type <= NalType.idr;
/** What a unit never carries: its configuration does, or it says nothing to a decoder. */
const stripped: ReadonlySet<number> = new Set([
  NalType.sps,
  NalType.pps,
  NalType.accessUnitDelimiter,
  NalType.endOfSequence,
  NalType.endOfStream,
]);

export interface FlvReaderStats {
  /** Media that came before its sequence header, and left out. */
  readonly withoutHeader: number;
  /** Audio frames that repeated time already taken, and left out. */
  readonly overlapping: number;
  /** Holes in the audio. */
  readonly audioGaps: number;
  /** Times the publisher started its timestamps again. */
  readonly restarts: number;
}

/**
 * Tags → access units on one timeline that only grows: video in 1/90000 s from milliseconds, audio on its exact frame
 * grid. Units own their data.
 */
export class FlvUnitReader {
  readonly #clock = new FlvMediaClock();
  readonly #grid = new AacGrid();
  #video: { config: VideoConfig; lengthSize: number } | undefined;
  #audio: { config: AacConfig; frameLength: number } | undefined;
  #lastDts = -Infinity;
  #withoutHeader = 0;
  #overlapping = 0;
  #metadata: AmfObject = {};

  /** The newest `onMetaData`. */
  get metadata(): AmfObject {
    return this.#metadata;
  }

  get stats(): FlvReaderStats {
    return {
      withoutHeader: this.#withoutHeader,
      overlapping: this.#overlapping,
      audioGaps: this.#grid.gaps,
      restarts: this.#clock.restarts,
    };
  }

  /**
   * @returns the unit, or undefined for headers, metadata and what cannot be decoded yet
   * @throws MalformedMediaError when the body is damaged; the next tag can be read
   * @throws UnsupportedMediaError when the codec is none of H.264 and AAC
   */
  read(tag: ReceivedTag): AccessUnit | undefined {
    try {
      if (tag.type === TagType.video) return this.#readVideo(tag);
      if (tag.type === TagType.audio) return this.#readAudio(tag);
    } catch (error) {
      if (error instanceof MalformedMediaError || error instanceof UnsupportedMediaError) throw error;
      if (!(error instanceof AnchorNetError)) throw error;
      throw new MalformedMediaError(error.message, { cause: error });
    }
    this.#readScript(tag.body);
    return undefined;
  }

  #readVideo(tag: ReceivedTag): AccessUnit | undefined {
    const body = parseVideoBody(tag.body);
    if (body.kind === 'nothing') return undefined;
    if (body.kind === 'sequence-header') {
      if (body.avcc.length === 0) return undefined;
      const { lengthSize, sps, pps } = parseAvcc(body.avcc);
      this.#setVideo(videoConfigFromParameterSets(sps.map(copy), pps.map(copy)), lengthSize);
      return undefined;
    }
    if (this.#video === undefined) {
      this.#withoutHeader++;
      return undefined;
    }
    const nals = splitLengthPrefixed(body.data, this.#video.lengthSize);
    this.#takeParameterSets(nals);
    const kept = nals.filter((nal) => !stripped.has(nalType(nal)));
    if (!kept.some((nal) => isSlice(nalType(nal)))) return undefined;
    const decoding = this.#clock.timeMs('video', tag.timestamp) * TICKS_PER_MS;
    const presentation = decoding + body.compositionMs * TICKS_PER_MS;
    const dts = Math.max(Math.min(decoding, presentation), this.#lastDts + 1);
    this.#lastDts = dts;
    return {
      kind: 'video',
      config: this.#video.config,
      pts: Math.max(presentation, dts),
      dts,
      isIdr: kept.some((nal) => nalType(nal) === NalType.idr),
      data: joinLengthPrefixed(kept),
    };
  }

  #readAudio(tag: ReceivedTag): AccessUnit | undefined {
    const body = parseAudioBody(tag.body);
    if (body.kind === 'nothing') return undefined;
    if (body.kind === 'sequence-header') {
      if (body.asc.length > 0) this.#setAudio(copy(body.asc));
      return undefined;
    }
    if (this.#audio === undefined) {
      this.#withoutHeader++;
      return undefined;
    }
    const { config, frameLength } = this.#audio;
    const timeMs = this.#clock.timeMs('audio', tag.timestamp);
    const pts = this.#grid.place(timeMs, config.sampleRate, frameLength);
    if (pts === undefined) {
      this.#overlapping++;
      return undefined;
    }
    return { kind: 'audio', config, pts, durationSamples: frameLength, data: copy(body.data) };
  }

  /** Some encoders change resolution by parameter sets within the stream alone. */
  #takeParameterSets(nals: readonly Buffer[]): void {
    const sps = nals.filter((nal) => nalType(nal) === NalType.sps);
    if (sps.length === 0 || this.#video === undefined) return;
    const pps = nals.filter((nal) => nalType(nal) === NalType.pps);
    if (pps.length === 0) return;
    this.#setVideo(videoConfigFromParameterSets(sps.map(copy), pps.map(copy)), this.#video.lengthSize);
  }

  #setVideo(config: VideoConfig, lengthSize: number): void {
    const unchanged = this.#video !== undefined && sameConfig(this.#video.config, config);
    this.#video = { config: unchanged && this.#video ? this.#video.config : config, lengthSize };
  }

  #setAudio(asc: Buffer): void {
    const config = aacConfigFromAsc(asc);
    const former = this.#audio?.config;
    if (former !== undefined && sameConfig(former, config)) return;
    if (former !== undefined) this.#grid.changeRate(former.sampleRate, config.sampleRate);
    this.#audio = { config, frameLength: parseAsc(asc).frameLength };
  }

  #readScript(body: Buffer): void {
    const values = decodeAmf0(body);
    const name = values[0] === '@setDataFrame' ? values[1] : values[0];
    if (name !== 'onMetaData') return;
    const last = values.at(-1);
    if (last instanceof EcmaArray || (typeof last === 'object' && last !== null))
      this.#metadata = amfEntries(last);
  }
}

function copy(view: Buffer): Buffer {
  return Buffer.from(view);
}
