import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type Clock, systemClock } from '../base/clock.js';
import { DestinationError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import type { RtmpPublication } from './publication.js';
import type { PublishDecision, PublishRequest } from './publish-request.js';
import { ServerSession, type ServerSessionHost } from './server-session.js';

export type { RtmpPublication } from './publication.js';

export interface RtmpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Says who may publish. Asked for each publish; what it throws denies. */
  readonly authorize: (
    app: string,
    streamKey: string,
    request: PublishRequest,
  ) => PublishDecision | Promise<PublishDecision>;
  /** Which applications exist; all by default. */
  readonly acceptApp?: (app: string) => boolean;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Further clients are turned away. */
  readonly maxConnections?: number;
  readonly handshakeTimeoutMs?: number;
  /** From the handshake to `publish`. */
  readonly publishTimeoutMs?: number;
  /** A publisher that sends nothing at all, not even an answer to a ping, is taken for gone. */
  readonly idleTimeoutMs?: number;
  /** RTMPS: key and certificate, PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

interface RtmpServerEvents {
  /**
   * A publisher was let in. Listen to its units at once. With a key in use the newcomer wins and the older publication
   * has just been closed as `replaced`: after a network drop an encoder is back long before its old connection is
   * known to be dead.
   */
  publish: [RtmpPublication];
}

const DEFAULT_MAX_CONNECTIONS = 256;
const DEFAULT_HANDSHAKE_TIMEOUT_MS = 5_000;
const DEFAULT_PUBLISH_TIMEOUT_MS = 10_000;
const DEFAULT_IDLE_TIMEOUT_MS = 10_000;

/** Takes publishers by RTMP: H.264 and AAC, from OBS, ffmpeg and the like. */
export class RtmpServer extends EventEmitter<RtmpServerEvents> {
  readonly #server: Server;
  readonly #host: ServerSessionHost;
  readonly #maxConnections: number;
  readonly #sessions = new Set<ServerSession>();
  readonly #publications = new Map<string, RtmpPublication>();
  readonly #logger: Logger;
  #turnedAway = 0;
  #closing: Promise<void> | undefined;

  /** @throws DestinationError when the address cannot be listened on */
  static async open(options: RtmpServerOptions): Promise<RtmpServer> {
    const server = new RtmpServer(options);
    try {
      server.#server.listen(options.port, options.host);
      await once(server.#server, 'listening');
    } catch (error) {
      throw new DestinationError(
        `RTMP cannot listen on ${options.host}:${options.port}: ${(error as Error).message}`,
        { cause: error, hint: 'Choose another RTMP port, or end what is listening there.' },
      );
    }
    server.#server.on('error', (error) => server.#logger.error({ err: error }, 'RTMP listener'));
    return server;
  }

  private constructor(options: RtmpServerOptions) {
    super();
    this.#logger = options.logger ?? silentLogger;
    this.#maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
    this.#host = {
      clock: options.clock ?? systemClock,
      logger: this.#logger,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
      publishTimeoutMs: options.publishTimeoutMs ?? DEFAULT_PUBLISH_TIMEOUT_MS,
      idleTimeoutMs: options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
      authorize: (request): PublishDecision | Promise<PublishDecision> =>
        options.authorize(request.app, request.streamKey, request),
      acceptApp: options.acceptApp ?? ((): boolean => true),
      published: (publication): void => this.#published(publication),
    };
    if (options.tls === undefined) this.#server = createServer((socket) => this.#accept(socket));
    else {
      const { handshakeTimeoutMs: handshakeTimeout } = this.#host;
      this.#server = createTlsServer({ ...options.tls, handshakeTimeout }, (socket) => this.#accept(socket));
      this.#server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
      // TLS handshakes count as well, so that half-open ones are bounded too.
      this.#server.maxConnections = this.#maxConnections;
    }
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get publications(): readonly RtmpPublication[] {
    return [...this.#publications.values()];
  }
  /** Clients, publishing or not. */
  get connections(): number {
    return this.#sessions.size;
  }
  /** Clients over the limit. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Ends all clients. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shutDown(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sessions = [...this.#sessions];
    for (const session of sessions) session.end('closed');
    await Promise.all(sessions.map((session) => session.finished));
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#sessions.size >= this.#maxConnections || this.#closing !== undefined) {
      this.#turnedAway++;
      socket.on('error', () => undefined).destroy();
      return;
    }
    const session = new ServerSession(socket, this.#host);
    this.#sessions.add(session);
    void session.run().finally(() => this.#sessions.delete(session));
  }

  #published(publication: RtmpPublication): void {
    const name = `${publication.app}/${publication.streamKey}`;
    this.#publications.get(name)?.replace();
    this.#publications.set(name, publication);
    publication.once('closed', () => {
      if (this.#publications.get(name) === publication) this.#publications.delete(name);
    });
    this.emit('publish', publication);
  }
}
