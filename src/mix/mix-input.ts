import { AudioDecoder } from '../libav/audio-decoder.js';
import type { Picture } from '../libav/picture.js';
import type { AudioUnit, VideoUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import { PcmTimeline } from './pcm-timeline.js';
import { PictureQueue } from './picture-queue.js';

export interface MixInputStats {
  readonly pictures: number;
  /** Pictures and audio units that could not be decoded. */
  readonly decodeErrors: number;
  readonly droppedPictures: number;
  /** Samples at the program's rate made up because nothing had arrived in time, plus those for lost packets. */
  readonly concealedSamples: number;
  readonly lateSamples: number;
}

export interface MixInputOptions {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** A participant's media on its way into the mix. Damage in it is counted, never thrown, and touches no other input. */
export class MixInput {
  readonly #options: MixInputOptions;
  readonly #pictures = new PictureQueue();
  readonly #pcm: PcmTimeline;
  #audioDecoder: AudioDecoder;
  #audioErrors = 0;
  #lostSamples = 0;

  constructor(options: MixInputOptions) {
    this.#options = options;
    this.#pcm = new PcmTimeline(options);
    this.#audioDecoder = AudioDecoder.open(options);
  }

  /** @param ptsOffset in 1/90000 s, added to the unit's times to give program times */
  pushVideo(unit: VideoUnit, ptsOffset: number): void {
    this.#pictures.push(unit, ptsOffset);
  }

  /**
   * @param ptsOffset in samples at the program's rate, added to the unit's time on that rate. It may drift: the
   *   difference is played out by at most 0.2 % faster or slower. A step of more than 40 ms fades out and in.
   * @returns what the unit decoded to, to be read only; undefined when it did not decode
   */
  pushAudio(unit: AudioUnit, ptsOffset: number): PcmBlock | undefined {
    const { errors } = this.#audioDecoder.stats;
    const pcm = this.#audioDecoder.decode(unit);
    if (pcm !== undefined) this.#pcm.write({ ...pcm, pts: pcm.pts + ptsOffset });
    return this.#audioDecoder.stats.errors === errors ? pcm : undefined;
  }

  /** A new media session: decoders start afresh, the last picture stays. */
  reset(): void {
    this.#pictures.reset();
    this.#pcm.reset();
    this.#audioErrors += this.#audioDecoder.stats.errors;
    this.#lostSamples += this.#audioDecoder.stats.concealedSamples;
    this.#audioDecoder.close();
    this.#audioDecoder = AudioDecoder.open(this.#options);
  }

  /** Program time of the newest picture there is, in 1/90000 s. */
  get newestPicturePts(): number | undefined {
    return this.#pictures.newestPts;
  }

  /** Program time after the last audio sample there is, at the program's rate. */
  get audioEndPts(): number | undefined {
    return this.#pcm.endPts;
  }

  get stats(): MixInputStats {
    return {
      pictures: this.#pictures.pictures,
      decodeErrors: this.#pictures.decodeErrors + this.#audioErrors + this.#audioDecoder.stats.errors,
      droppedPictures: this.#pictures.dropped,
      concealedSamples:
        this.#pcm.concealedSamples + this.#lostSamples + this.#audioDecoder.stats.concealedSamples,
      lateSamples: this.#pcm.lateSamples,
    };
  }

  /** The picture to show at a program time; belongs to the input and lives until the next call. */
  showPicture(pts: number): Picture | undefined {
    return this.#pictures.show(pts);
  }

  /** Writes the samples of [pts, pts + frames) to `out`, one array of `frames` samples per channel. */
  readAudio(pts: number, frames: number, out: readonly Float32Array[]): void {
    this.#pcm.read(pts, frames, out);
  }

  /** Goes on to a program time without reading: what lies before it is not wanted, and so never missing. */
  skipAudio(pts: number): void {
    this.#pcm.skip(pts);
  }

  /** Idempotent. */
  close(): void {
    this.#pictures.close();
    this.#audioDecoder.close();
  }
}
