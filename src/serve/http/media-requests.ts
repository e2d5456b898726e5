import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { mayRun, type Caller } from '../auth/access.js';
import type { RoomApi } from '../room-api.js';
import { HttpError } from './problem.js';

export const SDP = 'application/sdp';
export const SDP_FRAGMENT = 'application/trickle-ice-sdpfrag';

/** Whose a media session is, as it is remembered with it. */
export function subjectOf(caller: Caller, room: RoomApi): string {
  if (mayRun(caller, room)) return 'host';
  return caller.kind === 'participant' && caller.room === room.id
    ? `guest:${caller.participantId}`
    : 'viewer';
}

export function contentTypeOf(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

export function unsupportedContent(
  request: FastifyRequest,
  expected: string,
  reply: FastifyReply,
): HttpError {
  void reply.header(request.method === 'POST' ? 'accept-post' : 'accept-patch', expected);
  const got = contentTypeOf(request);
  return new HttpError(
    415,
    `Content-Type: expected ${expected}, got ${got === '' ? 'none' : got.slice(0, 80)}`,
    {
      code: 'UNSUPPORTED_CONTENT_TYPE',
    },
  );
}

/** RFC 9725 §4.2 and §4.3: 405, not 404, for methods that mean nothing here. HEAD goes with GET. */
export function methodNotAllowed(app: FastifyInstance, url: string, methods: string[], allow: string): void {
  app.route({
    method: methods,
    url,
    schema: { hide: true },
    onRequest: (request) => {
      throw new HttpError(405, `${request.method} means nothing here`, {
        code: 'METHOD_NOT_ALLOWED',
        hint: `Allowed: ${allow}.`,
        headers: { allow },
      });
    },
    handler: () => undefined,
  });
}
