import type { FastifyInstance } from 'fastify';
import { callerOf, type HttpContext } from './context.js';
import { answer } from './view-schemas.js';

/** What a page asks first: who am I here, and how do I connect? */
export function callerRoutes(app: FastifyInstance, context: HttpContext): void {
  app.get<{ Querystring: { room?: string } }>(
    '/me',
    {
      schema: {
        tags: ['server'],
        summary: 'Who the caller is, and the ICE servers to use',
        operationId: 'whoAmI',
        querystring: { type: 'object', properties: { room: { type: 'string', maxLength: 64 } } },
        response: { 200: answer('Caller') },
      },
    },
    async (request) => {
      const caller = await callerOf(context, request, request.query.room);
      const iceServers = context.iceServers.map(({ url, username, credential }) => ({
        urls: url,
        ...(username === undefined ? {} : { username }),
        ...(credential === undefined ? {} : { credential }),
      }));
      return { ...caller, adminTokenRequired: context.access.adminTokenRequired, iceServers };
    },
  );
}
