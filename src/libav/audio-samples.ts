import {
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S16P,
} from 'node-av/constants';
import type { Frame } from 'node-av/lib';

/**
 * Copies the samples of a decoded frame out of libav's memory: one array per channel, full scale ±1, NaN and infinity
 * as 0. `undefined` for a sample format or a buffer size that does not add up.
 */
export function readSamples(frame: Frame): Float32Array[] | undefined {
  const { nbSamples, channels, format } = frame;
  const planes = frame.extendedData ?? frame.data;
  if (planes === null || nbSamples <= 0 || channels <= 0) return undefined;
  const planar = format === AV_SAMPLE_FMT_FLTP || format === AV_SAMPLE_FMT_S16P;
  const float = format === AV_SAMPLE_FMT_FLTP || format === AV_SAMPLE_FMT_FLT;
  if (!float && format !== AV_SAMPLE_FMT_S16 && format !== AV_SAMPLE_FMT_S16P) return undefined;
  const count = planar ? nbSamples : nbSamples * channels;
  const out: Float32Array[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const plane = planes[planar ? channel : 0];
    if (plane === undefined || plane.length < count * (float ? 4 : 2)) return undefined;
    const samples = new Float32Array(nbSamples);
    const first = planar ? 0 : channel;
    const step = planar ? 1 : channels;
    if (float) copyFloats(new Float32Array(plane.buffer, plane.byteOffset, count), first, step, samples);
    else copyIntegers(new Int16Array(plane.buffer, plane.byteOffset, count), first, step, samples);
    out.push(samples);
  }
  return out;
}

/** Encoders stay broken for good after one NaN. */
function copyFloats(source: Float32Array, first: number, step: number, target: Float32Array): void {
  for (let i = 0, at = first; i < target.length; i++, at += step) {
    const sample = source[at]!;
    // Only for NaN and infinity is this not 0.
    target[i] = sample - sample === 0 ? sample : 0;
  }
}

function copyIntegers(source: Int16Array, first: number, step: number, target: Float32Array): void {
  for (let i = 0, at = first; i < target.length; i++, at += step) target[i] = source[at]! / 32_768;
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
