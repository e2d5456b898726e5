import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidOptionError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { RtmpServer, type RtmpPublication } from '../rtmp/rtmp-server.js';
import { handleRequest } from './http-handler.js';
import { OriginStream, type OriginStreamOptions, type OriginStreamStats } from './stream.js';

export interface OriginOptions {
  /** Address that programs are taken at; loopback unless the publishers are elsewhere. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly rtmpPort: number;
  readonly logger?: Logger;
  /** Least length of HLS segments, which end on IDRs. */
  readonly segmentMs?: number;
  /** Length of LL-HLS parts. */
  readonly partMs?: number;
  /** How long viewers are kept when the publisher's connection is gone. */
  readonly lingerMs?: number;
}

export interface OriginEvents {
  /** A program has its first publisher. */
  started: [name: string];
  /** A program is over: its publisher did not come back. */
  ended: [name: string];
}

const APP = 'origin';
const SEGMENT_MS = 2_000;
const PART_MS = 400;
const LINGER_MS = 15_000;
const LISTED_SEGMENTS = 8;
/** An ended program's last segments stay for late fetches. */
const REMAINS_MS = 30_000;

/**
 * The embedded origin: takes programs by RTMP, as any CDN's ingest does, and serves them as HTTP-FLV and low-latency
 * HLS. Whoever publishes needs the unguessable URL of {@link rtmpUrl}.
 */
export class Origin extends EventEmitter<OriginEvents> {
  readonly #host: string;
  /** In the stream key's query, which nothing logs. */
  readonly #secret = randomBytes(16).toString('hex');
  readonly #logger: Logger;
  readonly #lingerMs: number;
  readonly #streamOptions: OriginStreamOptions;
  readonly #streams = new Map<string, { stream: OriginStream; timer?: NodeJS.Timeout | undefined }>();
  #server: RtmpServer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: OriginOptions) {
    super();
    this.#host = options.host;
    this.#logger = options.logger ?? silentLogger;
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
    this.#streamOptions = {
      segmentMs: options.segmentMs ?? SEGMENT_MS,
      partMs: options.partMs ?? PART_MS,
      listedSegments: LISTED_SEGMENTS,
      wallMs: () => Date.now(),
    };
  }

  /** @throws DestinationError when the RTMP address cannot be listened on */
  static async open(options: OriginOptions): Promise<Origin> {
    const origin = new Origin(options);
    const server = await RtmpServer.open({
      host: options.host,
      port: options.rtmpPort,
      logger: origin.#logger,
      acceptApp: (app) => app === APP,
      authorize: (app, name, { query }) => app === APP && isName(name) && query.get('key') === origin.#secret,
    });
    server.on('publish', (publication) => origin.#accept(publication));
    origin.#server = server;
    return origin;
  }

  get rtmpPort(): number {
    return this.#server?.port ?? 0;
  }

  /**
   * Where to publish a program.
   *
   * @param name letters, digits, `_` and `-`
   * @throws InvalidOptionError when the name holds anything else
   */
  rtmpUrl(name: string): string {
    if (!isName(name)) {
      throw new InvalidOptionError(`stream name: expected 1…128 letters, digits, _ or -, got ${name}`);
    }
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host;
    return `rtmp://${host}:${this.rtmpPort}/${APP}/${name}?key=${this.#secret}`;
  }

  /**
   * Serves what lies under `/live/`.
   *
   * @param client its address, where a proxy carries its requests; by default the other end of the connection
   * @returns false when the request is for something else; nothing has been done then
   */
  handle(request: IncomingMessage, response: ServerResponse, client?: string): boolean {
    return handleRequest(request, response, { find: (name) => this.#streams.get(name)?.stream, client });
  }

  streams(): OriginStreamStats[] {
    return [...this.#streams.values()].map(({ stream }) => stream.stats);
  }

  /** Ends all publishers and viewers. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(publication: RtmpPublication): void {
    const name = publication.streamKey;
    let entry = this.#streams.get(name);
    if (entry === undefined || entry.stream.hls.store.isEnded) {
      clearTimeout(entry?.timer);
      entry = { stream: new OriginStream(name, this.#streamOptions) };
      this.#streams.set(name, entry);
      this.emit('started', name);
    }
    clearTimeout(entry.timer);
    const { stream } = entry;
    stream.isLive = true;
    publication.on('unit', (unit) => stream.write(unit));
    publication.once('closed', (reason) => {
      this.#logger.info({ stream: name, reason }, 'origin: the publisher is gone');
      if (reason !== 'replaced') this.#linger(name);
    });
  }

  #linger(name: string): void {
    const entry = this.#streams.get(name);
    if (entry === undefined || this.#closing !== undefined) return;
    entry.stream.isLive = false;
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      entry.stream.end();
      this.emit('ended', name);
      entry.timer = setTimeout(() => this.#streams.delete(name), REMAINS_MS).unref();
    }, this.#lingerMs).unref();
  }

  async #shutDown(): Promise<void> {
    for (const { stream, timer } of this.#streams.values()) {
      clearTimeout(timer);
      stream.end();
    }
    await this.#server?.close();
    this.#streams.clear();
  }
}

function isName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(name);
}
