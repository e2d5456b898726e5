/**
 * What a program needs of the mixer and the encoders. The real ones are in `src/mix` and `src/libav`; the program
 * names only what it calls, so that its decisions can be tested on a virtual clock without pictures.
 */
import type { AacUnit, AudioUnit, VideoUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import type { PcmBlock } from '../media/pcm.js';
import type { Layout } from '../media/program-settings.js';

/** Whose media is in the program: the host's alone, or that of everybody on air. */
export type Who = 'host' | 'all';

export interface RenderVideoOptions {
  readonly forceIdr: boolean;
  readonly who: Who;
  /** The host is gone: its last picture dimmed, with this caption. */
  readonly slate?: { readonly caption: string };
}

/** One participant's decoders. Times become program times by adding the offset. */
export interface ProgramMixInput {
  /** @param ptsOffset added to `unit.pts`, in 1/90000 s */
  pushVideo(unit: VideoUnit, ptsOffset: number): void;
  /**
   * @param ptsOffset added to `unit.pts` once that is rescaled to the program rate, in samples at the program rate
   * @returns what it decoded to, to be read only; undefined when it did not decode
   */
  pushAudio(unit: AudioUnit, ptsOffset: number): PcmBlock | undefined;
  /** A new media session: decoders afresh, the last picture kept. */
  reset(): void;
  /** Program time of the newest decoded picture, in 1/90000 s. */
  readonly newestPicturePts: number | undefined;
  /** Program time up to which audio is decoded, in samples. */
  readonly audioEndPts: number | undefined;
  readonly stats: { readonly decodeErrors: number; readonly concealedSamples: number };
}

export interface ProgramMixer {
  addParticipant(id: string, settings: ParticipantSettings): ProgramMixInput;
  updateParticipant(id: string, settings: ParticipantSettings): void;
  removeParticipant(id: string): void;
  setLayout(layout: Layout): void;
  /** Decodes what is due up to `pts` without showing it, so that the first picture shown needs no burst of decoding. */
  advance(pts: number): void;
  /** Composes and encodes the picture of program time `pts` (1/90000 s). */
  renderVideo(pts: number, options: RenderVideoOptions): VideoUnit;
  /** The sound of [pts, pts + frames) in samples at the program rate. */
  renderAudio(pts: number, frames: number, who: Who): PcmBlock;
  close(): void;
}

export interface ProgramAacEncoder {
  /** @returns units of 1024 samples that became complete */
  encode(pcm: PcmBlock): AacUnit[];
  /** Samples by which the decoded sound comes later than it went in. */
  readonly delaySamples: number;
  close(): void;
}

export interface ProgramOpusEncoder {
  encode(pcm: PcmBlock): AudioUnit[];
  close(): void;
}
