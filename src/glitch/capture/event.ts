import type { AudioUnit, VideoUnit } from '../../media/access-unit.js';
import type { PcmBlock } from '../../media/pcm.js';
import type { Medium } from '../finding.js';
import type { ReadVariant } from '../variant.js';

/** Where a unit was found. */
export interface UnitPlace {
  /** Counted from 0 in its track. */
  readonly index: number;
  /**
   * Of the unit's first byte (FLV: its tag's) in the input; undefined when another program has rewritten it, or it is
   * no row of bytes (RTMP, HLS).
   */
  readonly byteOffset: number | undefined;
}

/** The time that the container told, not mended in any way. */
export interface Stamp {
  /** Presentation and decoding time in ticks. */
  readonly pts: number;
  readonly dts: number;
  /** Ticks per second. */
  readonly timescale: number;
  /** The length that the container told, in ticks; FLV and ADTS tell none. */
  readonly duration?: number | undefined;
}

export interface AudioEvent {
  readonly type: 'audio';
  readonly place: UnitPlace;
  /** Undefined where the format has no times (ADTS): units follow each other. */
  readonly stamp: Stamp | undefined;
  /** Its `pts` is not to be trusted: the stamp is. */
  readonly unit: AudioUnit;
}

export interface VideoEvent {
  readonly type: 'video';
  readonly place: UnitPlace;
  readonly stamp: Stamp;
  readonly unit: VideoUnit;
}

/** PCM as it stands in the input (WAV). */
export interface PcmEvent {
  readonly type: 'pcm';
  readonly block: PcmBlock;
  readonly byteOffset: number;
  /** Bytes of one sample of all channels. */
  readonly blockBytes: number;
}

/** Something that could not be read. */
export interface DamageEvent {
  readonly type: 'damage';
  readonly medium: Medium;
  readonly place: UnitPlace;
  /** Bytes that were left out; 0 when it is not known. */
  readonly bytes: number;
  readonly message: string;
  /** Nothing after it can be read. */
  readonly fatal: boolean;
}

export type CaptureEvent = AudioEvent | VideoEvent | PcmEvent | DamageEvent;

/** An input as a stream of events in the order of its bytes. */
export interface Capture {
  /** `flv`, `mp4`, `adts`, `wav`; `http-flv`, `rtmp`, `hls`. */
  readonly format: string;
  /** Set when the input had to be rewritten by ffmpeg first: byte offsets are then unknown. */
  readonly rewritten: boolean;
  /** Set when the address offered several. */
  readonly variant?: ReadVariant | undefined;
  /** Expected length, for a progress bar; undefined when the format does not tell. */
  readonly bytes: number | undefined;
  /** Bytes read so far. */
  bytesRead(): number;
  events(): AsyncIterable<CaptureEvent>;
  /** Idempotent. */
  close(): Promise<void>;
}
