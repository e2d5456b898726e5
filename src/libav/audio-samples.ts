import {
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S16P,
} from 'node-av/constants';
import type { Frame } from 'node-av/lib';
import { newFrame } from './native.js';

type Plane = Float32Array | Int16Array;

/**
 * Copies the samples of decoded frames out of libav's memory. To look into a frame costs as much as to decode it, for
 * each time its planes become new buffers: so every frame is copied into one that stays, which was looked into once.
 */
export class SampleReader {
  #kept: Frame | undefined;
  #planes: readonly Plane[] = [];
  #channels = 0;
  #length = 0;
  /** Overwritten by every frame that may be. */
  #shared: Float32Array[] = [];

  /**
   * One array per channel, full scale ±1, NaN and infinity as 0. `undefined` for a sample format or a buffer size that
   * does not add up.
   *
   * @param reuse whether the arrays may be those of the last frame that was read so
   */
  read(frame: Frame, reuse = false): Float32Array[] | undefined {
    // A frame of another shape is refused.
    if (this.#kept === undefined || this.#kept.copy(frame) < 0) {
      if (!this.#keepShape(frame) || this.#kept!.copy(frame) < 0) return undefined;
    }
    const out: Float32Array[] = [];
    const isPlanar = this.#planes.length === this.#channels;
    for (let channel = 0; channel < this.#channels; channel++) {
      const plane = this.#planes[isPlanar ? channel : 0]!;
      const samples = reuse ? this.#sharedOf(channel) : new Float32Array(this.#length);
      if (isPlanar) samples.set(plane);
      else
        for (let i = 0, at = channel; i < samples.length; i++, at += this.#channels) samples[i] = plane[at]!;
      if (plane instanceof Int16Array) for (let i = 0; i < samples.length; i++) samples[i]! /= 32_768;
      else silenceNonsense(samples);
      out.push(samples);
    }
    return out;
  }

  /** Idempotent. */
  close(): void {
    this.#kept?.free();
    this.#kept = undefined;
    this.#planes = [];
  }

  #sharedOf(channel: number): Float32Array {
    const last = this.#shared[channel];
    return last?.length === this.#length ? last : (this.#shared[channel] = new Float32Array(this.#length));
  }

  #keepShape(frame: Frame): boolean {
    this.close();
    const kept = newFrame();
    kept.format = frame.format;
    kept.nbSamples = frame.nbSamples;
    kept.sampleRate = frame.sampleRate;
    kept.channelLayout = frame.channelLayout;
    const planes = kept.nbSamples > 0 && kept.getBuffer() >= 0 ? planesOf(kept) : undefined;
    if (planes === undefined) {
      kept.free();
      return false;
    }
    this.#kept = kept;
    this.#planes = planes;
    this.#channels = kept.channels;
    this.#length = kept.nbSamples;
    return true;
  }
}

/** Views of a frame's memory, one per channel or one of all; undefined for a format or a size that does not add up. */
function planesOf(frame: Frame): Plane[] | undefined {
  const { nbSamples, channels, format } = frame;
  const isPlanar = format === AV_SAMPLE_FMT_FLTP || format === AV_SAMPLE_FMT_S16P;
  const isFloat = format === AV_SAMPLE_FMT_FLTP || format === AV_SAMPLE_FMT_FLT;
  if (!isFloat && format !== AV_SAMPLE_FMT_S16 && format !== AV_SAMPLE_FMT_S16P) return undefined;
  const count = isPlanar ? nbSamples : nbSamples * channels;
  const buffers = (frame.extendedData ?? frame.data ?? []).slice(0, isPlanar ? channels : 1);
  if (buffers.length !== (isPlanar ? channels : 1)) return undefined;
  if (buffers.some(({ length }) => length < count * (isFloat ? 4 : 2))) return undefined;
  return buffers.map(({ buffer, byteOffset }) =>
    isFloat ? new Float32Array(buffer, byteOffset, count) : new Int16Array(buffer, byteOffset, count),
  );
}

/** NaN and infinity become 0: encoders stay broken for good after one NaN. */
function silenceNonsense(samples: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]!;
  // One such sample makes the sum another. No sum of finite samples is infinite here: it counts in 64 bits.
  if (sum - sum === 0) return;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    if (sample - sample !== 0) samples[i] = 0;
  }
}

/** Mono to any number of channels by copies, anything to mono by the mean, otherwise channel by channel. */
export function remapChannels(channels: readonly Float32Array[], count: number): readonly Float32Array[] {
  const first = channels[0];
  if (channels.length === count || first === undefined) return channels;
  if (channels.length === 1) return Array.from({ length: count }, () => first.slice());
  if (count === 1) {
    const mono = new Float32Array(first.length);
    const share = 1 / channels.length;
    for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i]! += channel[i]! * share;
    return [mono];
  }
  return Array.from({ length: count }, (_, i) => channels[i] ?? new Float32Array(first.length));
}
