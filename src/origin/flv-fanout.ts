import type { ServerResponse } from 'node:http';
import { FlvMuxer, metadataTag, unitTimeMs } from '../container/flv/muxer.js';
import { flvFileHeader, serialiseTag, type FlvTag } from '../container/flv/tag.js';
import type { AacConfig, VideoConfig } from '../media/access-unit.js';
import type { ProgramUnit } from '../media/program-sink.js';

export interface FlvFanoutOptions {
  /** Bytes that may wait for one viewer; beyond it that viewer drops to the next IDR. */
  readonly maxViewerBytes: number;
  /** Bytes of the newest GOP that are kept for newcomers. */
  readonly maxGopBytes: number;
  /** A viewer to whom nothing could be sent for so long is let go. */
  readonly stallMs: number;
}

interface Viewer {
  readonly response: ServerResponse;
  /** Nothing is sent until the next IDR. */
  waitsForIdr: boolean;
  /** When its queue was last below the limit, ms. */
  lastFlowMs: number;
}

/** A step of the timeline beyond this, either way, is a new timeline: it is joined on to the old one. */
const MAX_STEP_MS = 10_000;
const JOIN_GAP_MS = 40;

/** One stream to any number of HTTP-FLV viewers: muxed once, each viewer with a bounded queue of its own. */
export class FlvFanout {
  readonly #options: FlvFanoutOptions;
  readonly #viewers = new Set<Viewer>();
  #muxer = new FlvMuxer();
  #originMs = 0;
  #lastMs: number | undefined;
  #video: { config: VideoConfig; header: FlvTag } | undefined;
  #audio: { config: AacConfig; header: FlvTag } | undefined;
  #gop: Buffer[] = [];
  #gopBytes = 0;
  #gopIsWhole = false;
  #bytesOut = 0;
  #drops = 0;

  constructor(options: FlvFanoutOptions) {
    this.#options = options;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  /** How often a viewer had to drop to the next IDR. */
  get drops(): number {
    return this.#drops;
  }

  /** Takes over a response whose head is written. It starts at the newest IDR, when there is one. */
  add(response: ServerResponse): void {
    const viewer: Viewer = { response, waitsForIdr: !this.#gopIsWhole, lastFlowMs: Date.now() };
    this.#viewers.add(viewer);
    response.once('close', () => this.#viewers.delete(viewer));
    response.on('error', () => response.destroy());
    const has = { audio: this.#audio !== undefined, video: this.#video !== undefined };
    // Before anything is known both are promised: players wait for what is.
    const promised = has.audio || has.video ? has : { audio: true, video: true };
    this.#send(viewer, flvFileHeader(promised));
    if (this.#gopIsWhole || (has.audio && !has.video)) {
      viewer.waitsForIdr = false;
      this.#sendHeaders(viewer);
      for (const bytes of this.#gop) this.#send(viewer, bytes);
    }
  }

  write(unit: ProgramUnit): void {
    this.#follow(unit);
    const tags = this.#muxer.tags(unit);
    if (unit.kind === 'video' && unit.isIdr) {
      this.#gop = [];
      this.#gopBytes = 0;
      this.#gopIsWhole = true;
    }
    for (const tag of tags) if (tag.isSequenceHeader) this.#remember(unit, tag);
    const pieces = tags.map((tag) => ({ tag, bytes: serialiseTag(tag) }));
    for (const { tag, bytes } of pieces) {
      // The newest headers go to a newcomer anyway.
      if (!(tag.isSequenceHeader && unit.kind === 'video')) this.#keep(bytes);
    }
    for (const viewer of this.#viewers) this.#deliver(viewer, unit, pieces);
  }

  /** Ends every viewer's response. */
  end(): void {
    for (const { response } of this.#viewers) response.end();
    this.#viewers.clear();
  }

  #follow(unit: ProgramUnit): void {
    const time = unitTimeMs(unit);
    if (this.#lastMs !== undefined && Math.abs(time - this.#lastMs) > MAX_STEP_MS) {
      this.#originMs = time - (this.#lastMs - this.#originMs) - JOIN_GAP_MS;
      this.#muxer = new FlvMuxer({ originMs: this.#originMs });
    }
    this.#lastMs = time;
  }

  #remember(unit: ProgramUnit, header: FlvTag): void {
    if (unit.kind === 'video') this.#video = { config: unit.config, header };
    else this.#audio = { config: unit.config, header };
  }

  #keep(bytes: Buffer): void {
    if (!this.#gopIsWhole) return;
    this.#gop.push(bytes);
    this.#gopBytes += bytes.length;
    if (this.#gopBytes > this.#options.maxGopBytes) {
      this.#gop = [];
      this.#gopBytes = 0;
      this.#gopIsWhole = false;
    }
  }

  #deliver(
    viewer: Viewer,
    unit: ProgramUnit,
    pieces: readonly { readonly tag: FlvTag; readonly bytes: Buffer }[],
  ): void {
    const waiting = viewer.response.writableLength;
    const now = Date.now();
    if (waiting <= this.#options.maxViewerBytes) viewer.lastFlowMs = now;
    else if (!viewer.waitsForIdr) {
      viewer.waitsForIdr = true;
      this.#drops++;
    }
    if (now - viewer.lastFlowMs > this.#options.stallMs) {
      viewer.response.destroy();
      return;
    }
    if (viewer.waitsForIdr) {
      const isStart = unit.kind === 'video' ? unit.isIdr : this.#video === undefined;
      if (!isStart || waiting > this.#options.maxViewerBytes / 4) return;
      viewer.waitsForIdr = false;
      this.#sendHeaders(viewer);
      for (const { tag, bytes } of pieces) if (!tag.isSequenceHeader) this.#send(viewer, bytes);
      return;
    }
    for (const { bytes } of pieces) this.#send(viewer, bytes);
  }

  /** Headers keep their own times, which do not step ahead of the pictures that follow them. */
  #sendHeaders(viewer: Viewer): void {
    const metadata = metadataTag({ video: this.#video?.config, audio: this.#audio?.config });
    for (const tag of [metadata, this.#video?.header, this.#audio?.header]) {
      if (tag !== undefined) this.#send(viewer, serialiseTag(tag));
    }
  }

  #send(viewer: Viewer, bytes: Buffer): void {
    viewer.response.write(bytes);
    this.#bytesOut += bytes.length;
  }
}
