import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { mayRun, type Caller } from '../auth/access.js';
import { NotFoundError } from '../errors.js';
import type { RoomApi, SessionAnswer, SessionInfo } from '../room-api.js';
import {
  callerOf,
  refusal,
  refuseWhenSpent,
  requireInside,
  roomOf,
  unauthorized,
  type HttpContext,
  type IceServer,
} from './context.js';
import { HttpError } from './problem.js';
import { nothing } from './view-schemas.js';

const SDP = 'application/sdp';
const SDP_FRAGMENT = 'application/trickle-ice-sdpfrag';
/** A browser's offer of one audio and one video track is 6–9 kB. */
const MAX_SDP_BYTES = 64 * 1024;
/** The room's own name for the host among its participants. */
const HOST = 'host';

const sdpAnswer = {
  201: { type: 'string', description: 'The SDP answer; Location is the session, ETag its ICE session' },
} as const;

interface SessionParams {
  readonly room: string;
  readonly session: string;
}

/** WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): SDP offers in, sessions as resources. */
export function mediaRoutes(app: FastifyInstance, context: HttpContext): void {
  app.removeAllContentTypeParsers();
  for (const type of [SDP, SDP_FRAGMENT]) {
    app.addContentTypeParser(type, { parseAs: 'string', bodyLimit: MAX_SDP_BYTES }, (_request, body, done) =>
      done(null, body),
    );
  }
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST') return;
    refuseWhenSpent(context.limiters.offers, request, 'media sessions');
    if (contentTypeOf(request) !== SDP) throw unsupportedContent(request, SDP, reply);
  });
  whipRoutes(app, context);
  whepRoutes(app, context);
  for (const kind of ['whip', 'whep'] as const) sessionRoutes(app, context, kind);
}

function whipRoutes(app: FastifyInstance, context: HttpContext): void {
  const url = '/whip/:room';
  app.post<{ Body: string; Querystring: { name?: string } }>(
    url,
    {
      schema: {
        tags: ['media'],
        summary: 'WHIP: publish as the host (host key) or as a guest (invite or participant token)',
        operationId: 'whipPublish',
        consumes: [SDP],
        produces: [SDP],
        querystring: {
          type: 'object',
          properties: { name: { type: 'string', minLength: 1, maxLength: 60 } },
        },
        response: sdpAnswer,
      },
    },
    async (request, reply) => {
      const room = roomOf(context, request);
      const caller = await callerOf(context, request, room.id);
      const publisher = publisherOf(caller, room, request.query.name ?? 'Guest');
      try {
        const answer = await room.publish(publisher.participantId, {
          offerSdp: request.body,
          subject: publisher.subject,
          remoteAddress: request.ip,
        });
        return answerSession(reply, context, `/whip/${room.id}`, answer);
      } catch (error) {
        if (publisher.isNew) await room.removeParticipant(publisher.participantId, 'could not publish');
        throw error;
      }
    },
  );
  endpointMethods(app, url);
}

function whepRoutes(app: FastifyInstance, context: HttpContext): void {
  const schema = { tags: ['media'], consumes: [SDP], produces: [SDP], response: sdpAnswer };
  app.post<{ Body: string }>(
    '/whep/:room',
    { schema: { ...schema, summary: 'WHEP: play the program', operationId: 'whepProgram' } },
    async (request, reply) => {
      const room = roomOf(context, request);
      const caller = await callerOf(context, request, room.id);
      const answer = await room.subscribeMedia('program', {
        offerSdp: request.body,
        subject: subjectOf(caller, room),
        remoteAddress: request.ip,
      });
      return answerSession(reply, context, `/whep/${room.id}`, answer);
    },
  );
  endpointMethods(app, '/whep/:room');

  app.post<{ Body: string; Params: { room: string; participant: string } }>(
    '/whep/:room/:participant',
    {
      schema: {
        ...schema,
        summary: 'WHEP: hear and see one participant, for those in the room',
        operationId: 'whepParticipant',
      },
    },
    async (request, reply) => {
      const room = await requireInside(context, request);
      const caller = await callerOf(context, request, room.id);
      const { participant } = request.params;
      const answer = await room.subscribeMedia(
        { participant },
        { offerSdp: request.body, subject: subjectOf(caller, room), remoteAddress: request.ip },
      );
      return answerSession(reply, context, `/whep/${room.id}`, answer);
    },
  );
  endpointMethods(app, '/whep/:room/:participant');
}

