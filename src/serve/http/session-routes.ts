import type { FastifyInstance, FastifyRequest } from 'fastify';
import { mayRun } from '../auth/access.js';
import { NotFoundError } from '../errors.js';
import type { RoomApi, SessionInfo } from '../room-api.js';
import { callerOf, refusal, roomOf, type HttpContext } from './context.js';
import {
  contentTypeOf,
  methodNotAllowed,
  SDP_FRAGMENT,
  subjectOf,
  unsupportedContent,
} from './media-requests.js';
import { HttpError } from './problem.js';
import { nothing } from './view-schemas.js';

interface SessionParams {
  readonly room: string;
  readonly session: string;
}

/** The session's own URL: PATCH trickles candidates, DELETE ends it (RFC 9725 §4.3). */
export function sessionRoutes(app: FastifyInstance, context: HttpContext, kind: SessionInfo['kind']): void {
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
