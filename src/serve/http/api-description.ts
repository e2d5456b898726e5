import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { answer, sharedSchemas } from './view-schemas.js';

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 170 40" font-family="system-ui,sans-serif" fill="none" ' +
  'stroke="#35d0ba" stroke-width="2.6" stroke-linecap="round"><circle cx="20" cy="10.6" r="2.8"/>' +
  '<path d="M20 13.4V32M14.5 18h11M8.5 22.5C9 28.5 14 32 20 32s11-3.5 11.5-9.5"/>' +
  '<text x="44" y="27" fill="#fff" stroke="none" font-size="20" font-weight="700">AnchorNet</text></svg>';

/** Describes all routes that are registered after it in OpenAPI, and shows the description at `/api/docs`. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  for (const schema of sharedSchemas) app.addSchema(schema);
  // Schemas of answers describe them. Fastify would also send by them, and leave out what they do not name.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'AnchorNet',
        version: '1',
        description:
          'Rooms, participants, targets, recording, and WHIP/WHEP. Errors are RFC 9457 problem documents with a ' +
          'stable `code` and a `hint`.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }, {}],
    },
    transform: ({ schema, url }) => ({ url, schema: withProblem(schema) }),
    // Views go by their names in the description.
    refResolver: {
      buildLocalReference: ({ $id }, _baseUri, _fragment, index) =>
        typeof $id === 'string' ? $id : `def-${index}`,
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: true,
    // The viewer itself sets styles inline; scripts stay its own files.
    transformStaticCSP: (header) => header.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
    theme: { title: 'AnchorNet API' },
    logo: { type: 'image/svg+xml', content: Buffer.from(LOGO), href: '/', target: '_self' },
  });
}

/** Every route can also answer with a problem document. */
function withProblem(schema: FastifySchema): FastifySchema {
  const problem = {
    description: 'A problem (RFC 9457)',
    content: { 'application/problem+json': { schema: answer('Problem') } },
  };
  return { ...schema, response: { ...(schema.response as Record<string, unknown>), default: problem } };
}
