import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpServer } from '../../src/serve/http/http-server.js';
import { NginxProxy } from '../peers/nginx-proxy.js';
import { openHttp, SECRET } from './http-fixture.js';
import { MemoryRooms } from './http-memory-rooms.js';

const forwarding = [
  'proxy_set_header Host $http_host;',
  'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
];

function get(url: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject).end();
  });
}

describe('a server behind nginx', () => {
  it.each([{ lines: [] }, { lines: forwarding }])(
    'takes nobody who comes through it for this machine’s user: $lines',
    async ({ lines }) => {
      await using local = await openHttp({ adminToken: undefined });
      await using proxy = await NginxProxy.open({ to: local.base, lines });
      expect(await get(`${local.base}/api/v1/rooms`)).toBe(200);
      expect(await get(`${proxy.baseUrl}/api/v1/rooms`)).toBe(401);
    },
  );

  it('counts each of the clients by itself when the proxy is trusted, and all as one when it is not', async () => {
    const limits = {
      api: { burst: 2, perSecond: 0.01 },
      offers: { burst: 10, perSecond: 1 },
      failures: { burst: 10, perSecond: 1 },
    };
    const visits = async (trustedProxies: string | undefined): Promise<number[]> => {
      await using server = await openHttp({ trustedProxies, limits });
      await using proxy = await NginxProxy.open({ to: server.base, lines: forwarding });
      const statuses = [];
      // All of this comes from this machine; a proxy before this one says whom it had it from.
      for (const client of ['203.0.113.1', '203.0.113.1', '203.0.113.1', '203.0.113.2']) {
        statuses.push(await get(`${proxy.baseUrl}/api/v1/rooms/show`, { 'x-forwarded-for': client }));
      }
      return statuses;
    };
    expect(await visits('loopback')).toEqual([200, 200, 429, 200]);
    expect(await visits(undefined)).toEqual([200, 200, 429, 429]);
  });

  it('needs an admin token, and proxies that are addresses', async () => {
    const options = { host: '127.0.0.1', port: 0, rooms: new MemoryRooms(), signingSecret: SECRET };
    await expect(HttpServer.open({ ...options, trustedProxies: 'loopback' })).rejects.toThrow(/admin token/);
    await expect(
      HttpServer.open({ ...options, adminToken: 'x'.repeat(16), trustedProxies: 'the proxy' }),
    ).rejects.toThrow(/trusted proxies: expected addresses/);
  });
});
