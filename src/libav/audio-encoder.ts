import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_S16 } from 'node-av/constants';
import type { AVSampleFormat } from 'node-av/constants';
import {
  Codec,
  CodecContext,
  CodecParameters,
  Rational,
  type ChannelLayout,
  type Frame,
  type Packet,
} from 'node-av/lib';
import { NativeError } from '../base/errors.js';
import { check, nativeLayout, newFrame, newPacket } from './native.js';

export interface AudioEncoderOptions {
  /** libav's name: `libfdk_aac`, `aac`, `libopus`. */
  readonly encoder: 'libfdk_aac' | 'aac' | 'libopus';
  readonly sampleFormat: 'float-planar' | 'int16';
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitrateBps: number;
  readonly options?: Readonly<Record<string, string>>;
}

/** An encoder of whole frames of PCM, the part that AAC and Opus share. Frames go in one by one, in order. */
export class AudioEncoder {
  readonly frameSamples: number;
  /** Leading samples that the encoder adds before the first one given (libav's `initial_padding`). */
  readonly initialPadding: number;
  readonly extraData: Buffer;
  readonly #channels: number;
  readonly #sampleRate: number;
  readonly #format: AVSampleFormat;
  readonly #layout: ChannelLayout;
  readonly #frame: Frame;
  readonly #packet: Packet;
  #context: CodecContext | undefined;
  #sent = 0;

  /** @throws NativeError when the encoder is missing or refuses the settings */
  static open(options: AudioEncoderOptions): AudioEncoder {
    return new AudioEncoder(options);
  }

  private constructor(options: AudioEncoderOptions) {
    const codec = Codec.findEncoderByName(options.encoder as Parameters<typeof Codec.findEncoderByName>[0]);
    if (codec === null) throw new NativeError(`libav has no encoder ${options.encoder}`);
    this.#channels = options.channels;
    this.#sampleRate = options.sampleRate;
    this.#format = options.sampleFormat === 'int16' ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLTP;
    this.#layout = nativeLayout(options.channels);
    const context = new CodecContext();
    context.allocContext3(codec);
    try {
      context.sampleRate = options.sampleRate;
      context.bitRate = BigInt(options.bitrateBps);
      context.channelLayout = this.#layout;
      context.sampleFormat = this.#format;
      context.timeBase = new Rational(1, options.sampleRate);
      context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
      for (const [name, value] of Object.entries(options.options ?? {})) {
        check(context.setOption(name, value), `${options.encoder} option ${name}`);
      }
      check(context.open2Sync(codec, null), `${options.encoder} open`);
      const parameters = new CodecParameters();
      parameters.alloc();
      check(parameters.fromContext(context), `${options.encoder} parameters`);
      this.initialPadding = parameters.initialPadding;
      parameters.free();
      this.extraData = Buffer.from(context.extraData ?? Buffer.alloc(0));
      this.frameSamples = context.frameSize;
    } catch (error) {
      context.freeContext();
      throw error;
    }
    this.#context = context;
    this.#frame = newFrame();
    this.#packet = newPacket();
  }

  /**
   * @param pcm one array per channel, each of exactly {@link frameSamples}
   * @returns the packets that became ready, in order; data copied out
   */
  encode(pcm: readonly Float32Array[]): Buffer[] {
    const context = this.#context;
    if (context === undefined) return [];
    if (pcm.length !== this.#channels || pcm.some((channel) => channel.length !== this.frameSamples)) {
      throw new NativeError(`encoder: expected ${this.#channels} channels of ${this.frameSamples} samples`);
    }
    const frame = this.#frame;
    frame.unref();
    frame.nbSamples = this.frameSamples;
    frame.format = this.#format;
    frame.sampleRate = this.#sampleRate;
    frame.channelLayout = this.#layout;
    check(frame.getBuffer(), 'audio frame buffer');
    frame.pts = BigInt(this.#sent);
    this.#sent += this.frameSamples;
    this.#fill(frame, pcm);
    const sent = context.sendFrameSync(frame);
    frame.unref();
    check(sent, 'audio encoder send');
    return this.#receive(context);
  }

  /** Ends the stream: the packets still inside. Nothing can be encoded afterwards. */
  flush(): Buffer[] {
    const context = this.#context;
    if (context === undefined) return [];
    context.sendFrameSync(null);
    const packets = this.#receive(context);
    this.close();
    return packets;
  }

  /** Idempotent. */
  close(): void {
    if (this.#context === undefined) return;
    this.#context.freeContext();
    this.#context = undefined;
    this.#frame.free();
    this.#packet.free();
  }

  #fill(frame: Frame, pcm: readonly Float32Array[]): void {
    const planes = frame.data;
    if (planes === null) throw new NativeError('audio frame without planes');
    const count = this.frameSamples;
    pcm.forEach((source, channel) => {
      if (this.#format === AV_SAMPLE_FMT_FLTP) {
        const plane = planes[channel]!;
        const target = new Float32Array(plane.buffer, plane.byteOffset, count);
        for (let i = 0; i < count; i++) target[i] = Number.isFinite(source[i]) ? source[i]! : 0;
        return;
      }
      const plane = planes[0]!;
      const target = new Int16Array(plane.buffer, plane.byteOffset, count * this.#channels);
      for (let i = 0, at = channel; i < count; i++, at += this.#channels) {
        const scaled = source[i]! * 32_767;
        // Storing cuts the fraction off, and makes 0 of NaN.
        if (scaled >= 32_767) target[at] = 32_767;
        else if (scaled <= -32_768) target[at] = -32_768;
        else target[at] = scaled + (scaled < 0 ? -0.5 : 0.5);
      }
    });
  }

  #receive(context: CodecContext): Buffer[] {
    const packets: Buffer[] = [];
    while (context.receivePacketSync(this.#packet) >= 0) {
      const { data } = this.#packet;
      if (data !== null) packets.push(data);
      this.#packet.unref();
    }
    return packets;
  }
}
