import type { AddressInfo } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import { systemClock, type Clock } from '../../base/clock.js';
import { DestinationError, InvalidOptionError } from '../../base/errors.js';
import { silentLogger, type Logger } from '../../base/logger.js';
import { Access } from '../auth/access.js';
import { isLoopbackAddress } from '../auth/loopback.js';
import { RateLimiter, type RateLimit } from '../auth/rate-limiter.js';
import { RoomTokens } from '../auth/room-tokens.js';
import type { RoomDirectory } from '../room-api.js';
import { describeApi } from './api-description.js';
import { callerRoutes } from './caller-routes.js';
import { spent, requireAdmin, type HttpContext, type IceServer, type OriginHandler } from './context.js';
import { allowCrossOrigin } from './cors.js';
import { eventRoutes } from './event-routes.js';
import { EventStreams } from './event-streams.js';
import { mediaRoutes } from './media-routes.js';
import { Metrics } from './metrics.js';
import { builtPagesFolder, pages } from './pages.js';
import { participantRoutes } from './participant-routes.js';
import { notFound, sendProblem } from './problem.js';
import { roomRoutes } from './room-routes.js';
import { targetRoutes } from './target-routes.js';
import { answer } from './view-schemas.js';

const MAX_JSON_BYTES = 64 * 1024;
/** A request that takes longer to arrive than this is an attack or a dead line. */
const REQUEST_TIMEOUT_MS = 15_000;

export interface HttpLimits {
  /** All requests to the API. */
  readonly api: RateLimit;
  /** New WHIP and WHEP sessions: each costs a DTLS handshake. */
  readonly offers: RateLimit;
  /** Wrong tokens. */
  readonly failures: RateLimit;
}

export const defaultHttpLimits: HttpLimits = {
  api: { burst: 200, perSecond: 50 },
  offers: { burst: 60, perSecond: 10 },
  failures: { burst: 20, perSecond: 0.5 },
};

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly rooms: RoomDirectory;
  /** Signs invite and participant tokens; at least 32 bytes. */
  readonly signingSecret: Uint8Array;
  /** Needed when `host` is not loopback, and behind a proxy. */
  readonly adminToken?: string | undefined;
  /**
   * Address or network of the proxies before this server (`loopback`, `10.0.0.0/8`; several with commas): who a request
   * comes from is what they say in X-Forwarded-For. By default nobody is believed.
   */
  readonly trustedProxies?: string | undefined;
  /** Answers everything under these paths by itself. */
  readonly origin?: { readonly handler: OriginHandler; readonly prefixes: readonly string[] } | undefined;
  readonly iceServers?: readonly IceServer[];
  readonly limits?: HttpLimits;
  readonly pagesFolder?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** The network's way in over HTTP: WHIP and WHEP, REST, events, metrics, pages, and the origin's paths. */
export class HttpServer implements AsyncDisposable {
  readonly #app: FastifyInstance;
  readonly #events: EventStreams;
  readonly #metrics: Metrics;
  #closing: Promise<void> | undefined;

  private constructor(app: FastifyInstance, events: EventStreams, metrics: Metrics) {
    this.#app = app;
    this.#events = events;
    this.#metrics = metrics;
  }

  /**
   * @throws InvalidOptionError when others could reach it without an admin token, the token is too short, or the proxies
   *   are no addresses
   * @throws DestinationError when the address cannot be bound
   */
  static async open(options: HttpServerOptions): Promise<HttpServer> {
    const { host, port, rooms, adminToken, trustedProxies } = options;
    const { logger = silentLogger, clock = systemClock } = options;
    if (!isLoopbackAddress(host) && adminToken === undefined) {
      throw new InvalidOptionError(`listening on ${host} needs an admin token`, {
        hint: 'Pass one, or listen on 127.0.0.1.',
      });
    }
    if (trustedProxies !== undefined && adminToken === undefined) {
      throw new InvalidOptionError('a server behind a proxy needs an admin token');
    }
    const tokens = new RoomTokens(options.signingSecret);
    const access = new Access({ rooms, tokens, adminToken });
    const events = new EventStreams(rooms);
    const metrics = new Metrics(rooms);
    const limits = options.limits ?? defaultHttpLimits;
    const context: HttpContext = {
      rooms,
      access,
      tokens,
      events,
      logger,
      iceServers: options.iceServers ?? [],
      limiters: {
        api: new RateLimiter(limits.api, clock),
        offers: new RateLimiter(limits.offers, clock),
        failures: new RateLimiter(limits.failures, clock),
      },
    };
    const app = makeApp(trustedProxies);
    const server = new HttpServer(app, events, metrics);
    try {
      await build(app, context, metrics, options);
      await app.listen({ host, port });
    } catch (error) {
      await server.close();
      if ((error as NodeJS.ErrnoException).syscall !== 'listen') throw error;
      throw new DestinationError(`HTTP cannot listen on ${host}:${port}: ${(error as Error).message}`, {
        hint: 'Choose another --port, or end what is listening there.',
        cause: error,
      });
    }
    return server;
  }

