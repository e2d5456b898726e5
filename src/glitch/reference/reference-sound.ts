import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnsupportedMediaError } from '../../base/errors.js';
import { AudioDecoder } from '../../libav/audio-decoder.js';
import { Resampler } from '../../libav/resampler.js';
import type { CaptureEvent } from '../capture/event.js';
import { openCapture, type OpenCaptureOptions } from '../capture/open.js';
import type { SoundFormat } from '../capture/sound-format.js';
import { FrameHashes } from './frame-hashes.js';

/** Decoded sound overshoots full scale: room for twice that. */
const SCALE = 16_384;
/** Every so many samples become one in the coarse copy. */
export const COARSE_FACTOR = 8;

/**
 * The sound of a reference, decoded once into temporary files: memory holds none of it. An hour in stereo takes some
 * 700 MB of disk, and the coarse copy, one channel at an eighth of the rate, 43 MB more.
 */
export class ReferenceSound {
  readonly format: SoundFormat;
  /** Of its access units; empty when its format has none. */
  readonly hashes = new FrameHashes();
  readonly #folder: string;
  readonly #fine: number;
  readonly #coarse: number;
  #samples = 0;
  #coarseSamples = 0;
  /** What did not make a whole coarse sample yet. */
  #rest: Float32Array = new Float32Array(0);

  /**
   * @param format of the capture, to which the reference is brought
   * @throws as {@link openCapture}; UnsupportedMediaError when there is no sound in it
   */
  static async open(
    path: string,
    format: SoundFormat,
    options: OpenCaptureOptions = {},
  ): Promise<ReferenceSound> {
    const capture = await openCapture(path, options);
    const folder = await mkdtemp(join(tmpdir(), 'anchornet-reference-'));
    const sound = new ReferenceSound(folder, format);
    try {
      const decoder = new ReferenceDecoder(format);
      try {
        for await (const event of capture.events()) {
          if (event.type === 'audio') sound.hashes.add(event.unit.data);
          const channels = decoder.decode(event);
          if (channels !== undefined) sound.#append(channels);
        }
      } finally {
        decoder.close();
      }
      if (sound.#samples === 0) throw new UnsupportedMediaError(`${path}: no sound to compare with`);
      return sound;
    } catch (error) {
      await sound.close();
      throw error;
    } finally {
      await capture.close();
    }
  }

  private constructor(folder: string, format: SoundFormat) {
    this.#folder = folder;
    this.format = format;
    this.#fine = openSync(join(folder, 'sound.s16'), 'w+');
    this.#coarse = openSync(join(folder, 'coarse.s16'), 'w+');
  }

  /** Length in samples per channel. */
  get samples(): number {
    return this.#samples;
  }

  get coarseSamples(): number {
    return this.#coarseSamples;
  }

  /** Samples [from, from + length) of each channel; 0 outside of the reference. */
  read(from: number, length: number): Float32Array[] {
    const { channels } = this.format;
    const pcm = readInt16(this.#fine, { from, length, total: this.#samples, stride: channels });
    return Array.from({ length: channels }, (_, channel) => {
      const samples = new Float32Array(length);
      for (let i = 0, at = channel; i < length; i++, at += channels) samples[i] = pcm[at]! / SCALE;
      return samples;
    });
  }

  /** The mean of the channels, averaged over {@link COARSE_FACTOR} samples each. */
  readCoarse(from: number, length: number): Float32Array {
    const pcm = readInt16(this.#coarse, { from, length, total: this.#coarseSamples, stride: 1 });
    const samples = new Float32Array(length);
    for (let i = 0; i < length; i++) samples[i] = pcm[i]! / SCALE;
    return samples;
  }

  async close(): Promise<void> {
    closeSync(this.#fine);
    closeSync(this.#coarse);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #append(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    const pcm = new Int16Array(length * channels.length);
    const mid = new Float32Array(this.#rest.length + length);
    mid.set(this.#rest);
    const count = channels.length;
    const carried = this.#rest.length;
    channels.forEach((samples, channel) => {
      for (let i = 0; i < length; i++) {
        pcm[i * count + channel] = asInt16(samples[i]!);
        mid[carried + i]! += samples[i]! / count;
      }
    });
    writeSync(this.#fine, pcm);
    this.#samples += length;
    const coarse = coarsen(mid);
    writeSync(this.#coarse, Int16Array.from(coarse, asInt16));
    this.#coarseSamples += coarse.length;
    this.#rest = mid.slice(coarse.length * COARSE_FACTOR);
  }
}

/** Averages over {@link COARSE_FACTOR} samples each; what makes no whole one is left out. */
export function coarsen(samples: Float32Array): Float32Array {
  const coarse = new Float32Array(Math.floor(samples.length / COARSE_FACTOR));
  for (let at = 0; at < coarse.length; at++) {
    let sum = 0;
    for (let i = 0; i < COARSE_FACTOR; i++) sum += samples[at * COARSE_FACTOR + i]!;
    coarse[at] = sum / COARSE_FACTOR;
  }
  return coarse;
}

/** Events of any kind → sound in one format. */
class ReferenceDecoder {
  readonly #format: SoundFormat;
  readonly #decoder: AudioDecoder;
  #resampler: Resampler | undefined;
  #pts = 0;

  constructor(format: SoundFormat) {
    this.#format = format;
    this.#decoder = AudioDecoder.open(format);
  }

  decode(event: CaptureEvent): readonly Float32Array[] | undefined {
    if (event.type === 'audio') {
      const pts = this.#pts;
      this.#pts += event.unit.durationSamples;
      return this.#decoder.decode({ ...event.unit, pts })?.channels;
    }
    if (event.type !== 'pcm') return undefined;
    const { sampleRate } = event.block;
    const channels = event.block.channels.slice(0, 2);
    this.#resampler ??= Resampler.open({
      inputRate: sampleRate,
      inputChannels: channels.length,
      outputRate: this.#format.sampleRate,
      outputChannels: this.#format.channels,
    });
    return this.#resampler.convert(channels);
  }

  close(): void {
    this.#decoder.close();
    this.#resampler?.close();
  }
}

function asInt16(x: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(x * SCALE)));
}

function readInt16(
  file: number,
  place: { readonly from: number; readonly length: number; readonly total: number; readonly stride: number },
): Int16Array {
  const { from, length, total, stride } = place;
  const pcm = new Int16Array(length * stride);
  const first = Math.max(0, from);
  const end = Math.min(total, from + length);
  if (end > first) {
    const into = pcm.subarray((first - from) * stride, (end - from) * stride);
    readSync(file, into, 0, into.byteLength, first * stride * Int16Array.BYTES_PER_ELEMENT);
  }
  return pcm;
}
