import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Layout, Mode, ProgramSettings } from '../../media/program-settings.js';
import { DEFAULT_INVITE_SECONDS } from '../auth/room-tokens.js';
import type { CreateRoomOptions, RecordingView, RoomApi } from '../room-api.js';
import {
  callerOf,
  reachableRtmpUrl,
  requireAdmin,
  requireHost,
  roomOf,
  type HttpContext,
} from './context.js';
import { audienceOf, visibleRoom } from './room-visibility.js';
import {
  changeRoomSchema,
  createRoomSchema,
  inviteSchema,
  modeSchema,
  recordingSchema,
  setLayoutSchema,
} from './schemas.js';
import { answer, answerList, nothing } from './view-schemas.js';

/** Rooms, their keys and invites, mode, layout and recording. */
export function roomRoutes(app: FastifyInstance, context: HttpContext): void {
  const tags = ['rooms'];

  app.get(
    '/rooms',
    {
      schema: { tags, summary: 'All rooms', operationId: 'listRooms', response: { 200: answerList('Room') } },
    },
    async (request) => {
      await requireAdmin(context, request);
      return context.rooms.list().map((room) => room.view());
    },
  );

  app.post<{ Body: CreateRoomOptions }>(
    '/rooms',
    {
      schema: {
        tags,
        summary: 'Open a room',
        operationId: 'createRoom',
        body: createRoomSchema,
        response: { 201: answer('Room') },
      },
    },
    async (request, reply) => {
      await requireAdmin(context, request);
      const room = await context.rooms.create(request.body);
      return reply.code(201).header('location', `/api/v1/rooms/${room.id}`).send(room.view());
    },
  );

  app.get(
    '/rooms/:room',
    {
      schema: {
        tags,
        summary: 'A room, as far as the caller may see it',
        operationId: 'getRoom',
        response: { 200: answer('Room') },
      },
    },
    async (request) => {
      const room = roomOf(context, request);
      return visibleRoom(room, audienceOf(await callerOf(context, request, room.id), room));
    },
  );

  app.patch<{ Body: { name?: string; settings?: Partial<ProgramSettings> } }>(
    '/rooms/:room',
    {
      schema: {
        tags,
        summary: 'Rename a room or change how its program is made',
        operationId: 'changeRoom',
        body: changeRoomSchema,
        response: { 200: answer('Room') },
      },
    },
    async (request) => {
      const room = await requireHost(context, request);
      const { name, settings } = request.body;
      if (settings !== undefined) await room.updateSettings(settings);
      if (name !== undefined) await room.rename(name);
      return room.view();
    },
  );

  app.delete(
    '/rooms/:room',
    {
      schema: {
        tags,
        summary: 'End and forget a room',
        operationId: 'deleteRoom',
        response: { 204: nothing },
      },
    },
    async (request, reply) => {
      await requireAdmin(context, request);
      await context.rooms.delete(roomOf(context, request).id);
      return reply.code(204).send();
    },
  );

  app.delete(
    '/rooms/:room/program',
    {
      schema: {
        tags,
        summary: 'Take the program off air at once, without waiting for the host to come back',
        operationId: 'endProgram',
        response: { 204: nothing },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      await room.endProgram();
      return reply.code(204).send();
    },
  );

  app.put<{ Body: { mode: Mode } }>(
    '/rooms/:room/mode',
    {
      schema: {
        tags,
        summary: 'Switch between live and collab; the event `switched` tells when it is on air',
        operationId: 'setMode',
        body: modeSchema,
        response: { 202: answer('Room') },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      await room.setMode(request.body.mode);
      return reply.code(202).send(room.view());
    },
  );

  app.put<{ Body: { layout: Layout } }>(
    '/rooms/:room/layout',
    {
      schema: {
        tags,
        summary: 'Arrange the mixed pictures',
        operationId: 'setLayout',
        body: setLayoutSchema,
        response: { 200: answer('Room') },
      },
    },
    async (request) => {
      const room = await requireHost(context, request);
      await room.setLayout(request.body.layout);
      return room.view();
    },
  );

  app.put<{ Body: { state: 'recording' | 'off' } }>(
    '/rooms/:room/recording',
    {
      schema: {
        tags,
        summary: 'Start or stop recording',
        operationId: 'setRecording',
        body: recordingSchema,
        response: { 200: answer('Recording') },
      },
    },
    async (request): Promise<RecordingView> => {
      const room = await requireHost(context, request);
      return request.body.state === 'recording' ? room.startRecording() : room.stopRecording();
    },
  );

  keyRoutes(app, context);
}

function keyRoutes(app: FastifyInstance, context: HttpContext): void {
  const tags = ['keys'];

  app.get(
    '/rooms/:room/keys',
    {
      schema: {
        tags,
        summary: 'Host key and RTMP address of a room',
        operationId: 'getKeys',
        response: { 200: answer('Keys') },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      void reply.header('cache-control', 'no-store');
      return keysOf(request, room);
    },
  );

  app.post(
    '/rooms/:room/keys',
    {
      schema: {
        tags,
        summary: 'Replace the host key and the stream key; the old ones are worth nothing at once',
        operationId: 'replaceKeys',
        response: { 201: answer('Keys') },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      await room.rotateHostKey();
      void reply.header('cache-control', 'no-store');
      return reply.code(201).send(keysOf(request, room));
    },
  );

  app.post<{ Body: { expiresInSeconds?: number } }>(
    '/rooms/:room/invites',
    {
      schema: {
        tags,
        summary: 'Make an invite link for guests',
        operationId: 'createInvite',
        body: inviteSchema,
        response: { 201: answer('Invite') },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      const seconds = request.body.expiresInSeconds ?? DEFAULT_INVITE_SECONDS;
      const { token, expiresAt } = await context.tokens.invite(room, seconds);
      void reply.header('cache-control', 'no-store');
      return reply
        .code(201)
        .send({ token, path: `/join/${room.id}#token=${token}`, expiresAt: expiresAt.toISOString() });
    },
  );

  app.delete(
    '/rooms/:room/invites',
    {
      schema: {
        tags,
        summary: 'Revoke every invite given out so far',
        operationId: 'revokeInvites',
        response: { 204: nothing },
      },
    },
    async (request, reply) => {
      await (await requireHost(context, request)).revokeInvites();
      return reply.code(204).send();
    },
  );
}

function keysOf(
  request: FastifyRequest,
  room: RoomApi,
): { hostKey: string; rtmpUrl: string; rtmpStreamKey: string } {
  const { hostKey, rtmpStreamKey } = room.secrets();
  return { hostKey, rtmpUrl: reachableRtmpUrl(request, room), rtmpStreamKey };
}
