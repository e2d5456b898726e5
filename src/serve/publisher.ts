import { EventEmitter } from 'node:events';
import { RateMeter } from '../base/rate-meter.js';
import type { AccessUnit } from '../media/access-unit.js';
import type { RtmpPublication } from '../rtmp/rtmp-server.js';
import type { Publication } from '../sfu/publication.js';
import type { ParticipantStats } from './room-api.js';

export interface PublisherEvents {
  unit: [unit: AccessUnit, arrivalUs: number];
  closed: [reason: string];
}

/** A participant's media session, whatever protocol brings it. */
export abstract class Publisher extends EventEmitter<PublisherEvents> {
  abstract readonly protocol: 'whip' | 'rtmp';
  /** Whether the far end can be asked for an IDR. */
  abstract readonly canRequestKeyframe: boolean;
  abstract requestKeyframe(): void;
  abstract close(reason: string): Promise<void> | void;

  readonly #videoBits = new RateMeter();
  readonly #audioBits = new RateMeter();
  readonly #pictures = new RateMeter();
  #width: number | undefined;
  #height: number | undefined;

  /** Figures of the last two seconds. */
  stats(): ParticipantStats {
    return {
      videoBitrateBps: Math.round(this.#videoBits.perSecond()),
      audioBitrateBps: Math.round(this.#audioBits.perSecond()),
      ...(this.#width === undefined || this.#height === undefined
        ? {}
        : { width: this.#width, height: this.#height, fps: Math.round(this.#pictures.perSecond()) }),
    };
  }

  protected take(unit: AccessUnit, arrivalUs: number): void {
    if (unit.kind === 'video') {
      this.#videoBits.add(unit.data.length * 8);
      this.#pictures.add(1);
      this.#width = unit.config.width;
      this.#height = unit.config.height;
    } else {
      this.#audioBits.add(unit.data.length * 8);
    }
    this.emit('unit', unit, arrivalUs);
  }
}

/** A WHIP session. */
export class WhipPublisher extends Publisher {
  readonly protocol = 'whip';
  readonly canRequestKeyframe = true;
  readonly publication: Publication;

  constructor(publication: Publication) {
    super();
    this.publication = publication;
    publication.on('unit', (unit, arrivalUs) => this.take(unit, arrivalUs));
    publication.on('closed', (reason) => this.emit('closed', reason));
  }

  requestKeyframe(): void {
    this.publication.requestKeyframe();
  }

  override stats(): ParticipantStats {
    const { video, audio, rttMs } = this.publication.stats();
    const track = video ?? audio;
    const expected = (track?.packets ?? 0) + (track?.lost ?? 0);
    return {
      ...super.stats(),
      ...(track === undefined || expected === 0
        ? {}
        : { lossRatio: track.lost / expected, jitterMs: track.jitterMs }),
      ...(rttMs === undefined ? {} : { roundTripMs: rttMs }),
    };
  }

  close(reason: string): void {
    this.publication.close(reason);
  }
}

/** OBS or ffmpeg pushing with a stream key. */
export class RtmpPublisher extends Publisher {
  readonly protocol = 'rtmp';
  readonly canRequestKeyframe = false;
  readonly #publication: RtmpPublication;

  constructor(publication: RtmpPublication) {
    super();
    this.#publication = publication;
    publication.on('unit', (unit, arrivalUs) => this.take(unit, arrivalUs));
    publication.on('closed', (reason) => this.emit('closed', reason));
  }

  /** RTMP has no way to ask. */
  requestKeyframe(): void {}

  close(reason: string): Promise<void> {
    return this.#publication.close(reason);
  }
}