/** The session's own URL: PATCH trickles candidates, DELETE ends it (RFC 9725 §4.3). */
function sessionRoutes(app: FastifyInstance, context: HttpContext, kind: SessionInfo['kind']): void {
  const url = `/${kind}/:room/sessions/:session`;
  app.patch<{ Body: string; Params: SessionParams }>(
    url,
    {
      schema: {
        tags: ['media'],
        summary: `Trickle ICE candidates into a ${kind.toUpperCase()} session, or restart its ICE`,
        description:
          'If-Match names the ICE session (the ETag of the answer before) for candidates: 204. An ICE restart sends ' +
          'If-Match: * with new credentials: 200, with ours and the ETag of the new ICE session.',
        operationId: `${kind}Trickle`,
        consumes: [SDP_FRAGMENT],
        produces: [SDP_FRAGMENT],
        response: {
          200: { type: 'string', description: 'Our credentials and candidates after an ICE restart' },
          204: nothing,
        },
      },
    },
    async (request, reply) => {
      const { room, session } = await sessionOf(context, request, kind);
      if (contentTypeOf(request) !== SDP_FRAGMENT) throw unsupportedContent(request, SDP_FRAGMENT, reply);
      checkPrecondition(request.headers['if-match'], session.etag);
      const { etag, restartFragment } = await room.patchSession(session.id, request.body);
      void reply.header('etag', `"${etag}"`);
      if (restartFragment === undefined) return reply.code(204).send();
      return reply.code(200).type(SDP_FRAGMENT).send(restartFragment);
    },
  );
  app.delete<{ Params: SessionParams }>(
    url,
    {
      schema: {
        tags: ['media'],
        summary: `End a ${kind.toUpperCase()} session`,
        operationId: `${kind}End`,
        response: { 200: nothing },
      },
    },
    async (request, reply) => {
      const { room, session } = await sessionOf(context, request, kind);
      await room.endSession(session.id);
      // Whoever came with nothing but an invite has no other way to leave.
      if (session.subject.startsWith('invite:')) {
        await room.removeParticipant(session.subject.slice('invite:'.length), 'left');
      }
      return reply.code(200).send();
    },
  );
  app.options(url, { schema: { hide: true } }, (_request, reply) =>
    reply.code(204).header('allow', 'PATCH, DELETE, OPTIONS').header('accept-patch', SDP_FRAGMENT).send(),
  );
  methodNotAllowed(app, url, ['GET', 'POST', 'PUT'], 'PATCH, DELETE, OPTIONS');
}

function endpointMethods(app: FastifyInstance, url: string): void {
  app.options(url, { schema: { hide: true } }, (_request, reply) =>
    reply.code(204).header('allow', 'POST, OPTIONS').header('accept-post', SDP).send(),
  );
  methodNotAllowed(app, url, ['GET', 'PUT', 'PATCH', 'DELETE'], 'POST, OPTIONS');
}

/** RFC 9725 §4.2 and §4.3: 405, not 404, for methods that mean nothing here. HEAD goes with GET. */
function methodNotAllowed(app: FastifyInstance, url: string, methods: string[], allow: string): void {
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

interface Publisher {
  readonly participantId: string;
  readonly subject: string;
  readonly isNew: boolean;
}

/**
 * Publishing always takes a token, on loopback too: nobody becomes the host by accident.
 * @throws HttpError 401, 403
 */
function publisherOf(caller: Caller, room: RoomApi, guestName: string): Publisher {
  if (caller.kind === 'admin' && caller.implied)
    throw unauthorized('publishing needs the host key or an invite');
  if (mayRun(caller, room)) return { participantId: HOST, subject: subjectOf(caller, room), isNew: false };
  if (caller.kind === 'participant' && caller.room === room.id) {
    return { participantId: caller.participantId, subject: subjectOf(caller, room), isNew: false };
  }
  if (caller.kind === 'invite' && caller.room === room.id) {
    const { id } = room.addGuest({ name: guestName });
    return { participantId: id, subject: `invite:${id}`, isNew: true };
  }
  throw refusal(caller, 'publishing needs the host key of this room or an invite to it');
}

function subjectOf(caller: Caller, room: RoomApi): string {
  if (mayRun(caller, room)) return 'host';
  return caller.kind === 'participant' && caller.room === room.id
    ? `guest:${caller.participantId}`
    : 'viewer';
}

/** @throws NotFoundError, HttpError 401, 403 */
async function sessionOf(
  context: HttpContext,
  request: FastifyRequest<{ Params: SessionParams }>,
  kind: SessionInfo['kind'],
): Promise<{ room: RoomApi; session: SessionInfo }> {
  const room = roomOf(context, request);
  const caller = await callerOf(context, request, room.id);
  const session = room.session(request.params.session);
  if (session?.kind !== kind) throw new NotFoundError('the session has ended or never was');
  // A viewer needed no token, and holds the unguessable URL.
  if (session.subject === 'viewer' || mayRun(caller, room)) return { room, session };
  const own =
    session.subject.startsWith('invite:') && caller.kind === 'invite'
      ? caller.room === room.id
      : session.subject === subjectOf(caller, room);
  if (!own) throw refusal(caller, 'the session belongs to somebody else');
  return { room, session };
}

/** RFC 9725 §4.3.1: trickling names the ICE session it is for. `*` comes with an ICE restart, whatever the session. */
function checkPrecondition(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined) {
    throw new HttpError(428, 'If-Match is missing', {
      code: 'PRECONDITION_REQUIRED',
      hint: 'Send the ETag of the 201 answer, or * with new credentials to restart ICE.',
    });
  }
  if (ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.includes(`"${etag}"`)) {
    throw new HttpError(412, 'If-Match names another ICE session', { code: 'PRECONDITION_FAILED' });
  }
}

function contentTypeOf(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function unsupportedContent(request: FastifyRequest, expected: string, reply: FastifyReply): HttpError {
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

/** RFC 9725 §4.2: 201 with the session's URL, its ETag, and the ICE servers as links. */
function answerSession(
  reply: FastifyReply,
  context: HttpContext,
  endpoint: string,
  answer: SessionAnswer,
): FastifyReply {
  const links = context.iceServers.map(iceServerLink);
  if (links.length > 0) void reply.header('link', links.join(', '));
  return reply
    .code(201)
    .header('location', `${endpoint}/sessions/${answer.sessionId}`)
    .header('etag', `"${answer.etag}"`)
    .header('accept-patch', SDP_FRAGMENT)
    .header('cache-control', 'no-store')
    .type(SDP)
    .send(answer.answerSdp);
}

function iceServerLink({ url, username, credential }: IceServer): string {
  const parts = [`<${url}>`, 'rel="ice-server"'];
  if (username !== undefined) parts.push(`username="${username}"`);
  if (credential !== undefined) parts.push(`credential="${credential}"`, 'credential-type="password"');
  return parts.join('; ');
}
