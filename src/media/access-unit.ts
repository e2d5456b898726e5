/**
 * The currency of the system: coded pictures and audio frames, each with the decoder configuration it needs.
 * A configuration object is shared by all units until it changes; compare with {@link sameConfig}.
 */

export interface VideoConfig {
  readonly codec: 'h264';
  /** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1. NAL lengths in units are always 4 bytes. */
  readonly avcc: Buffer;
  /** Size of the displayed picture in pixels, cropping applied. */
  readonly width: number;
  readonly height: number;
}

export interface AacConfig {
  readonly codec: 'aac';
  /** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1. */
  readonly asc: Buffer;
  /** Samples per second per channel; the timescale of its units. */
  readonly sampleRate: number;
  readonly channels: number;
}

export interface OpusConfig {
  readonly codec: 'opus';
  /** Always 48000 (RFC 7587 §4.1); the timescale of its units. */
  readonly sampleRate: 48_000;
  readonly channels: number;
}

export type AudioConfig = AacConfig | OpusConfig;
export type DecoderConfig = VideoConfig | AudioConfig;

/** One coded picture. */
export interface VideoUnit {
  readonly kind: 'video';
  readonly config: VideoConfig;
  /** Presentation and decoding time in 1/90000 s. `pts >= dts`. */
  readonly pts: number;
  readonly dts: number;
  /** An instantaneous decoding refresh: decoding can start here with `config` alone. */
  readonly isIdr: boolean;
  /** NAL units, each behind its length in 4 bytes, big-endian. No parameter sets and no access unit delimiters. */
  readonly data: Buffer;
}

/** One AAC raw_data_block or one Opus packet. */
export interface AudioUnit {
  readonly kind: 'audio';
  readonly config: AudioConfig;
  /** Presentation time in samples at `config.sampleRate`. */
  readonly pts: number;
  /** Length in samples per channel. */
  readonly durationSamples: number;
  readonly data: Buffer;
}

export type AccessUnit = VideoUnit | AudioUnit;

/** An audio unit of a program or an AAC publisher. */
export type AacUnit = AudioUnit & { readonly config: AacConfig };

/** Whether a decoder that was set up for `a` decodes units of `b` without new headers. */
export function sameConfig(a: DecoderConfig, b: DecoderConfig): boolean {
  if (a === b) return true;
  if (a.codec === 'h264') return b.codec === 'h264' && a.avcc.equals(b.avcc);
  if (a.codec === 'aac') return b.codec === 'aac' && a.asc.equals(b.asc);
  return b.codec === 'opus' && a.channels === b.channels;
}
