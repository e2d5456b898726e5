import type { VideoConfig } from '../../media/access-unit.js';

/** The source number of {@link Columns} that stands for the spool. */
export const SPOOL = -1;

/** The samples of one output track in decoding order, in columns: an hour has hundreds of thousands. */
export class Columns {
  /** Index of the file that the bytes are in, or {@link SPOOL}. */
  readonly source: number[] = [];
  readonly offset: number[] = [];
  readonly size: number[] = [];
  /** In the track's timescale, program time. */
  readonly dts: number[] = [];
  readonly pts: number[] = [];
  /** 1 for sync samples. */
  readonly sync: number[] = [];
  /** Index into the track's configurations. */
  readonly config: number[] = [];

  get count(): number {
    return this.source.length;
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
    this.source.push(sample.source);
    this.offset.push(sample.offset);
    this.size.push(sample.size);
    this.dts.push(sample.dts);
    this.pts.push(sample.pts);
    this.sync.push(sample.isSync ? 1 : 0);
    this.config.push(sample.config);
  }
}

export interface SoundTrack {
  readonly columns: Columns;
  readonly sampleRate: number;
  readonly channels: number;
  readonly asc: Buffer;
  /** Program time presented: from 0 to this, in samples. */
  readonly length: number;
}

export interface PictureTrack {
  readonly columns: Columns;
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
