import type { FastifyInstance, FastifyReply } from 'fastify';
import { mayRun, type Caller } from '../auth/access.js';
import { HOST_ID } from '../participant.js';
import type { RoomApi, SessionAnswer } from '../room-api.js';
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
import {
  contentTypeOf,
  methodNotAllowed,
  SDP,
  SDP_FRAGMENT,
  subjectOf,
  unsupportedContent,
} from './media-requests.js';
import { sessionRoutes } from './session-routes.js';

/** A browser's offer of one audio and one video track is 6–9 kB. */
const MAX_SDP_BYTES = 64 * 1024;

const sdpAnswer = {
  201: { type: 'string', description: 'The SDP answer; Location is the session, ETag its ICE session' },
} as const;

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

function endpointMethods(app: FastifyInstance, url: string): void {
  app.options(url, { schema: { hide: true } }, (_request, reply) =>
    reply.code(204).header('allow', 'POST, OPTIONS').header('accept-post', SDP).send(),
  );
  methodNotAllowed(app, url, ['GET', 'PUT', 'PATCH', 'DELETE'], 'POST, OPTIONS');
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
  if (mayRun(caller, room)) return { participantId: HOST_ID, subject: subjectOf(caller, room), isNew: false };
  if (caller.kind === 'participant' && caller.room === room.id) {
    return { participantId: caller.participantId, subject: subjectOf(caller, room), isNew: false };
  }
  if (caller.kind === 'invite' && caller.room === room.id) {
    const { id } = room.addGuest({ name: guestName });
    return { participantId: id, subject: `invite:${id}`, isNew: true };
  }
  throw refusal(caller, 'publishing needs the host key of this room or an invite to it');
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
