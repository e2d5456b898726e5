import { MalformedMediaError } from '../../base/errors.js';
import { parseAsc } from '../../codec/aac/asc.js';
import { parseAvcc, videoConfigFromParameterSets } from '../../codec/h264/avcc.js';
import { joinLengthPrefixed, NalType, nalType, splitLengthPrefixed } from '../../codec/h264/nal.js';
import { opusPacketDuration } from '../../codec/opus/packet.js';
import { sameConfig, type AccessUnit, type AudioUnit, type VideoConfig } from '../../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../../media/timestamp.js';
import type { AppliedEdits } from './edit-list.js';
import type { ReadTrack } from './read-movie.js';
import type { SampleInfo } from './sample.js';

/** Samples of one track → access units on the movie's timeline. */
export class UnitBuilder {
  readonly #track: ReadTrack;
  readonly #shift: number;
  #video: { index: number; config: VideoConfig } | undefined;
  #audioEnd: number | undefined;

  constructor(track: ReadTrack, edits: AppliedEdits) {
    this.#track = track;
    this.#shift = edits.shift;
  }

  /**
   * @returns undefined when the sample holds no picture
   * @throws MalformedMediaError when the sample is damaged
   */
  build(sample: SampleInfo, data: Buffer): AccessUnit | undefined {
    const entry = this.#track.entries[sample.descriptionIndex - 1];
    if (entry === undefined) {
      throw new MalformedMediaError(
        `MP4 track ${this.#track.id}: expected one of ${this.#track.entries.length} sample entries, got ${sample.descriptionIndex}`,
        { offset: sample.offset },
      );
    }
    const { config } = entry;
    if (config.codec !== 'h264') return this.#audio(sample, { config, data });
    return this.#picture(sample, { config, nals: splitLengthPrefixed(data, entry.lengthSize) });
  }

  #picture(
    sample: SampleInfo,
    coded: { readonly config: VideoConfig; readonly nals: readonly Buffer[] },
  ): AccessUnit | undefined {
    const { sps, pps, rest } = sortNals(coded.nals);
    if (this.#video?.index !== sample.descriptionIndex) {
      this.#video = { index: sample.descriptionIndex, config: coded.config };
    }
    if (sps.length > 0) this.#video.config = inBand(this.#video.config, { sps, pps });
    if (!rest.some((nal) => nalType(nal) >= NalType.slice && nalType(nal) <= NalType.idr)) return undefined;
    const dts = sample.dts + this.#shift;
    const scale = (time: number): number => rescale(time, this.#track.timescale, VIDEO_TIMESCALE);
    return {
      kind: 'video',
      config: this.#video.config,
      pts: scale(dts + sample.compositionOffset),
      dts: Math.min(scale(dts), scale(dts + sample.compositionOffset)),
      isIdr: rest.some((nal) => nalType(nal) === NalType.idr),
      data: joinLengthPrefixed(rest),
    };
  }

  #audio(
    sample: SampleInfo,
    coded: { readonly config: AudioUnit['config']; readonly data: Buffer },
  ): AudioUnit | undefined {
    const { config, data } = coded;
    if (data.length === 0) return undefined;
    const durationSamples =
      config.codec === 'aac' ? parseAsc(config.asc).frameLength : opusPacketDuration(data);
    const time = sample.dts + sample.compositionOffset + this.#shift;
    let pts = rescale(time, this.#track.timescale, config.sampleRate);
    // A timescale coarser than samples (QuickTime's 600, milliseconds) rounds: units that follow each other do so exactly.
    const tick = Math.ceil(config.sampleRate / this.#track.timescale);
    const expected = this.#audioEnd;
    if (tick > 1 && expected !== undefined && Math.abs(pts - expected) <= tick) pts = expected;
    this.#audioEnd = pts + durationSamples;
    return { kind: 'audio', config, pts, durationSamples, data };
  }
}

function sortNals(nals: readonly Buffer[]): { sps: Buffer[]; pps: Buffer[]; rest: Buffer[] } {
  const found = { sps: [] as Buffer[], pps: [] as Buffer[], rest: [] as Buffer[] };
  for (const nal of nals) {
    const type = nalType(nal);
    if (type === NalType.sps) found.sps.push(nal);
    else if (type === NalType.pps) found.pps.push(nal);
    else if (type !== NalType.accessUnitDelimiter && type !== NalType.filler) found.rest.push(nal);
  }
  return found;
}

/** Parameter sets among the samples (avc3, or writers that repeat them) take the place of the entry's. */
function inBand(config: VideoConfig, sets: { readonly sps: Buffer[]; readonly pps: Buffer[] }): VideoConfig {
  const pps = sets.pps.length > 0 ? sets.pps : parseAvcc(config.avcc).pps;
  const found = videoConfigFromParameterSets(sets.sps, pps);
  return sameConfig(found, config) ? config : found;
}
