import { HttpServer, type HttpServerOptions } from '../../src/serve/http/http-server.js';
import { RoomTokens } from '../../src/serve/auth/room-tokens.js';
import { MemoryRooms, type MemoryRoom } from './http-memory-rooms.js';

export const SECRET = Buffer.alloc(32, 3);
export const ADMIN_TOKEN = 'correct-horse-battery-staple';
export const OFFER = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';

export interface HttpFixture extends AsyncDisposable {
  readonly base: string;
  readonly rooms: MemoryRooms;
  readonly room: MemoryRoom;
  readonly tokens: RoomTokens;
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
}

export interface CallOptions {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A server on a free port over rooms in memory, with one room called `show`. */
export async function openHttp(options: Partial<HttpServerOptions> = {}): Promise<HttpFixture> {
  const rooms = new MemoryRooms();
  const room = await rooms.create({ id: 'show', name: 'The show' });
  const server = await HttpServer.open({
    host: '127.0.0.1',
    port: 0,
    rooms,
    signingSecret: SECRET,
    adminToken: ADMIN_TOKEN,
    ...options,
  });
  const base = `http://127.0.0.1:${server.port}`;
  return {
    base,
    rooms,
    room,
    tokens: new RoomTokens(SECRET),
    call: (method, path, { token, body, headers = {} } = {}) =>
      fetch(base + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

export const SDP_TYPE = { 'content-type': 'application/sdp' };
