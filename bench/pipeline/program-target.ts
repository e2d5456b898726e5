import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { NalType, nalType, splitLengthPrefixed } from '../../src/codec/h264/nal.js';
import { sameConfig, type VideoConfig, type VideoUnit } from '../../src/media/access-unit.js';
import { RtmpServer, type RtmpPublication } from '../../src/rtmp/rtmp-server.js';

const AAC_FRAME = 1024;

/** A picture that came out at the RTMP target. */
export interface ArrivedPicture {
  /** {@link pictureHash} */
  readonly hash: string;
  /** Time of the RTMP stream in 1/90000 s, exact to the millisecond. */
  readonly pts: number;
  readonly isIdr: boolean;
  /** Whether other parameter sets hold from here on. */
  readonly newConfig: boolean;
  /** System clock when its last byte had been read. */
  readonly arrivalUs: number;
}

export interface Continuity {
  readonly publishes: number;
  readonly pictures: number;
  readonly audioFrames: number;
  /** Steps between audio frames that were not 1024 samples. */
  readonly audioBreaks: number;
  /** Pictures whose time did not grow. */
  readonly backward: number;
  readonly longestStepMs: number;
}

/** The program's CDN: an RTMP server in this process, so that arrival is told by the same clock as sending. */
export class ProgramTarget extends EventEmitter<{ picture: [ArrivedPicture] }> {
  readonly #server: RtmpServer;
  #publishes = 0;
  #pictures = 0;
  #audioFrames = 0;
  #audioBreaks = 0;
  #backward = 0;
  #longestStep = 0;
  #lastVideoPts: number | undefined;
  #lastAudioPts: number | undefined;
  #config: VideoConfig | undefined;

  private constructor(server: RtmpServer) {
    super();
    this.#server = server;
    server.on('publish', (publication) => this.#onPublish(publication));
  }

  static async open(): Promise<ProgramTarget> {
    return new ProgramTarget(await RtmpServer.open({ host: '127.0.0.1', port: 0, authorize: () => true }));
  }

  get url(): string {
    return `rtmp://127.0.0.1:${this.#server.port}/live/program`;
  }

  continuity(): Continuity {
    return {
      publishes: this.#publishes,
      pictures: this.#pictures,
      audioFrames: this.#audioFrames,
      audioBreaks: this.#audioBreaks,
      backward: this.#backward,
      longestStepMs: Math.round(this.#longestStep / 90),
    };
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #onPublish(publication: RtmpPublication): void {
    this.#publishes++;
    publication.on('unit', (unit, arrivalUs) => {
      if (unit.kind === 'video') this.#onPicture(unit, arrivalUs);
      else this.#onAudio(unit.pts);
    });
  }

  #onPicture(unit: VideoUnit, arrivalUs: number): void {
    this.#pictures++;
    if (this.#lastVideoPts !== undefined) {
      const step = unit.pts - this.#lastVideoPts;
      if (step <= 0) this.#backward++;
      this.#longestStep = Math.max(this.#longestStep, step);
    }
    this.#lastVideoPts = unit.pts;
    const newConfig = this.#config === undefined || !sameConfig(this.#config, unit.config);
    this.#config = unit.config;
    const { pts, isIdr } = unit;
    this.emit('picture', { hash: pictureHash(unit), pts, isIdr, newConfig, arrivalUs });
  }

  #onAudio(pts: number): void {
    this.#audioFrames++;
    if (this.#lastAudioPts !== undefined && pts - this.#lastAudioPts !== AAC_FRAME) this.#audioBreaks++;
    this.#lastAudioPts = pts;
  }
}

/** Of the slices alone: other NAL units may be left out or added on the way. */
export function pictureHash(unit: VideoUnit): string {
  const hash = createHash('sha1');
  for (const nal of splitLengthPrefixed(unit.data)) {
    const type = nalType(nal);
    if (type >= NalType.slice && type <= NalType.idr) hash.update(nal);
  }
  return hash.digest('base64');
}
