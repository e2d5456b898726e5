import type { FastifyInstance } from 'fastify';
import { NotFoundError } from '../errors.js';
import type { RoomApi, TargetInput } from '../room-api.js';
import { requireHost, type HttpContext } from './context.js';
import { addTargetSchema, changeTargetSchema } from './schemas.js';
import { answer, answerList, nothing } from './view-schemas.js';

interface TargetParams {
  readonly room: string;
  readonly target: string;
}

/** RTMP targets, added and removed while live. */
export function targetRoutes(app: FastifyInstance, context: HttpContext): void {
  const tags = ['targets'];

  app.get(
    '/rooms/:room/targets',
    {
      schema: {
        tags,
        summary: 'Targets and their health, stream keys masked',
        operationId: 'listTargets',
        response: { 200: answerList('Target') },
      },
    },
    async (request) => (await requireHost(context, request)).view().targets,
  );

  app.post<{ Body: TargetInput }>(
    '/rooms/:room/targets',
    {
      schema: {
        tags,
        summary: 'Send the program to another target',
        operationId: 'addTarget',
        body: addTargetSchema,
        response: { 201: answer('Target') },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      const target = await room.addTarget(request.body);
      return reply.code(201).header('location', `/api/v1/rooms/${room.id}/targets/${target.id}`).send(target);
    },
  );

  app.patch<{ Params: TargetParams; Body: Partial<TargetInput> }>(
    '/rooms/:room/targets/:target',
    {
      schema: {
        tags,
        summary: 'Change a target, switch it on or off',
        operationId: 'changeTarget',
        body: changeTargetSchema,
        response: { 200: answer('Target') },
      },
    },
    async (request) => {
      const room = await requireHost(context, request);
      return room.updateTarget(presentTarget(room, request.params.target), request.body);
    },
  );

  app.delete<{ Params: TargetParams }>(
    '/rooms/:room/targets/:target',
    {
      schema: {
        tags,
        summary: 'Stop sending to a target and forget it',
        operationId: 'removeTarget',
        response: { 204: nothing },
      },
    },
    async (request, reply) => {
      const room = await requireHost(context, request);
      await room.removeTarget(presentTarget(room, request.params.target));
      return reply.code(204).send();
    },
  );
}

function presentTarget(room: RoomApi, id: string): string {
  if (!room.view().targets.some((target) => target.id === id)) {
    throw new NotFoundError(`target ${JSON.stringify(id.slice(0, 64))} does not exist in room ${room.id}`);
  }
  return id;
}
