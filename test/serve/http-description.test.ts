import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { AnchorServer } from '../../src/serve/server.js';
import { TempDir } from '../peers/temp-dir.js';
import { ADMIN_TOKEN, openHttp } from './http-fixture.js';
import { busyRoom } from './http-room-scenes.js';

interface Content {
  readonly schema: Record<string, unknown>;
}
interface Operation {
  readonly responses: Record<string, { readonly content?: Record<string, Content> }>;
}
interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

const JSON_TYPE = 'application/json';

/** Asks a server, and holds each of its answers against the description that the server publishes. */
class Asker {
  /** Operations that succeeded, as in `GET /api/v1/rooms`. */
  readonly succeeded = new Set<string>();

  private constructor(
    readonly base: string,
    readonly token: string | undefined,
    readonly openApi: OpenApi,
  ) {}

  static async of(base: string, token?: string): Promise<Asker> {
    return new Asker(base, token, (await (await fetch(`${base}/api/docs/json`)).json()) as OpenApi);
  }

  /** @param path as in the description; what is in braces is taken from `params` */
  async ask(
    method: string,
    path: string,
    { body, params = {} }: { body?: unknown; params?: Record<string, string> } = {},
  ): Promise<Record<string, unknown>> {
    const url = this.base + path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? 'show');
    const response = await fetch(url, {
      method,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && { 'content-type': JSON_TYPE }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const name = `${method} ${path}`;
    if (response.ok) this.succeeded.add(name);
    const { responses } = this.openApi.paths[path]?.[method.toLowerCase()] ?? { responses: {} };
    const described = responses[response.ok ? response.status : 'default'];
    expect(described, `${name} ${response.status}`).toBeDefined();
    if (response.status === 204) return {};
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    const answer = (await response.json()) as Record<string, unknown>;
    const content = described?.content?.[type];
    expect(content, `${name} ${response.status} as ${type}`).toBeDefined();
    expect(await this.#complaints(content?.schema ?? {}, answer), `${name} ${response.status}`).toBe('none');
    return answer;
  }

  /** Operations that answer with JSON. */
  get described(): string[] {
    return Object.entries(this.openApi.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { responses }]) =>
          Object.entries(responses).some(
            ([status, { content }]) => status.startsWith('2') && content?.[JSON_TYPE] !== undefined,
          ),
        )
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
  }

  /** Fastify's own validator judges, of schemas that are closed: a field that nobody described is a complaint. */
  async #complaints(schema: Record<string, unknown>, answer: unknown): Promise<string> {
    const ajv = { customOptions: { strict: false, coerceTypes: false, removeAdditional: false } } as const;
    await using judge = fastify({ ajv });
    const body = closed({ ...schema, components: this.openApi.components });
    judge.post('/', { schema: { body } }, () => 'none');
    const headers = { 'content-type': JSON_TYPE };
    return (await judge.inject({ method: 'POST', url: '/', headers, payload: JSON.stringify(answer) })).body;
  }
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return 'properties' in inner ? { ...inner, additionalProperties: false } : inner;
}

const room = '/api/v1/rooms/{room}';

/** Uses the API from end to end. */
async function useAll(asker: Asker): Promise<void> {
  await asker.ask('GET', '/healthz');
  await asker.ask('GET', '/api/v1/me');
  await asker.ask('POST', '/api/v1/rooms', { body: { name: 'Second' } });
  await asker.ask('POST', '/api/v1/rooms', { body: { colour: 'red' } });
  await asker.ask('GET', '/api/v1/rooms');
  await asker.ask('GET', room);
  await asker.ask('GET', room, { params: { room: 'nowhere' } });
  await asker.ask('PATCH', room, { body: { name: 'Late night' } });
  await asker.ask('PUT', `${room}/layout`, { body: { layout: [{ x: 0, y: 0, width: 1, height: 0.5 }] } });
  await asker.ask('GET', room);
  await asker.ask('PUT', `${room}/recording`, { body: { state: 'off' } });
  await asker.ask('PUT', `${room}/recording`, { body: { state: 'recording' } });
  await asker.ask('GET', `${room}/keys`);
  await asker.ask('POST', `${room}/keys`);
  await asker.ask('POST', `${room}/invites`, { body: {} });
  await asker.ask('DELETE', `${room}/invites`);
  await asker.ask('POST', `${room}/participants`, { body: { name: 'Field crew', protocol: 'rtmp' } });
  const { participant } = await asker.ask('POST', `${room}/participants`, { body: { name: 'Ada' } });
  const guest = { participant: (participant as { id: string }).id };
  const one = `${room}/participants/{participant}`;
  await asker.ask('PATCH', one, { params: guest, body: { state: 'accepted' } });
  await asker.ask('PATCH', one, { params: guest, body: { gainDb: -3 } });
  await asker.ask('GET', `${room}/participants`);
  await asker.ask('GET', `${one}/key`, { params: { participant: 'host' } });
  await asker.ask('PUT', `${room}/mode`, { body: { mode: 'collab' } });
  await asker.ask('DELETE', one, { params: guest });
  const { id: target = '' } = await asker.ask('POST', `${room}/targets`, {
    body: { url: 'rtmp://cdn.example.com/app/key' },
  });
  const params = { target: String(target) };
  await asker.ask('PATCH', `${room}/targets/{target}`, { params, body: { enabled: false } });
  await asker.ask('GET', `${room}/targets`);
  await asker.ask('DELETE', `${room}/targets/{target}`, { params });
  await asker.ask('DELETE', `${room}/program`);
  await asker.ask('DELETE', room);
}

describe('the description of the API', () => {
  it('says what every operation answers, to the last field', async () => {
    await using http = await openHttp();
    http.room.state = busyRoom(http.room.state, Date.now());
    const asker = await Asker.of(http.base, ADMIN_TOKEN);
    await useAll(asker);
    expect(asker.described.length).toBeGreaterThan(15);
    expect(asker.described.filter((operation) => !asker.succeeded.has(operation))).toEqual([]);
  });

  it('holds for rooms with media too, and for those who may see less', async () => {
    await using folder = await TempDir.open('description');
    await using server = await AnchorServer.open({ stateFolder: folder.path });
    await server.rooms.create({ id: 'show', name: 'Show' });
    const base = `http://127.0.0.1:${server.httpPort}`;
    await useAll(await Asker.of(base));
    await using http = await openHttp();
    http.room.state = busyRoom(http.room.state, Date.now());
    await (await Asker.of(http.base)).ask('GET', room);
  });

  it('calls views by their names', async () => {
    await using http = await openHttp();
    const { openApi } = await Asker.of(http.base);
    const names = ['Room', 'Participant', 'Target', 'Recording', 'Invite', 'Problem'];
    expect(Object.keys(openApi.components.schemas)).toEqual(expect.arrayContaining(names));
    expect(openApi.components.schemas['Target']?.['properties']).toHaveProperty('bitrateBps');
  });
});
