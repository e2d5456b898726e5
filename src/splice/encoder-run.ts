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
export interface EncodedFrame {
  readonly index: number;
  readonly data: Buffer;
  readonly windows: readonly WindowInfo[];
}

export interface EncoderRunOptions {
  readonly open: () => BridgeEncoder;
  readonly sampleRate: number;
  /** Sound of the frame's own time, one array per channel: what the frame before it and it share. */
  readonly sound: (frame: number) => Promise<readonly Float32Array[]>;
  /** The first frame whose sound is fed. */
  readonly first: number;
}

/** One encoder that goes over the program's sound from some frame on; its units are the frames of that grid. */
export class EncoderRun {
  readonly #options: EncoderRunOptions;
  readonly #encoder: BridgeEncoder;
  readonly #ready: EncodedFrame[] = [];
  #fed: number;
  #closed = false;

  static open(options: EncoderRunOptions): EncoderRun {
    return new EncoderRun(options);
  }

  private constructor(options: EncoderRunOptions) {
    this.#options = options;
    this.#encoder = options.open();
    this.#fed = options.first;
    if (this.#encoder.delaySamples % FRAME !== 0) {
      this.#encoder.close();
      throw new InternalError(`bridge encoder: a delay of ${this.#encoder.delaySamples} is off its own grid`);
    }
  }

  /** The next frame; the first one is `delaySamples / FRAME` before the first one fed. */
  async next(): Promise<EncodedFrame> {
    for (;;) {
      const frame = this.#ready.shift();
      if (frame !== undefined) return frame;
      const channels = await this.#options.sound(this.#fed);
      const { sampleRate } = this.#options;
      for (const unit of this.#encoder.encode({ sampleRate, pts: this.#fed * FRAME, channels })) {
        const block = parseRawDataBlock(unit.data, parseAsc(unit.config.asc));
        this.#ready.push({ index: unit.pts / FRAME, data: unit.data, windows: channelWindows(block) });
      }
      this.#fed++;
    }
  }

  /** Skips to a frame. @throws InternalError when it is past */
  async frame(index: number): Promise<EncodedFrame> {
    for (;;) {
      const frame = await this.next();
      if (frame.index === index) return frame;
      if (frame.index > index) throw new InternalError(`bridge encoder: frame ${index} is past`);
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#encoder.close();
  }
}
