import { AV_SAMPLE_FMT_FLTP } from 'node-av/constants';
import { SoftwareResampleContext } from 'node-av/lib';
import { InternalError } from '../base/errors.js';
import { check, nativeLayout } from './native.js';

export interface ResamplerOptions {
  readonly inputRate: number;
  readonly inputChannels: number;
  readonly outputRate: number;
  readonly outputChannels: number;
}

/** A fixed-ratio sample rate and channel count converter (libswresample). */
export class Resampler {
  readonly options: ResamplerOptions;
  #context: SoftwareResampleContext | undefined;

  /** @throws NativeError when libswresample refuses the rates or layouts */
  static open(options: ResamplerOptions): Resampler {
    return new Resampler(options);
  }

  private constructor(options: ResamplerOptions) {
    this.options = options;
    const context = new SoftwareResampleContext();
    check(
      context.allocSetOpts2(
        nativeLayout(options.outputChannels),
        AV_SAMPLE_FMT_FLTP,
        options.outputRate,
        nativeLayout(options.inputChannels),
        AV_SAMPLE_FMT_FLTP,
        options.inputRate,
      ),
      'resampler options',
    );
    check(context.init(), 'resampler init');
    this.#context = context;
  }

  /** Input held back inside, in output samples: the next output sample lies this far behind the next input sample. */
  get delaySamples(): number {
    return this.#context === undefined ? 0 : Number(this.#context.getDelay(BigInt(this.options.outputRate)));
  }

  /**
   * @param channels one array per input channel, all of one length
   * @returns one array per output channel; the first calls give fewer samples than the ratio says
   */
  convert(channels: readonly Float32Array[]): Float32Array[] {
    const context = this.#context;
    const samples = channels[0]?.length ?? 0;
    if (context === undefined || samples === 0) return this.#empty();
    if (channels.length !== this.options.inputChannels || channels.some((c) => c.length !== samples)) {
      throw new InternalError(
        `resampler: expected ${this.options.inputChannels} channels of ${samples} samples`,
      );
    }
    return this.#run(context, channels.map(asBuffer), samples);
  }

  /** The samples still inside, at the end of a stream. */
  flush(): Float32Array[] {
    return this.#context === undefined ? this.#empty() : this.#run(this.#context, null, 0);
  }

  /** Idempotent. */
  close(): void {
    this.#context?.free();
    this.#context = undefined;
  }

  #run(context: SoftwareResampleContext, input: Buffer[] | null, samples: number): Float32Array[] {
    // A little more than libswresample's own upper bound, so that it never writes past the end.
    const capacity = context.getOutSamples(samples) + 32;
    const output = Array.from({ length: this.options.outputChannels }, () => new Float32Array(capacity));
    const written = check(
      context.convertSync(output.map(asBuffer), capacity, input, samples),
      'resampler convert',
    );
    return output.map((channel) => channel.slice(0, written));
  }

  #empty(): Float32Array[] {
    return Array.from({ length: this.options.outputChannels }, () => new Float32Array(0));
  }
}

function asBuffer(samples: Float32Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
}
