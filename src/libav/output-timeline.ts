import type { PcmBlock } from '../media/pcm.js';
import { rescale } from '../media/timestamp.js';
import { remapChannels } from './audio-samples.js';
import { Resampler } from './resampler.js';

/** A run of samples at the rate and channel count in which a decoder gave it. */
export interface DecodedRun {
  readonly sampleRate: number;
  readonly channels: readonly Float32Array[];
}

/** The counted and the stamped time of one sample may differ by rounding this much before the stamp wins. */
const ROUNDING_SAMPLES = 2;

/** Brings decoded runs to one rate and channel count, and stamps them with the true time of their first sample. */
export class OutputTimeline {
  readonly #rate: number;
  readonly #channels: number;
  #resampler: Resampler | undefined;
  #nextPts: number | undefined;

  constructor(options: { readonly sampleRate: number; readonly channels: number }) {
    this.#rate = options.sampleRate;
    this.#channels = options.channels;
  }

  /**
   * @param runs consecutive
   * @param pts of the first sample, in samples at `timescale`
   */
  put(runs: readonly DecodedRun[], pts: number, timescale: number): PcmBlock | undefined {
    const outputs: (readonly Float32Array[])[] = [];
    let start = rescale(pts, timescale, this.#rate);
    for (const [index, run] of runs.entries()) {
      const { delay, channels } = this.#convert(run);
      // What comes out first was put in `delay` ago.
      if (index === 0) start -= delay;
      outputs.push(channels);
    }
    const channels = join(outputs, this.#channels);
    const length = channels[0]?.length ?? 0;
    if (length === 0) return undefined;
    if (this.#nextPts !== undefined && Math.abs(start - this.#nextPts) <= ROUNDING_SAMPLES)
      start = this.#nextPts;
    this.#nextPts = start + length;
    return { sampleRate: this.#rate, pts: start, channels };
  }

  /** Idempotent. */
  close(): void {
    this.#resampler?.close();
    this.#resampler = undefined;
  }

  #convert(run: DecodedRun): { delay: number; channels: readonly Float32Array[] } {
    const inputChannels = run.channels.length;
    if (run.sampleRate === this.#rate && inputChannels <= 2) {
      this.close();
      return { delay: 0, channels: remapChannels(run.channels, this.#channels) };
    }
    const current = this.#resampler?.options;
    if (current?.inputRate !== run.sampleRate || current.inputChannels !== inputChannels) {
      this.close();
      this.#resampler = Resampler.open({
        inputRate: run.sampleRate,
        inputChannels,
        outputRate: this.#rate,
        outputChannels: this.#channels,
      });
    }
    const delay = this.#resampler!.delaySamples;
    return { delay, channels: this.#resampler!.convert(run.channels) };
  }
}

function join(parts: readonly (readonly Float32Array[])[], channels: number): readonly Float32Array[] {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  const length = parts.reduce((sum, part) => sum + (part[0]?.length ?? 0), 0);
  return Array.from({ length: channels }, (_, i) => {
    const joined = new Float32Array(length);
    let at = 0;
    for (const part of parts) {
      joined.set(part[i]!, at);
      at += part[i]!.length;
    }
    return joined;
  });
}
