import type { FastifyInstance, FastifyRequest } from 'fastify';
import { mayRun } from '../auth/access.js';
import { NotFoundError } from '../errors.js';
import type { ParticipantChange, RoomApi } from '../room-api.js';
import { callerOf, reachableRtmpUrl, refusal, requireHost, roomOf, type HttpContext } from './context.js';
import { audienceOf, visibleRoom } from './room-visibility.js';
import { changeParticipantSchema, knockSchema } from './schemas.js';
import { answer, answerList, nothing } from './view-schemas.js';

interface ParticipantParams {
  readonly room: string;
  readonly participant: string;
}

/** Guests knock, are let in, adjusted and sent away. */
export function participantRoutes(app: FastifyInstance, context: HttpContext): void {
  const tags = ['participants'];

  app.get(
    '/rooms/:room/participants',
    {
      schema: {
        tags,
        summary: 'Who is in the room',
        operationId: 'listParticipants',
        response: { 200: answerList('Participant') },
      },
    },
    async (request) => {
      const room = roomOf(context, request);
      const caller = await callerOf(context, request, room.id);
      return visibleRoom(room, audienceOf(caller, room)).participants;
    },
  );

  app.post<{ Body: { name: string; protocol: 'whip' | 'rtmp' } }>(
    '/rooms/:room/participants',
    {
      schema: {
        tags,
        summary: 'Knock with an invite (the answer holds a token), or give a guest by RTMP a stream key',
        operationId: 'knock',
        body: knockSchema,
        response: { 201: answer('Admission') },
      },
    },
    async (request, reply) => {
      const room = roomOf(context, request);
      const caller = await callerOf(context, request, room.id);
      const invited = caller.kind === 'invite' && caller.room === room.id;
      if (!invited && !mayRun(caller, room)) throw refusal(caller, 'this needs an invite to this room');
      const { name, protocol } = request.body;
      const byRtmp = protocol === 'rtmp';
      if (byRtmp && !mayRun(caller, room)) throw refusal(caller, 'only the host gives out stream keys');
      const participant = byRtmp ? await room.addRtmpGuest({ name }) : room.addGuest({ name });
      const secret = byRtmp
        ? rtmpAddress(request, room, participant.id)
        : { token: await context.tokens.participant(room, participant.id) };
      void reply.header('cache-control', 'no-store');
      return reply
        .code(201)
        .header('location', `/api/v1/rooms/${room.id}/participants/${participant.id}`)
        .send({ participant, ...secret });
    },
  );

  app.get<{ Params: ParticipantParams }>(
    '/rooms/:room/participants/:participant/key',
    {
      schema: {
        tags,
        summary: 'Where the host, or a guest by RTMP, pushes to from OBS or ffmpeg',
        operationId: 'getStreamKey',
        response: { 200: answer('StreamKey') },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      const { participant: id } = request.params;
      requirePresent(room, id);
      void reply.header('cache-control', 'no-store');
      return rtmpAddress(request, room, id);
    },
  );

  app.patch<{ Params: ParticipantParams; Body: ParticipantChange & { state?: 'accepted' } }>(
    '/rooms/:room/participants/:participant',
    {
      schema: {
        tags,
        summary: 'Accept, mute, set the gain or the name of a participant',
        operationId: 'changeParticipant',
        body: changeParticipantSchema,
        response: { 200: answer('Participant') },
      },
    },
    async (request) => {
      const room = await requireHost(context, request);
      const { participant: id } = request.params;
      requirePresent(room, id);
      const { state, ...change } = request.body;
      const accepted = state === 'accepted' ? room.acceptParticipant(id) : undefined;
      if (accepted !== undefined && Object.keys(change).length === 0) return accepted;
      return room.updateParticipant(id, change);
    },
  );

  app.delete<{ Params: ParticipantParams }>(
    '/rooms/:room/participants/:participant',
    {
      schema: {
        tags,
        summary: 'Send a guest away, or leave',
        operationId: 'removeParticipant',
        response: { 204: nothing },
      },
    },
    async (request, reply) => {
      const room = roomOf(context, request);
      const caller = await callerOf(context, request, room.id);
      const { participant: id } = request.params;
      const self = caller.kind === 'participant' && caller.room === room.id && caller.participantId === id;
      if (!self && !mayRun(caller, room)) throw refusal(caller, 'only the host can send others away');
      requirePresent(room, id);
      await room.removeParticipant(id, self ? 'left' : 'removed by the host');
      return reply.code(204).send();
    },
  );
}

function rtmpAddress(
  request: FastifyRequest,
  room: RoomApi,
  participantId: string,
): { rtmpUrl: string; streamKey: string } {
  return { rtmpUrl: reachableRtmpUrl(request, room), streamKey: room.streamKeyOf(participantId) };
}

function requirePresent(room: RoomApi, id: string): void {
  if (!room.view().participants.some((participant) => participant.id === id)) {
    throw new NotFoundError(`participant ${JSON.stringify(id.slice(0, 64))} is not in room ${room.id}`);
  }
}
