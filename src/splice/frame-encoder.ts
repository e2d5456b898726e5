import { InternalError } from '../base/errors.js';
import { parseAsc } from '../codec/aac/asc.js';
import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { channelWindows, parseRawDataBlock } from '../codec/aac/raw-data-block.js';
import type { AacUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import { FRAME } from './piece.js';

/** What encodes bridges: the libav encoders have this form. */
export interface BridgeEncoder {
  readonly delaySamples: number;
  /** Units of {@link FRAME} samples; `pts` is the true time of what they decode to. */
  encode(pcm: PcmBlock): AacUnit[];
  close(): void;
}

/** A frame of the program, numbered on its grid. */
export class EncodedFrame {
  #windows: readonly WindowInfo[] | undefined;

  constructor(
    readonly index: number,
    readonly unit: AacUnit,
  ) {}

  get data(): Buffer {
    return this.unit.data;
  }

  /** @throws MalformedMediaError when the encoder made something that is no AAC */
  get windows(): readonly WindowInfo[] {
    const { data, config } = this.unit;
    return (this.#windows ??= channelWindows(parseRawDataBlock(data, parseAsc(config.asc))));
  }

  /** The same frame with other bytes. */
  with(data: Buffer): EncodedFrame {
    return new EncodedFrame(this.index, { ...this.unit, data });
  }
}

export interface FrameEncoderOptions {
  readonly open: () => BridgeEncoder;
  readonly sampleRate: number;
  /** The first frame whose sound is fed. */
  readonly first: number;
}

/** One encoder that goes over the program's sound frame by frame; its units are the frames of that grid. */
export class FrameEncoder {
  /** So many frames later than its sound is fed a frame comes out. */
  readonly delayFrames: number;
  readonly #encoder: BridgeEncoder;
  readonly #sampleRate: number;
  #next: number;
  #closed = false;

  /** @throws InternalError for an encoder whose delay is not whole frames; NativeError when it does not open */
  static open(options: FrameEncoderOptions): FrameEncoder {
    return new FrameEncoder(options);
  }

  private constructor({ open, sampleRate, first }: FrameEncoderOptions) {
    this.#encoder = open();
    this.#sampleRate = sampleRate;
    this.#next = first;
    this.delayFrames = this.#encoder.delaySamples / FRAME;
    if (!Number.isInteger(this.delayFrames)) {
      this.close();
      throw new InternalError(`bridge encoder: a delay of ${this.#encoder.delaySamples} is off its own grid`);
    }
  }

  /** The frame whose sound is to be fed next. */
  get next(): number {
    return this.#next;
  }

  /**
   * @param channels the sound in the time of frame {@link next}: what the frame before it and it share
   * @returns the frames that became complete; the very first one is {@link delayFrames} before the first one fed
   */
  feed(channels: readonly Float32Array[]): EncodedFrame[] {
    const pts = this.#next++ * FRAME;
    const units = this.#encoder.encode({ sampleRate: this.#sampleRate, pts, channels });
    return units.map((unit) => new EncodedFrame(unit.pts / FRAME, unit));
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#encoder.close();
  }
}
