import type { FastifyInstance } from 'fastify';

const METHODS = 'GET, POST, PUT, PATCH, DELETE, OPTIONS';
const REQUEST_HEADERS = 'Authorization, Content-Type, If-Match, Last-Event-ID';
const EXPOSED_HEADERS = 'Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate';
const PREFLIGHT_SECONDS = 7200;

/**
 * Pages of any origin may call, with a token in the Authorization header: there are no cookies that a foreign page
 * could ride on, and without a token a foreign origin is nobody (see `auth/loopback.ts`).
 */
export function allowCrossOrigin(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.origin === undefined) return;
    void reply.header('access-control-allow-origin', '*');
    void reply.header('access-control-expose-headers', EXPOSED_HEADERS);
    if (request.method !== 'OPTIONS') return;
    void reply.header('access-control-allow-methods', METHODS);
    void reply.header('access-control-allow-headers', REQUEST_HEADERS);
    void reply.header('access-control-max-age', String(PREFLIGHT_SECONDS));
  });
}
