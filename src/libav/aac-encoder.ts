import { InvalidOptionError, NativeError } from '../base/errors.js';
import { aacConfigFromAsc } from '../codec/aac/asc.js';
import type { AacConfig, AacUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import { AudioEncoder } from './audio-encoder.js';
import { FrameAccumulator } from './frame-accumulator.js';

export interface AacEncoderOptions {
  /** `libfdk_aac` where libav has it and it takes the format, unless one is asked for; `aac` is libav's own. */
  readonly encoder?: 'libfdk_aac' | 'aac';
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly bitrateBps: number;
  /** libav's own names and values, of the encoder that was asked for. */
  readonly options?: Readonly<Record<string, string>>;
}

/** The longest hole in the PCM that becomes silence. */
const MAX_GAP_SECONDS = 60;

/**
 * PCM to AAC-LC access units of 1024 samples.
 *
 * `unit.pts` is the true time of what the unit decodes to: a decoder that gets the units in order puts out, for the
 * unit at t, the samples given for [t, t + 1024). The encoder's delay therefore shows as pts before the first sample
 * given: the first unit is at P − {@link delaySamples}, and each following one exactly 1024 later. The first
 * `delaySamples / 1024` units hold only priming; drop them to start a program at P.
 */
export class AacEncoder {
  readonly encoder: 'libfdk_aac' | 'aac';
  readonly config: AacConfig;
  /** Leading samples that the encoder adds: 2048 for fdk, 1024 for libav's own. */
  readonly delaySamples: number;
  readonly #native: AudioEncoder;
  readonly #frames: FrameAccumulator;
  #units = 0;

  /**
   * @throws InvalidOptionError for a sample rate that AAC does not have
   * @throws NativeError when no AAC encoder opens
   */
  static open(options: AacEncoderOptions): AacEncoder {
    return new AacEncoder(options);
  }

  private constructor(options: AacEncoderOptions) {
    if (options.sampleRate < 8_000 || options.sampleRate > 96_000) {
      throw new InvalidOptionError(`AAC sample rate: expected 8000 to 96000, got ${options.sampleRate}`);
    }
    [this.encoder, this.#native] = openPreferred(options);
    this.config = aacConfigFromAsc(plainAsc(this.#native.extraData));
    this.delaySamples = this.#native.initialPadding;
    this.#frames = new FrameAccumulator({
      frameSamples: this.#native.frameSamples,
      channels: options.channels,
      maxGapSamples: MAX_GAP_SECONDS * options.sampleRate,
    });
  }

  /**
   * @param pcm any length at the encoder's rate; follows on the last block. Silence fills a gap, an overlap is dropped.
   * @throws InvalidStateError after a jump forward of more than a minute
   */
  encode(pcm: PcmBlock): AacUnit[] {
    return this.#frames.push(pcm).flatMap((frame) => this.#wrap(this.#native.encode(frame)));
  }

  /** Ends the stream: pads the last frame with silence and returns what the encoder still held, then closes. */
  flush(): AacUnit[] {
    const rest = this.#frames.takeRest();
    const last = rest === undefined ? [] : this.#wrap(this.#native.encode(rest));
    return [...last, ...this.#wrap(this.#native.flush())];
  }

  /** Idempotent. */
  close(): void {
    this.#native.close();
  }

  #wrap(packets: readonly Buffer[]): AacUnit[] {
    const start = (this.#frames.startPts ?? 0) - this.delaySamples;
    const durationSamples = this.#native.frameSamples;
    return packets.map((data) => ({
      kind: 'audio',
      config: this.config,
      pts: start + this.#units++ * durationSamples,
      durationSamples,
      data,
    }));
  }
}

function openPreferred(options: AacEncoderOptions): ['libfdk_aac' | 'aac', AudioEncoder] {
  const { sampleRate, channels, bitrateBps } = options;
  const open = (encoder: 'libfdk_aac' | 'aac'): AudioEncoder =>
    AudioEncoder.open({
      encoder,
      sampleFormat: encoder === 'libfdk_aac' ? 'int16' : 'float-planar',
      sampleRate,
      channels,
      bitrateBps,
      ...(options.options !== undefined && { options: options.options }),
    });
  if (options.encoder !== undefined) return [options.encoder, open(options.encoder)];
  try {
    return ['libfdk_aac', open('libfdk_aac')];
  } catch (error) {
    // A libav without fdk, or a rate or bitrate that fdk refuses.
    if (!(error instanceof NativeError)) throw error;
    return ['aac', open('aac')];
  }
}

/** libav's own encoder appends a "no SBR" extension to the two bytes that say everything. */
function plainAsc(extraData: Buffer): Buffer {
  const noSbrExtension = Buffer.from([0x56, 0xe5, 0x00]);
  const plain = extraData.length === 5 && extraData.subarray(2).equals(noSbrExtension);
  return plain ? extraData.subarray(0, 2) : extraData;
}
