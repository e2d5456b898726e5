import type { FastifyInstance } from 'fastify';
import { callerOf, roomOf, type HttpContext } from './context.js';
import { HttpError } from './problem.js';
import { audienceOf } from './room-visibility.js';

/** Server-sent events. Pages read them with fetch, so that their token travels in a header and not in a URL. */
export function eventRoutes(app: FastifyInstance, context: HttpContext): void {
  app.get(
    '/rooms/:room/events',
    {
      schema: {
        tags: ['events'],
        summary: 'What happens in a room, as server-sent events',
        description:
          'Event `room` holds the room as the caller may see it, at once and on every change. In between: ' +
          '`switched`, `audio-seam`, `knock`, `left`, `target`, `recording`, `warning`, `closed`.',
        operationId: 'roomEvents',
        produces: ['text/event-stream'],
        response: { 200: { type: 'string', description: 'An endless stream of events' } },
      },
    },
    async (request, reply) => {
      const room = roomOf(context, request);
      const audience = audienceOf(await callerOf(context, request, room.id), room);
      const lastEventId = request.headers['last-event-id'];
      const cors = reply.getHeader('access-control-allow-origin');
      if (cors !== undefined) reply.raw.setHeader('access-control-allow-origin', cors);
      const attached = context.events.attach(room, {
        response: reply.raw,
        audience,
        source: request.ip,
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
      });
      if (!attached) {
        throw new HttpError(503, 'too many listeners', {
          code: 'TOO_MANY_LISTENERS',
          headers: { 'retry-after': '10' },
        });
      }
      reply.hijack();
      return reply;
    },
  );
}
