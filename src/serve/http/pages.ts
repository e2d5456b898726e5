import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { HttpError } from './problem.js';

const PAGES = {
  '/': 'dashboard.html',
  '/studio/:room': 'studio.html',
  '/join/:room': 'join.html',
  '/watch/:room': 'watch.html',
} as const;

/**
 * Nothing from elsewhere runs in our pages, and nobody frames them. Media may come from any CDN; players feed it
 * through blobs and workers made of blobs.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "connect-src 'self' http: https: ws: wss:",
  "img-src 'self' data: blob:",
  "media-src 'self' http: https: blob: mediastream:",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** Where `scripts/build-web.mjs` puts the pages, seen from the sources and from `dist` alike. */
export function builtPagesFolder(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../../dist/web' : '../../../web';
  return fileURLToPath(new URL(up, import.meta.url));
}

/** The browser pages and their scripts, styles and pictures. */
export async function pages(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    cacheControl: false,
    setHeaders: (response, path) => {
      // Chunks carry a hash of their content in their name; the rest is asked for again each time.
      const immutable = /-[A-Z0-9]{8}\.(js|css)$/.test(path);
      void response.header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
      void response.header('x-content-type-options', 'nosniff');
    },
  });
  for (const [url, file] of Object.entries(PAGES)) {
    app.get(url, { schema: { hide: true } }, (_request, reply) => {
      if (!existsSync(join(folder, file))) {
        throw new HttpError(503, 'the pages are not built', {
          code: 'PAGES_MISSING',
          hint: 'Run npm run build.',
        });
      }
      return reply
        .header('content-security-policy', CONTENT_SECURITY_POLICY)
        .header('permissions-policy', 'camera=(self), microphone=(self), autoplay=(self)')
        .header('cache-control', 'no-cache')
        .sendFile(file, folder);
    });
  }
  app.get('/favicon.ico', { schema: { hide: true } }, (_request, reply) =>
    reply.redirect('/assets/icon.svg', 302),
  );
}
