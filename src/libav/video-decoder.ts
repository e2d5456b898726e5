import { AV_CODEC_ID_H264, FF_THREAD_SLICE } from 'node-av/constants';
import { Codec, CodecContext, type Frame, type Packet } from 'node-av/lib';
import { NativeError } from '../base/errors.js';
import { sameConfig, type VideoConfig, type VideoUnit } from '../media/access-unit.js';
import { FramePool } from './frame-pool.js';
import { check, newPacket } from './native.js';
import { Picture } from './picture.js';

export interface VideoDecoderOptions {
  /** Slice threads; they add no delay. */
  readonly threads?: number;
}

export interface VideoDecoderStats {
  pictures: number;
  /** Units that libav refused and pictures that it marked as damaged; neither is put out. */
  errors: number;
}

// Pictures outside this range are taken for damage in the parameter sets.
const MIN_SIDE = 16;
const MAX_SIDE = 4096;

/**
 * H.264 access units to pictures, in display order. New parameter sets (`unit.config`) are taken up at any IDR; damage
 * is counted and skipped, never thrown.
 */
export class VideoDecoder {
  readonly stats: VideoDecoderStats = { pictures: 0, errors: 0 };
  readonly #threads: number;
  readonly #packet: Packet;
  readonly #frames = new FramePool();
  /** Received into next; a picture takes it away. */
  #next: Frame;
  #context: CodecContext | undefined;
  #config: VideoConfig | undefined;
  #closed = false;

  static open(options: VideoDecoderOptions = {}): VideoDecoder {
    return new VideoDecoder(options);
  }

  private constructor(options: VideoDecoderOptions) {
    this.#threads = options.threads ?? 1;
    this.#packet = newPacket();
    this.#next = this.#frames.take();
  }

  /**
   * @param pts the time that the picture shall carry, in 1/90000 s; the unit's own when left out
   * @returns the pictures that became ready, owned by the caller
   */
  decode(unit: VideoUnit, pts = unit.pts): Picture[] {
    if (this.#closed || unit.data.length === 0) return [];
    const ready: Picture[] = [];
    if (this.#config === undefined || !sameConfig(this.#config, unit.config)) {
      if (!unit.isIdr) {
        this.stats.errors++;
        return ready;
      }
      this.#drain(ready);
      if (!this.#reopen(unit.config)) return ready;
    }
    const context = this.#context;
    if (context === undefined) return ready;
    this.#packet.data = unit.data;
    this.#packet.pts = BigInt(pts);
    this.#packet.dts = BigInt(unit.dts - unit.pts + pts);
    const sent = context.sendPacketSync(this.#packet);
    this.#packet.unref();
    if (sent < 0) this.stats.errors++;
    this.#receive(context, ready);
    return ready;
  }

  /** Ends the stream: the pictures still held back for reordering. The next unit must be an IDR. */
  flush(): Picture[] {
    const ready: Picture[] = [];
    this.#drain(ready);
    return ready;
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#dropContext();
    this.#packet.free();
    this.#frames.close();
    this.#next.free();
  }

  #drain(ready: Picture[]): void {
    if (this.#context === undefined) return;
    this.#context.sendPacketSync(null);
    this.#receive(this.#context, ready);
    this.#dropContext();
  }

  #receive(context: CodecContext, ready: Picture[]): void {
    while (context.receiveFrameSync(this.#next) >= 0) {
      const frame = this.#next;
      const { width, height, decodeErrorFlags, bestEffortTimestamp } = frame;
      const fits = width >= MIN_SIDE && height >= MIN_SIDE && width <= MAX_SIDE && height <= MAX_SIDE;
      if (decodeErrorFlags !== 0 || !fits) {
        this.stats.errors++;
        frame.unref();
        continue;
      }
      this.stats.pictures++;
      ready.push(new Picture(frame, this.#frames, { width, height, pts: Number(bestEffortTimestamp) }));
      this.#next = this.#frames.take();
    }
  }

  #reopen(config: VideoConfig): boolean {
    const codec = Codec.findDecoder(AV_CODEC_ID_H264);
    if (codec === null) throw new NativeError('libav has no H.264 decoder');
    const context = new CodecContext();
    context.allocContext3(codec);
    context.extraData = config.avcc;
    context.threadCount = this.#threads;
    context.threadType = FF_THREAD_SLICE;
    try {
      check(context.open2Sync(codec, null), 'H.264 decoder open');
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
  }
}
