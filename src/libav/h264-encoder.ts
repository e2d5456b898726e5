import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AVCHROMA_LOC_LEFT,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_TRC_BT709,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import { Codec, CodecContext, Rational, type Packet } from 'node-av/lib';
import { InternalError, NativeError } from '../base/errors.js';
import { videoConfigFromParameterSets } from '../codec/h264/avcc.js';
import { joinLengthPrefixed, nalType, NalType, splitAnnexB } from '../codec/h264/nal.js';
import type { VideoConfig, VideoUnit } from '../media/access-unit.js';
import { VIDEO_TIMESCALE } from '../media/timestamp.js';
import { check, newPacket } from './native.js';
import type { Surface } from './surface.js';

export interface H264EncoderOptions {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateBps: number;
  readonly preset: string;
  readonly keyframeIntervalMs: number;
  readonly profile?: 'high' | 'main' | 'baseline';
  /** How much of a second at the bitrate the decoder's buffer holds (VBV). */
  readonly vbvSeconds?: number;
  /** 1 gives the same bytes for the same pictures everywhere, and the least CPU. */
  readonly threads?: number;
}

/** Not carried in units: parameter sets are in `config`, and x264's version banner is of no use to anyone. */
const leftOut: ReadonlySet<number> = new Set([
  NalType.sps,
  NalType.pps,
  NalType.sei,
  NalType.accessUnitDelimiter,
]);

/**
 * Pictures to H.264 (x264, no B-frames, no look-ahead): each picture in gives its unit at once. All units share one
 * `config` object.
 */
export class H264Encoder {
  readonly config: VideoConfig;
  readonly #options: H264EncoderOptions;
  readonly #packet: Packet;
  #context: CodecContext | undefined;
  #lastPts: number | undefined;

  /** @throws NativeError when libx264 is missing or refuses the settings */
  static open(options: H264EncoderOptions): H264Encoder {
    return new H264Encoder(options);
  }

  private constructor(options: H264EncoderOptions) {
    this.#options = options;
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
    if (codec === null) throw new NativeError('libav has no encoder libx264');
    const context = new CodecContext();
    context.allocContext3(codec);
    try {
      configure(context, options);
      check(context.open2Sync(codec, null), 'libx264 open');
      const headers = splitAnnexB(Buffer.from(context.extraData ?? Buffer.alloc(0)));
      this.config = videoConfigFromParameterSets(
        headers.filter((nal) => nalType(nal) === NalType.sps),
        headers.filter((nal) => nalType(nal) === NalType.pps),
      );
    } catch (error) {
      context.freeContext();
      throw error;
    }
    this.#context = context;
    this.#packet = newPacket();
  }

  /**
   * @param pts in 1/90000 s, later than the last one
   * @throws NativeError when x264 fails, InternalError for a surface of another size or time running backwards
   */
  encode(picture: Surface, pts: number, options: { readonly forceIdr?: boolean } = {}): VideoUnit {
    const context = this.#context;
    const frame = picture.frame;
    if (context === undefined || frame === undefined) throw new InternalError('encoder or picture is closed');
    const { width, height } = this.#options;
    if (picture.width !== width || picture.height !== height || frame.format !== AV_PIX_FMT_YUV420P) {
      throw new InternalError(
        `encoder: expected ${width}x${height} yuv420p, got ${picture.width}x${picture.height}`,
      );
    }
    if (this.#lastPts !== undefined && pts <= this.#lastPts) {
      throw new InternalError(`encoder: expected a time after ${this.#lastPts}, got ${pts}`);
    }
    this.#lastPts = pts;
    frame.pts = BigInt(pts);
    frame.pictType = options.forceIdr === true ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    const sent = context.sendFrameSync(frame);
    frame.pictType = AV_PICTURE_TYPE_NONE;
    check(sent, 'libx264 send');
    check(context.receivePacketSync(this.#packet), 'libx264 receive');
    const data = this.#packet.data ?? Buffer.alloc(0);
    this.#packet.unref();
    const nals = splitAnnexB(data).filter((nal) => !leftOut.has(nalType(nal)));
    return {
      kind: 'video',
      config: this.config,
      pts,
      dts: pts,
      isIdr: nals.some((nal) => nalType(nal) === NalType.idr),
      data: joinLengthPrefixed(nals),
    };
  }

  /** Takes effect within about a second. */
  setBitrate(bitrateBps: number): void {
    if (this.#context !== undefined) setRate(this.#context, bitrateBps, this.#options.vbvSeconds);
  }

  /** Idempotent. */
  close(): void {
    if (this.#context === undefined) return;
    this.#context.freeContext();
    this.#context = undefined;
    this.#packet.free();
  }
}

function configure(context: CodecContext, options: H264EncoderOptions): void {
  context.width = options.width;
  context.height = options.height;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.timeBase = new Rational(1, VIDEO_TIMESCALE);
  context.framerate = new Rational(options.fps, 1);
  context.gopSize = Math.max(1, Math.round((options.keyframeIntervalMs * options.fps) / 1000));
  context.maxBFrames = 0;
  context.threadCount = options.threads ?? 1;
  context.colorRange = AVCOL_RANGE_MPEG;
  context.colorPrimaries = AVCOL_PRI_BT709;
  context.colorTrc = AVCOL_TRC_BT709;
  context.colorSpace = AVCOL_SPC_BT709;
  context.chromaLocation = AVCHROMA_LOC_LEFT;
  setRate(context, options.bitrateBps, options.vbvSeconds);
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  const settings: Record<string, string> = {
    preset: options.preset,
    tune: 'zerolatency',
    profile: options.profile ?? 'high',
    'forced-idr': '1',
  };
  for (const [name, value] of Object.entries(settings)) {
    check(context.setOption(name, value), `libx264 option ${name}=${value}`);
  }
}

function setRate(context: CodecContext, bitrateBps: number, vbvSeconds = 1): void {
  context.bitRate = BigInt(bitrateBps);
  context.rcMaxRate = BigInt(bitrateBps);
  context.rcBufferSize = Math.round(bitrateBps * vbvSeconds);
}
