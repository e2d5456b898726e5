import { InternalError } from '../base/errors.js';
import { FrameEncoder, type EncodedFrame, type FrameEncoderOptions } from './frame-encoder.js';

export interface EncoderRunOptions extends FrameEncoderOptions {
  /** Sound of the frame's own time, one array per channel. */
  readonly sound: (frame: number) => Promise<readonly Float32Array[]>;
}

/** A {@link FrameEncoder} that fetches the sound it needs. */
export class EncoderRun {
  readonly #options: EncoderRunOptions;
  readonly #encoder: FrameEncoder;
  readonly #ready: EncodedFrame[] = [];

  static open(options: EncoderRunOptions): EncoderRun {
    return new EncoderRun(options);
  }

  private constructor(options: EncoderRunOptions) {
    this.#options = options;
    this.#encoder = FrameEncoder.open(options);
  }

  /** The next frame. */
  async next(): Promise<EncodedFrame> {
    for (;;) {
      const frame = this.#ready.shift();
      if (frame !== undefined) return frame;
      this.#ready.push(...this.#encoder.feed(await this.#options.sound(this.#encoder.next)));
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
    this.#encoder.close();
  }
}
