import { float64Column, int16Column, uint32Column, uint8Column } from '../../base/growing-column.js';
import type { AudioConfig, VideoConfig } from '../../media/access-unit.js';

/** Samples of a file where they lie: in columns, because an hour has hundreds of thousands. */
export interface SampleColumns {
  /** In bytes from the start of the file. */
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** Audio units that follow each other without a gap and with one configuration. */
export interface AudioRun {
  readonly config: AudioConfig;
  /** Index of the first one in the columns. */
  readonly first: number;
  count: number;
  /** Time of the first one in samples at the configuration's rate; below 0 it is priming. */
  readonly origin: number;
}

export interface AudioIndex extends SampleColumns {
  /** Duration of each unit, in samples at its run's rate. */
  readonly frameLength: number;
  readonly runs: readonly AudioRun[];
  /** Presented time, in seconds as a fraction: samples at the first run's rate. */
  readonly from: number;
  readonly to: number;
}

export interface VideoIndex extends SampleColumns {
  /** In 1/90000 s, edits applied. */
  readonly dts: Float64Array;
  readonly pts: Float64Array;
  /** 1 where the container says that decoding can start; whether it is an IDR is in the picture. */
  readonly sync: Uint8Array;
  /** Of each sample: index into `configs`. */
  readonly configOf: Int16Array;
  readonly configs: readonly { readonly config: VideoConfig; readonly lengthSize: number }[];
  /** End of the last picture presented, in 1/90000 s. */
  readonly to: number;
}

/** A file's H.264 and AAC, found but not read. */
export interface MediaIndex {
  readonly audio: AudioIndex | undefined;
  readonly video: VideoIndex | undefined;
}

/** Groups units by their times; what overlaps the unit before it (doubled, reordered) is left out. */
export class RunBuilder {
  readonly runs: AudioRun[] = [];
  /** Units that were left out. */
  dropped = 0;
  readonly #offsets = float64Column();
  readonly #sizes = uint32Column();
  readonly #tolerance: number;
  readonly #frameLength: number;

  /** @param tolerance by how much times may be rounded, in samples */
  constructor(options: { readonly tolerance: number; readonly frameLength: number }) {
    this.#tolerance = options.tolerance;
    this.#frameLength = options.frameLength;
  }

  get columns(): SampleColumns {
    return { offsets: this.#offsets.values, sizes: this.#sizes.values };
  }

  add(unit: { config: AudioConfig; pts: number; offset: number; size: number }): void {
    const last = this.runs.at(-1);
    const length = this.#frameLength;
    let { pts } = unit;
    if (last?.config === unit.config) {
      const gap = pts - (last.origin + last.count * length);
      if (gap < -this.#tolerance) {
        this.dropped++;
        return;
      }
      if (gap <= this.#tolerance) {
        last.count++;
        this.#push(unit);
        return;
      }
      // Lost units leave a hole of whole frames, however the times are rounded.
      const lost = Math.round(gap / length);
      if (Math.abs(gap - lost * length) <= this.#tolerance) pts += lost * length - gap;
    }
    this.runs.push({ config: unit.config, first: this.#offsets.length, count: 1, origin: pts });
    this.#push(unit);
  }

  #push({ offset, size }: { offset: number; size: number }): void {
    this.#offsets.push(offset);
    this.#sizes.push(size);
  }
}

/** Gathers the pictures of an index in decoding order. */
export class PictureColumns {
  readonly #offsets = float64Column();
  readonly #sizes = uint32Column();
  readonly #dts = float64Column();
  readonly #pts = float64Column();
  readonly #sync = uint8Column();
  readonly #configOf = int16Column();

  get length(): number {
    return this.#pts.length;
  }

  add(picture: {
    offset: number;
    size: number;
    dts: number;
    pts: number;
    isSync: boolean;
    config: number;
  }): void {
    this.#offsets.push(picture.offset);
    this.#sizes.push(picture.size);
    this.#dts.push(picture.dts);
    this.#pts.push(picture.pts);
    this.#sync.push(picture.isSync ? 1 : 0);
    this.#configOf.push(picture.config);
  }

  get columns(): Omit<VideoIndex, 'configs' | 'to'> {
    return {
      offsets: this.#offsets.values,
      sizes: this.#sizes.values,
      dts: this.#dts.values,
      pts: this.#pts.values,
      sync: this.#sync.values,
      configOf: this.#configOf.values,
    };
  }
}

/** Configurations of units say that NAL lengths have 4 bytes; bytes that are copied as they are keep their own size. */
export function withLengthSize(config: VideoConfig, lengthSize: number): VideoConfig {
  const avcc = Buffer.from(config.avcc);
  if ((avcc[4] ?? 0) % 4 === lengthSize - 1) return config;
  avcc[4] = 0xfc | (lengthSize - 1);
  return { ...config, avcc };
}
