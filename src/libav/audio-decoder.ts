import { AV_CODEC_ID_AAC, AV_SAMPLE_FMT_FLT, FF_DECODER_LIBOPUS } from 'node-av/constants';
import { Codec, CodecContext, Rational, type Frame, type Packet } from 'node-av/lib';
import { sameConfig, type AudioConfig, type AudioUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import { SampleReader } from './audio-samples.js';
import { check, nativeLayout, newFrame, newPacket } from './native.js';
import { OutputTimeline, type DecodedRun } from './output-timeline.js';

export interface AudioDecoderOptions {
  /** Of the PCM put out, whatever the units hold. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Whether the next unit may overwrite a block, which spares an array for every channel of it; AAC only. */
  readonly reuse?: boolean;
}

export interface AudioDecoderStats {
  units: number;
  /** Units that libav refused, or that decoded to something else than their configuration says. */
  errors: number;
  /** Samples at the units' own rate that were made up for lost Opus packets and damaged units. */
  concealedSamples: number;
}

/** Beyond this the stream was interrupted: the hole is left to the caller. 120 ms, six packets of 20 ms. */
const MAX_CONCEALED_SECONDS = 0.12;

/**
 * AAC and Opus units to PCM of one rate and channel count. Lost Opus packets are seen by the gap in `pts` and filled by
 * libopus' own concealment; a damaged unit becomes silence of its length. Nothing in a unit makes it throw.
 */
export class AudioDecoder {
  readonly stats: AudioDecoderStats = { units: 0, errors: 0, concealedSamples: 0 };
  readonly #timeline: OutputTimeline;
  readonly #packet: Packet;
  readonly #frame: Frame;
  readonly #samples = new SampleReader();
  readonly #reuse: boolean;
  #context: CodecContext | undefined;
  #config: AudioConfig | undefined;
  #lastToc: number | undefined;
  #expectedPts: number | undefined;
  #closed = false;

  static open(options: AudioDecoderOptions): AudioDecoder {
    return new AudioDecoder(options);
  }

  private constructor(options: AudioDecoderOptions) {
    this.#timeline = new OutputTimeline(options);
    this.#reuse = options.reuse ?? false;
    this.#packet = newPacket();
    this.#frame = newFrame();
  }

  /**
   * @returns the PCM of the unit, preceded by what was concealed in front of it; its `pts` is the unit's on the output
   *   rate. `undefined` when nothing came out (a first unit inside the resampler, an unusable configuration).
   */
  decode(unit: AudioUnit): PcmBlock | undefined {
    if (this.#closed) return undefined;
    this.stats.units++;
    if (this.#config === undefined || !sameConfig(this.#config, unit.config)) {
      if (!this.#reopen(unit.config)) return undefined;
    }
    const config = unit.config;
    const pieces: DecodedRun[] = config.codec === 'opus' ? [...this.#concealGap(unit)] : [];
    const decoded = this.#decodeData(unit.data, config);
    if (decoded === undefined) {
      this.stats.errors++;
      pieces.push(this.#substitute(unit.durationSamples, config));
    } else {
      pieces.push(decoded);
    }
    const concealed = this.#expectedPts !== undefined && pieces.length > 1;
    const startPts = concealed ? this.#expectedPts! : unit.pts;
    this.#expectedPts = unit.pts + unit.durationSamples;
    if (config.codec === 'opus' && unit.data.length > 1) this.#lastToc = unit.data[0];
    return this.#timeline.put(pieces, startPts, config.sampleRate);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#dropContext();
    this.#timeline.close();
    this.#samples.close();
    this.#packet.free();
    this.#frame.free();
  }

  /** One packet of nothing but its first byte makes libopus conceal a frame (RFC 6716 §4.4). */
  *#concealGap(unit: AudioUnit): Generator<DecodedRun> {
    const toc = this.#lastToc;
    if (toc === undefined || this.#expectedPts === undefined) return;
    const gap = unit.pts - this.#expectedPts;
    if (gap <= 0 || gap > MAX_CONCEALED_SECONDS * unit.config.sampleRate) return;
    const emptyFrame = Buffer.from([toc & 0xfc]);
    let left = gap;
    while (left > 0) {
      const piece = this.#decodeData(emptyFrame, unit.config);
      const made = piece?.channels[0]?.length ?? 0;
      if (piece === undefined || made === 0 || made > left) break;
      left -= made;
      this.stats.concealedSamples += made;
      yield piece;
    }
    if (left > 0) yield this.#substitute(left, unit.config);
  }

  #substitute(samples: number, config: AudioConfig): DecodedRun {
    this.stats.concealedSamples += samples;
    const count = Math.max(1, config.channels);
    return {
      sampleRate: config.sampleRate,
      channels: Array.from({ length: count }, () => new Float32Array(samples)),
    };
  }

  #decodeData(data: Buffer, config: AudioConfig): DecodedRun | undefined {
    const context = this.#context;
    if (context === undefined || data.length === 0) return undefined;
    this.#packet.data = data;
    const sent = context.sendPacketSync(this.#packet);
    this.#packet.unref();
    if (sent < 0) return undefined;
    let piece: DecodedRun | undefined;
    while (context.receiveFrameSync(this.#frame) >= 0) {
      const { sampleRate } = this.#frame;
      // Damaged AAC decodes to any number of channels; HE-AAC really gives twice the rate, and stereo from mono.
      const expectedRate = sampleRate === config.sampleRate || sampleRate === 2 * config.sampleRate;
      const channels = this.#frame.channels;
      const expectedChannels = channels === config.channels || (config.channels === 1 && channels === 2);
      if (expectedRate && expectedChannels) {
        const samples = this.#samples.read(this.#frame, this.#reuse && config.codec === 'aac');
        if (samples !== undefined) piece = { sampleRate, channels: samples };
      }
      this.#frame.unref();
    }
    return piece;
  }

  #reopen(config: AudioConfig): boolean {
    this.#dropContext();
    const opus = config.codec === 'opus';
    const codec = opus ? Codec.findDecoderByName(FF_DECODER_LIBOPUS) : Codec.findDecoder(AV_CODEC_ID_AAC);
    if (codec === null || config.channels < 1 || config.channels > 8) {
      this.stats.errors++;
      return false;
    }
    const context = new CodecContext();
    context.allocContext3(codec);
    context.threadCount = 1;
    context.sampleRate = config.sampleRate;
    context.channelLayout = nativeLayout(config.channels);
    context.pktTimebase = new Rational(1, config.sampleRate);
    if (opus) context.setOption('request_sample_fmt', String(AV_SAMPLE_FMT_FLT));
    else context.extraData = config.asc;
    try {
      check(context.open2Sync(codec, null), 'audio decoder open');
    } catch {
      context.freeContext();
      this.stats.errors++;
      return false;
    }
    this.#context = context;
    this.#config = config;
    return true;
  }

  #dropContext(): void {
    this.#context?.freeContext();
    this.#context = undefined;
    this.#config = undefined;
    this.#lastToc = undefined;
    this.#expectedPts = undefined;
  }
}