  get port(): number {
    return (this.#app.server.address() as AddressInfo).port;
  }

  /** Ends streams and connections, then the listener. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#events.close();
      this.#metrics.close();
      await this.#app.close();
    })();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** @throws InvalidOptionError when the proxies are no addresses */
function makeApp(trustedProxies: string | undefined): FastifyInstance {
  const options = {
    bodyLimit: MAX_JSON_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
    // Unknown fields are refused, numbers in quotes too: better than guessing.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  } as const;
  try {
    return fastify({ ...options, trustProxy: trustedProxies ?? false });
  } catch (cause) {
    throw new InvalidOptionError(
      `trusted proxies: expected addresses or networks, got ${trustedProxies ?? ''}`,
      {
        cause,
        hint: 'Such as loopback, 10.0.0.5 or 10.0.0.0/8; several with commas.',
      },
    );
  }
}

async function build(
  app: FastifyInstance,
  context: HttpContext,
  metrics: Metrics,
  options: HttpServerOptions,
): Promise<void> {
  const { logger } = context;
  app.setErrorHandler((error, _request, reply) => sendProblem(error, reply, logger));
  app.setNotFoundHandler((request, reply) => notFound(request, reply));
  app.addHook('onRequest', (_request, reply, done) => {
    // Links carry keys: no other site is told where a visitor came from.
    void reply.header('referrer-policy', 'no-referrer');
    void reply.header('x-content-type-options', 'nosniff');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, never the URL: a URL can hold a token.
    const { method, routeOptions } = request;
    const ms = Math.round(reply.elapsedTime);
    logger.debug({ method, route: routeOptions.url, status: reply.statusCode, ms }, 'http');
    done();
  });
  await describeApi(app);
  await app.register(
    (api, _options, done) => {
      allowCrossOrigin(api);
      api.addHook('onRequest', (request, _reply, next) =>
        next(spent(context.limiters.api, request, 'requests')),
      );
      callerRoutes(api, context);
      roomRoutes(api, context);
      participantRoutes(api, context);
      targetRoutes(api, context);
      eventRoutes(api, context);
      api.options('/*', { schema: { hide: true } }, (_request, reply) => reply.code(204).send());
      done();
    },
    { prefix: '/api/v1' },
  );
  await app.register((media, _options, done) => {
    allowCrossOrigin(media);
    mediaRoutes(media, context);
    done();
  });
  await app.register(async (rest) => {
    serverRoutes(rest, context, metrics);
    originRoutes(rest, options.origin);
    await pages(rest, options.pagesFolder ?? builtPagesFolder());
  });
}

function serverRoutes(app: FastifyInstance, context: HttpContext, metrics: Metrics): void {
  const tags = ['server'];
  const startedAt = Date.now();
  app.get(
    '/healthz',
    {
      schema: {
        tags,
        summary: 'Is the server up?',
        operationId: 'health',
        response: { 200: answer('Health') },
      },
    },
    () => ({
      status: 'ok',
      rooms: context.rooms.list().length,
      uptimeSeconds: Math.floor((Date.now() - startedAt) / 1000),
    }),
  );
  app.get(
    '/metrics',
    {
      schema: {
        tags,
        summary: 'Figures for Prometheus',
        operationId: 'metrics',
        produces: ['text/plain'],
        response: { 200: { type: 'string', description: 'The text format of Prometheus' } },
      },
    },
    async (request, reply) => {
      await requireAdmin(context, request);
      return reply.type(metrics.contentType).send(await metrics.render());
    },
  );
}

function originRoutes(app: FastifyInstance, origin: HttpServerOptions['origin']): void {
  if (origin === undefined) return;
  const { handler } = origin;
  for (const prefix of origin.prefixes) {
    app.route({
      method: ['GET', 'HEAD', 'OPTIONS'],
      url: `${prefix}/*`,
      schema: { hide: true },
      handler: (request, reply) => {
        if (handler.handle(request.raw, reply.raw, request.ip) === false) return notFound(request, reply);
        return reply.hijack();
      },
    });
  }
}
