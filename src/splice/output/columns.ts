import { float64Column, int16Column, uint32Column, uint8Column } from '../../base/growing-column.js';
import type { VideoConfig } from '../../media/access-unit.js';

/** The source number of {@link Columns} that stands for the spool. */
export const SPOOL = -1;

/** The samples of one output track in decoding order, in columns: an hour has hundreds of thousands. */
export class Columns {
  readonly #source = int16Column();
  readonly #offset = float64Column();
  readonly #size = uint32Column();
  readonly #dts = float64Column();
  readonly #pts = float64Column();
  readonly #sync = uint8Column();
  readonly #config = int16Column();

  get count(): number {
    return this.#source.length;
  }

  add(sample: {
    source: number;
    offset: number;
    size: number;
    dts: number;
    pts: number;
    isSync: boolean;
    config: number;
  }): void {
    this.#source.push(sample.source);
    this.#offset.push(sample.offset);
    this.#size.push(sample.size);
    this.#dts.push(sample.dts);
    this.#pts.push(sample.pts);
    this.#sync.push(sample.isSync ? 1 : 0);
    this.#config.push(sample.config);
  }

  /** What was added so far. */
  get laid(): LaidSamples {
    return {
      count: this.count,
      source: this.#source.values,
      offset: this.#offset.values,
      size: this.#size.values,
      dts: this.#dts.values,
      pts: this.#pts.values,
      sync: this.#sync.values,
      config: this.#config.values,
    };
  }
}

/** The columns of {@link Columns} to be read. */
export interface LaidSamples {
  readonly count: number;
  /** Index of the file that the bytes are in, or {@link SPOOL}. */
  readonly source: Int16Array;
  readonly offset: Float64Array;
  readonly size: Uint32Array;
  /** In the track's timescale, program time. */
  readonly dts: Float64Array;
  readonly pts: Float64Array;
  /** 1 for sync samples. */
  readonly sync: Uint8Array;
  /** Index into the track's configurations. */
  readonly config: Int16Array;
}

export interface SoundTrack {
  readonly columns: LaidSamples;
  readonly sampleRate: number;
  readonly channels: number;
  readonly asc: Buffer;
  /** Program time presented: from 0 to this, in samples. */
  readonly length: number;
}

export interface PictureTrack {
  readonly columns: LaidSamples;
  /** `lengthSize` is that of the NAL lengths in the samples. */
  readonly configs: readonly { readonly config: VideoConfig; readonly lengthSize: number }[];
  /** Program time presented, in 1/90000 s. */
  readonly length: number;
}

/** What is written. */
export interface Program {
  readonly sound: SoundTrack | undefined;
  readonly pictures: PictureTrack | undefined;
  /** Files by source number; the spool is the last one. */
  readonly paths: readonly string[];
}
