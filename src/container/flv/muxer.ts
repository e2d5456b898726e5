import { parseAvcc } from '../../codec/h264/avcc.js';
import { joinLengthPrefixed } from '../../codec/h264/nal.js';
import { MILLISECONDS, rescale, VIDEO_TIMESCALE } from '../../media/timestamp.js';
import { sameConfig, type AacConfig, type VideoConfig } from '../../media/access-unit.js';
import type { ProgramUnit } from '../../media/program-sink.js';
import { EcmaArray, encodeAmf0, type AmfObject } from './amf0.js';
import { aacFrame, aacSequenceHeader, avcPicture, avcSequenceHeader } from './body.js';
import { TagType, type FlvTag } from './tag.js';

/** Largest composition time of a tag, 24 bits signed. */
const MAX_COMPOSITION_MS = 2 ** 23 - 1;

export interface FlvMuxerOptions {
  /** The program time that becomes 0, in milliseconds; 0 by default. */
  readonly originMs?: number;
}

/** Decoding time of a unit in whole milliseconds, by rounding of its exact time: errors never add up. */
export function unitTimeMs(unit: ProgramUnit): number {
  return unit.kind === 'video'
    ? rescale(unit.dts, VIDEO_TIMESCALE, MILLISECONDS)
    : rescale(unit.pts, unit.config.sampleRate, MILLISECONDS);
}

/**
 * Units → tags. A sequence header goes before the first unit of each medium and wherever its configuration changes.
 * IDRs carry their parameter sets too: receivers that look at the first sequence header only (ffmpeg's parser among
 * them) then still follow a change.
 * Times are taken as they are, less the origin; they never step back within a medium and are never below 0.
 */
export class FlvMuxer {
  readonly #originMs: number;
  #video: VideoConfig | undefined;
  /** The parameter sets of `#video` as NAL units with their lengths. */
  #parameterSets: Buffer = Buffer.alloc(0);
  #audio: AacConfig | undefined;
  #lastVideoMs = 0;
  #lastAudioMs = 0;

  constructor(options: FlvMuxerOptions = {}) {
    this.#originMs = options.originMs ?? 0;
  }

  /** Sequence headers are due again: another receiver reads from here on. Times go on. */
  restart(): void {
    this.#video = undefined;
    this.#audio = undefined;
  }

  /** The unit's own tag last, new sequence headers before it. */
  tags(unit: ProgramUnit): FlvTag[] {
    const dtsMs = Math.max(0, unitTimeMs(unit) - this.#originMs);
    return unit.kind === 'video' ? this.#videoTags(unit, dtsMs) : this.#audioTags(unit, dtsMs);
  }

  #videoTags(unit: ProgramUnit & { kind: 'video' }, dtsMs: number): FlvTag[] {
    const timestampMs = (this.#lastVideoMs = Math.max(dtsMs, this.#lastVideoMs));
    const tags: FlvTag[] = [];
    if (this.#video === undefined || !sameConfig(this.#video, unit.config)) {
      tags.push(tag(TagType.video, timestampMs, avcSequenceHeader(unit.config.avcc), true));
      const { sps, pps } = parseAvcc(unit.config.avcc);
      this.#parameterSets = joinLengthPrefixed([...sps, ...pps]);
    }
    this.#video = unit.config;
    const ptsMs = rescale(unit.pts, VIDEO_TIMESCALE, MILLISECONDS) - this.#originMs;
    const compositionMs = Math.min(MAX_COMPOSITION_MS, Math.max(0, ptsMs - timestampMs));
    const data = unit.isIdr ? Buffer.concat([this.#parameterSets, unit.data]) : unit.data;
    tags.push(tag(TagType.video, timestampMs, avcPicture(unit.isIdr, compositionMs, data)));
    return tags;
  }

  #audioTags(unit: ProgramUnit & { kind: 'audio' }, dtsMs: number): FlvTag[] {
    const timestampMs = (this.#lastAudioMs = Math.max(dtsMs, this.#lastAudioMs));
    const tags: FlvTag[] = [];
    if (this.#audio === undefined || !sameConfig(this.#audio, unit.config)) {
      tags.push(tag(TagType.audio, timestampMs, aacSequenceHeader(unit.config.asc), true));
    }
    this.#audio = unit.config;
    tags.push(tag(TagType.audio, timestampMs, aacFrame(unit.data)));
    return tags;
  }
}

function tag(type: TagType, timestampMs: number, body: Buffer, isSequenceHeader = false): FlvTag {
  return { type, timestampMs, isSequenceHeader, body };
}

/** What `onMetaData` says of a program, as far as it is known when it is written. */
export interface FlvMetadata {
  readonly video?: VideoConfig | undefined;
  readonly audio?: AacConfig | undefined;
  /** Pictures per second. */
  readonly frameRate?: number | undefined;
}

/** The values of an `onMetaData` script tag (E.5). */
export function metadataValues(metadata: FlvMetadata): EcmaArray {
  const entries: AmfObject = {};
  if (metadata.video !== undefined) {
    entries['width'] = metadata.video.width;
    entries['height'] = metadata.video.height;
    entries['videocodecid'] = 7;
    if (metadata.frameRate !== undefined) entries['framerate'] = metadata.frameRate;
  }
  if (metadata.audio !== undefined) {
    entries['audiocodecid'] = 10;
    entries['audiosamplerate'] = metadata.audio.sampleRate;
    entries['audiosamplesize'] = 16;
    entries['audiochannels'] = metadata.audio.channels;
    entries['stereo'] = metadata.audio.channels === 2;
  }
  entries['encoder'] = 'AnchorNet';
  return new EcmaArray(entries);
}

/** A script tag for files and HTTP-FLV; RTMP wants `@setDataFrame` before it. */
export function metadataTag(metadata: FlvMetadata, timestampMs = 0): FlvTag {
  return tag(TagType.script, timestampMs, encodeAmf0(['onMetaData', metadataValues(metadata)]));
}
