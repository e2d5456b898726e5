import type { AudioUnit, OpusConfig } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import { rescale } from '../media/timestamp.js';
import { AudioEncoder } from './audio-encoder.js';
import { FrameAccumulator } from './frame-accumulator.js';
import { Resampler } from './resampler.js';

export interface OpusEncoderOptions {
  readonly channels: 1 | 2;
  readonly bitrateBps: number;
  /** Of the PCM that will be given; the packets are always 48 kHz. Default 48000. */
  readonly inputRate?: number;
}

const SAMPLE_RATE = 48_000;
const MAX_GAP_SAMPLES = 60 * SAMPLE_RATE;
/** PCM of another rate is converted in pieces of 10 ms, a whole number of samples at 44.1 and 48 kHz alike. */
const CONVERSIONS_PER_SECOND = 100;

/**
 * PCM to Opus packets of 20 ms (libopus). As with AAC, `unit.pts` is the true time of what the packet decodes to, in
 * samples at 48 kHz, so the first packet lies {@link delaySamples} before the first sample given.
 */
export class OpusEncoder {
  readonly config: OpusConfig;
  /** The encoder's look-ahead in samples (RFC 7845 §4.2, pre-skip). */
  readonly delaySamples: number;
  readonly #native: AudioEncoder;
  readonly #frames: FrameAccumulator;
  /** For PCM of another rate. */
  readonly #conversion: { readonly gathered: FrameAccumulator; readonly resampler: Resampler } | undefined;
  /** Time of the next converted sample at 48 kHz. */
  #convertedPts: number | undefined;
  #units = 0;

  /** @throws NativeError when libopus is missing or refuses the settings */
  static open(options: OpusEncoderOptions): OpusEncoder {
    return new OpusEncoder(options);
  }

  private constructor(options: OpusEncoderOptions) {
    this.config = { codec: 'opus', sampleRate: SAMPLE_RATE, channels: options.channels };
    this.#native = AudioEncoder.open({
      encoder: 'libopus',
      sampleFormat: 'int16',
      sampleRate: SAMPLE_RATE,
      channels: options.channels,
      bitrateBps: options.bitrateBps,
      options: { application: 'audio', frame_duration: '20' },
    });
    this.delaySamples = this.#native.initialPadding;
    this.#frames = new FrameAccumulator({
      frameSamples: this.#native.frameSamples,
      channels: options.channels,
      maxGapSamples: MAX_GAP_SAMPLES,
    });
    this.#conversion = openConversion(options);
  }

  /**
   * @param pcm at the input rate, any length; follows on the last block. Silence fills a gap, an overlap is dropped.
   * @throws InvalidStateError after a jump forward of more than a minute
   */
  encode(pcm: PcmBlock): AudioUnit[] {
    if (this.#conversion === undefined) return this.#encode(pcm);
    const { gathered, resampler } = this.#conversion;
    return gathered.push(pcm).flatMap((frame) => {
      this.#convertedPts ??= rescale(gathered.startPts ?? 0, pcm.sampleRate, SAMPLE_RATE);
      const pts = this.#convertedPts;
      const channels = resampler.convert(frame);
      this.#convertedPts += channels[0]?.length ?? 0;
      return this.#encode({ sampleRate: SAMPLE_RATE, pts, channels });
    });
  }

  #encode(pcm: PcmBlock): AudioUnit[] {
    const start = (): number => (this.#frames.startPts ?? 0) - this.delaySamples;
    const durationSamples = this.#native.frameSamples;
    return this.#frames
      .push(pcm)
      .flatMap((frame) => this.#native.encode(frame))
      .map((data) => ({
        kind: 'audio',
        config: this.config,
        pts: start() + this.#units++ * durationSamples,
        durationSamples,
        data,
      }));
  }

  /** Idempotent. */
  close(): void {
    this.#native.close();
    this.#conversion?.resampler.close();
  }
}

function openConversion({
  inputRate = SAMPLE_RATE,
  channels,
}: OpusEncoderOptions): { gathered: FrameAccumulator; resampler: Resampler } | undefined {
  if (inputRate === SAMPLE_RATE) return undefined;
  return {
    gathered: new FrameAccumulator({
      frameSamples: Math.round(inputRate / CONVERSIONS_PER_SECOND),
      channels,
      maxGapSamples: MAX_GAP_SAMPLES,
    }),
    resampler: Resampler.open({
      inputRate,
      inputChannels: channels,
      outputRate: SAMPLE_RATE,
      outputChannels: channels,
    }),
  };
}
