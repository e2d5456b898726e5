import type { AccessUnit } from '../media/access-unit.js';
import { isProgramUnit } from './program-unit.js';
import { FlvFanout } from './flv-fanout.js';
import { HlsSegmenter } from './segmenter.js';
import { ViewerCount } from './viewer-count.js';

export interface OriginStreamStats {
  readonly name: string;
  /** A publisher is connected. */
  readonly isLive: boolean;
  readonly flvViewers: number;
  /** Clients that fetched something in the last seconds. */
  readonly hlsViewers: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** How often an HTTP-FLV viewer was too slow and dropped to the next IDR. */
  readonly drops: number;
}

export interface OriginStreamOptions {
  readonly segmentMs: number;
  readonly partMs: number;
  readonly listedSegments: number;
  readonly wallMs: () => number;
}

const MAX_VIEWER_BYTES = 4 * 1024 * 1024;
const MAX_GOP_BYTES = 16 * 1024 * 1024;
const MAX_HLS_BYTES = 96 * 1024 * 1024;
const STALL_MS = 30_000;

/** One program as its viewers get it. Outlives its publisher's connection for a while. */
export class OriginStream {
  readonly name: string;
  readonly flv = new FlvFanout({
    maxViewerBytes: MAX_VIEWER_BYTES,
    maxGopBytes: MAX_GOP_BYTES,
    stallMs: STALL_MS,
  });
  readonly hls: HlsSegmenter;
  readonly hlsViewers = new ViewerCount();
  isLive = false;
  hlsBytesOut = 0;
  #bytesIn = 0;

  constructor(name: string, options: OriginStreamOptions) {
    this.name = name;
    const { wallMs } = options;
    this.hls = new HlsSegmenter({ ...options, epoch: wallMs().toString(36), maxBytes: MAX_HLS_BYTES });
  }

  get stats(): OriginStreamStats {
    return {
      name: this.name,
      isLive: this.isLive,
      flvViewers: this.flv.viewers,
      hlsViewers: this.hlsViewers.count(),
      bytesIn: this.#bytesIn,
      bytesOut: this.flv.bytesOut + this.hlsBytesOut,
      drops: this.flv.drops,
    };
  }

  write(unit: AccessUnit): void {
    this.#bytesIn += unit.data.length;
    this.hls.write(unit);
    if (isProgramUnit(unit)) this.flv.write(unit);
  }

  end(): void {
    this.isLive = false;
    this.flv.end();
    this.hls.end();
  }
}
