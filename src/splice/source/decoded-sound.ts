import { AudioDecoder } from '../../libav/audio-decoder.js';
import type { PcmBlock } from '../../media/pcm.js';
import { rescale } from '../../media/timestamp.js';
import { continueMirrored } from '../mirrored-tail.js';
import { FRAME } from '../piece.js';
import type { AudioRun } from './media-index.js';
import type { SourceFile } from './source-file.js';

/** Units decoded before the first one that is wanted: overlap, resampler and band replication have settled. */
const WARM_UP_UNITS = 6;
/** Decoded sound that is kept: seams go over theirs several times. */
const KEPT_SAMPLES = 160 * FRAME;
/** A jump ahead of less is decoded through. */
const NEAR_SAMPLES = 48 * FRAME;
/** Past its end the sound goes on for this long: see {@link continueMirrored}. */
const TAIL_SAMPLES = FRAME;

export interface DecodedSoundOptions {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** See {@link continueMirrored}. */
  readonly extend: boolean;
}

/** The sound of a file at the program's rate and channel count, at any place, holding a few seconds of it. */
export class DecodedSound {
  readonly #source: SourceFile;
  readonly #options: DecodedSoundOptions;
  #blocks: PcmBlock[] = [];
  #decoder: AudioDecoder | undefined;
  #run = 0;
  #unit = 0;
  /** What was decoded before this only warmed the decoder up. */
  #validFrom = 0;
  /** Where the decoder's next block begins. */
  #next = 0;

  constructor(source: SourceFile, options: DecodedSoundOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Source time at the program's rate; silence where there is no sound. */
  async read(from: number, to: number): Promise<Float32Array[]> {
    const out = Array.from({ length: this.#options.channels }, () => new Float32Array(to - from));
    const end = this.#scale(this.#source.index.audio?.to ?? 0, this.#runs[0]?.config.sampleRate ?? 1);
    const wanted = Math.min(to, end);
    if (wanted > from) {
      await this.#cover(from, wanted);
      for (const block of this.#blocks) lay(out, block, from, wanted);
    }
    if (this.#options.extend && to > end && from < end + TAIL_SAMPLES) await this.#extend(out, from, end);
    return out;
  }

  /** Idempotent. */
  close(): void {
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#blocks = [];
  }

  get #runs(): readonly AudioRun[] {
    return this.#source.index.audio?.runs ?? [];
  }

  async #extend(out: readonly Float32Array[], from: number, end: number): Promise<void> {
    await this.#cover(end - TAIL_SAMPLES, end);
    const tail = out.map(() => new Float32Array(TAIL_SAMPLES));
    for (const block of this.#blocks) lay(tail, block, end - TAIL_SAMPLES, end);
    continueMirrored(tail, out, end - from);
  }

  async #cover(from: number, to: number): Promise<void> {
    const oldest = this.#blocks[0]?.pts;
    if (
      this.#decoder === undefined ||
      oldest === undefined ||
      from < Math.max(oldest, this.#validFrom) ||
      from > this.#next + NEAR_SAMPLES
    ) {
      this.#seek(from);
    }
    while (this.#next < to) {
      const run = this.#runs[this.#run];
      if (run === undefined) return;
      if (this.#unit >= run.count) {
        this.#run++;
        this.#unit = 0;
        continue;
      }
      const unit = await this.#source.audioUnit(run, this.#unit++);
      const block = this.#decoder?.decode(unit);
      this.#next = this.#scale(unit.pts + unit.durationSamples, unit.config.sampleRate);
      if (block === undefined) continue;
      this.#next = block.pts + (block.channels[0]?.length ?? 0);
      this.#blocks.push(block);
      while (this.#next - (this.#blocks[0]?.pts ?? 0) > KEPT_SAMPLES) this.#blocks.shift();
    }
  }

  #seek(from: number): void {
    this.close();
    this.#decoder = AudioDecoder.open(this.#options);
    this.#validFrom = from;
    const length = this.#source.index.audio?.frameLength ?? FRAME;
    const starts = (run: AudioRun): number => this.#scale(run.origin, run.config.sampleRate);
    let index = this.#runs.findLastIndex((run) => starts(run) <= from);
    if (index === -1) index = 0;
    const run = this.#runs[index];
    this.#run = index;
    this.#unit = 0;
    if (run === undefined) return;
    const into = rescale(from - starts(run), this.#options.sampleRate, run.config.sampleRate);
    this.#unit = Math.max(0, Math.min(run.count, Math.floor(into / length)) - WARM_UP_UNITS);
    this.#next = this.#scale(run.origin + this.#unit * length, run.config.sampleRate);
  }

  #scale(samples: number, rate: number): number {
    return rescale(samples, rate, this.#options.sampleRate);
  }
}

function lay(out: readonly Float32Array[], block: PcmBlock, from: number, to: number): void {
  const start = Math.max(from, block.pts);
  const end = Math.min(to, block.pts + (block.channels[0]?.length ?? 0));
  if (start >= end) return;
  block.channels.forEach((samples, channel) => {
    out[channel]?.set(samples.subarray(start - block.pts, end - block.pts), start - from);
  });
}
