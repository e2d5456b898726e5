import { EventEmitter } from 'node:events';
import { MalformedMediaError } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import type { AccessUnit } from '../media/access-unit.js';
import type { AmfObject } from '../container/flv/amf0.js';
import { TagType } from '../container/flv/tag.js';
import type { ReceivedTag } from '../container/flv/tag-reader.js';
import { FlvUnitReader, type FlvReaderStats } from '../container/flv/unit-reader.js';

/** Why a publication ended. */
export type PublicationEnd =
  /** The publisher said goodbye. */
  | 'unpublished'
  /** The connection ended without one. */
  | 'disconnected'
  /** Another connection publishes with the same key now. */
  | 'replaced'
  /** Nothing has come for the idle limit. */
  | 'timed-out'
  /** A codec that is not supported. */
  | 'unsupported'
  /** Bytes that are no RTMP. */
  | 'malformed'
  /** We ended it. */
  | 'closed';

/** Ends the session that a publication belongs to; resolves when its socket is closed. */
export type EndSession = (reason: PublicationEnd, said: string) => Promise<void>;

interface RtmpPublicationEvents {
  /** On one timeline that only grows; video from the first IDR on, and from the next one after damage. */
  unit: [unit: AccessUnit, arrivalUs: number];
  /** Once. */
  closed: [reason: PublicationEnd];
}

export interface RtmpPublicationStats extends FlvReaderStats {
  readonly videoUnits: number;
  readonly audioUnits: number;
  /** Messages whose media was damaged, and left out. */
  readonly damaged: number;
  /** Pictures left out while waiting for an IDR. */
  readonly droppedPictures: number;
}

/** One stream that a client publishes to our server. */
export class RtmpPublication extends EventEmitter<RtmpPublicationEvents> {
  readonly #reader = new FlvUnitReader();
  readonly #clock: Clock;
  readonly #end: EndSession;
  #needsIdr = true;
  #videoUnits = 0;
  #audioUnits = 0;
  #damaged = 0;
  #droppedPictures = 0;
  #isClosed = false;

  constructor(
    readonly app: string,
    /** Without its query. */
    readonly streamKey: string,
    /** Address and port of the publisher. */
    readonly remoteAddress: string,
    session: { readonly clock: Clock; readonly end: EndSession },
  ) {
    super();
    this.#clock = session.clock;
    this.#end = session.end;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** The newest `onMetaData`. */
  get metadata(): AmfObject {
    return this.#reader.metadata;
  }

  get stats(): RtmpPublicationStats {
    return {
      ...this.#reader.stats,
      videoUnits: this.#videoUnits,
      audioUnits: this.#audioUnits,
      damaged: this.#damaged,
      droppedPictures: this.#droppedPictures,
    };
  }

  /**
   * Ends the publisher's connection. Idempotent.
   *
   * @param reason what the publisher is told
   */
  close(reason = 'the server ended the stream'): Promise<void> {
    return this.#end('closed', reason);
  }

  /** Ends it in favour of a newcomer. */
  replace(): void {
    void this.#end('replaced', 'another connection publishes with this key now');
  }

  /**
   * Takes one message of the connection.
   *
   * @throws UnsupportedMediaError when its codec is none of H.264 and AAC
   */
  receive(tag: ReceivedTag): void {
    if (this.#isClosed) return;
    let unit: AccessUnit | undefined;
    try {
      unit = this.#reader.read(tag);
    } catch (error) {
      if (!(error instanceof MalformedMediaError)) throw error;
      this.#damaged++;
      this.#needsIdr ||= tag.type === TagType.video;
      return;
    }
    if (unit === undefined) return;
    if (unit.kind === 'video') {
      if (this.#needsIdr && !unit.isIdr) {
        this.#droppedPictures++;
        return;
      }
      this.#needsIdr = false;
      this.#videoUnits++;
    } else this.#audioUnits++;
    this.emit('unit', unit, this.#clock.nowUs());
  }

  /** Called by the session, once. */
  ended(reason: PublicationEnd): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.emit('closed', reason);
  }
}
