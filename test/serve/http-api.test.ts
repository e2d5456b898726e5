import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { HttpServer } from '../../src/serve/http/http-server.js';
import { MemoryRooms } from './http-memory-rooms.js';
import { ADMIN_TOKEN, openHttp, SECRET, type HttpFixture } from './http-fixture.js';

let http: HttpFixture;
beforeEach(async () => {
  http = await openHttp();
});
afterEach(() => http[Symbol.asyncDispose]());

const admin = { token: ADMIN_TOKEN };

describe('rooms', () => {
  it('are created, read, changed and deleted by the administrator', async () => {
    const created = await http.call('POST', '/api/v1/rooms', {
      ...admin,
      body: { name: 'Late night', settings: { fps: 25 } },
    });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/api/v1/rooms/late-night');
    expect(await created.json()).toMatchObject({ id: 'late-night', settings: { fps: 25, width: 1280 } });
    const changed = await http.call('PATCH', '/api/v1/rooms/late-night', {
      ...admin,
      body: { name: 'Later' },
    });
    expect(await changed.json()).toMatchObject({ name: 'Later' });
    expect((await http.call('DELETE', '/api/v1/rooms/late-night', admin)).status).toBe(204);
    expect((await http.call('GET', '/api/v1/rooms/late-night', admin)).status).toBe(404);
  });

  it('refuse what is wrong with a problem document that names the field', async () => {
    const cases: readonly [unknown, RegExp][] = [
      [{}, /name/],
      [{ name: 'x', colour: 'red' }, /colour/],
      [{ name: 'x', id: 'Not Allowed' }, /id/],
      [{ name: 'bell \u0007' }, /name/],
      [{ name: 'x', settings: { fps: '30' } }, /fps/],
      [{ name: 'x', settings: { fps: 300 } }, /fps/],
    ];
    for (const [body, field] of cases) {
      const response = await http.call('POST', '/api/v1/rooms', { ...admin, body });
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      const problem = (await response.json()) as { detail: string; code: string; status: number };
      expect(problem).toMatchObject({ code: 'INVALID_OPTION', status: 400 });
      expect(problem.detail).toMatch(field);
    }
    const taken = await http.call('POST', '/api/v1/rooms', { ...admin, body: { name: 'x', id: 'show' } });
    expect(taken.status).toBe(409);
    const broken = await http.call('POST', '/api/v1/rooms', {
      ...admin,
      body: '{"name": ',
      headers: { 'content-type': 'application/json' },
    });
    expect(broken.status).toBe(400);
    const huge = await http.call('POST', '/api/v1/rooms', { ...admin, body: { name: 'x'.repeat(100_000) } });
    expect(huge.status).toBe(413);
  });

  it('tell the public who is on air, and nothing of targets, recordings and waiting guests', async () => {
    await http.room.addTarget({ url: 'rtmp://cdn.example.com/app/secret-key' });
    await http.room.startRecording();
    http.room.addGuest({ name: 'Waiting' });
    const response = await http.call('GET', '/api/v1/rooms/show');
    expect(await response.json()).toMatchObject({
      participants: [],
      targets: [],
      recording: { file: null },
    });
    const full = (await (await http.call('GET', '/api/v1/rooms/show', admin)).json()) as {
      targets: unknown[];
    };
    expect(full.targets).toHaveLength(1);
  });

  it('never show keys in a view, and show them to the host and the administrator alone', async () => {
    await http.room.addTarget({ url: 'rtmp://cdn.example.com/app/secret-key' });
    const { hostKey, rtmpStreamKey, inviteGeneration } = http.room.secrets();
    const view = await (await http.call('GET', '/api/v1/rooms/show', admin)).text();
    for (const secret of [hostKey, rtmpStreamKey, inviteGeneration, 'secret-key']) {
      expect(view).not.toContain(secret);
    }
    const keys = await http.call('GET', '/api/v1/rooms/show/keys', { token: hostKey });
    expect(await keys.json()).toMatchObject({ hostKey, rtmpStreamKey });
    expect(keys.headers.get('cache-control')).toBe('no-store');
    expect((await http.call('GET', '/api/v1/rooms/show/keys')).status).toBe(401);
    const { token: invite } = await http.tokens.invite(http.room);
    expect((await http.call('GET', '/api/v1/rooms/show/keys', { token: invite })).status).toBe(403);
  });

  it('replace the host key: the old one is worth nothing at once', async () => {
    const { hostKey } = http.room.secrets();
    const replaced = await http.call('POST', '/api/v1/rooms/show/keys', { token: hostKey });
    expect(replaced.status).toBe(201);
    expect((await http.call('GET', '/api/v1/rooms/show/keys', { token: hostKey })).status).toBe(401);
  });
});

describe('guests', () => {
  const invited = async () => (await http.tokens.invite(http.room)).token;

  it('knock with an invite, are let in and adjusted by the host, and leave by themselves', async () => {
    const host = { token: http.room.secrets().hostKey };
    const made = await http.call('POST', '/api/v1/rooms/show/invites', { ...host, body: {} });
    expect(made.status).toBe(201);
    const { token: invite, path } = (await made.json()) as { token: string; path: string };
    expect(path).toBe(`/join/show#token=${invite}`);
    const knocked = await http.call('POST', '/api/v1/rooms/show/participants', {
      token: invite,
      body: { name: 'Ada' },
    });
    expect(knocked.status).toBe(201);
    const { participant, token } = (await knocked.json()) as { participant: { id: string }; token: string };
    const path1 = `/api/v1/rooms/show/participants/${participant.id}`;
    expect((await http.call('PATCH', path1, { token, body: { state: 'accepted' } })).status).toBe(403);
    const accepted = await http.call('PATCH', path1, { ...host, body: { state: 'accepted', gainDb: -6 } });
    expect(await accepted.json()).toMatchObject({ state: 'accepted', gainDb: -6 });
    expect((await http.call('PATCH', path1, { ...host, body: { gainDb: 99 } })).status).toBe(400);
    expect((await http.call('DELETE', '/api/v1/rooms/show/participants/host', { token })).status).toBe(403);
    expect((await http.call('DELETE', path1, { token })).status).toBe(204);
    expect((await http.call('DELETE', path1, { token })).status).toBe(401);
    expect((await http.call('DELETE', path1, host)).status).toBe(404);
  });

  it('come by RTMP too, with a stream key that the host alone is given', async () => {
    const host = { token: http.room.secrets().hostKey };
    const path = '/api/v1/rooms/show/participants';
    const body = { name: 'Field crew', protocol: 'rtmp' };
    const { token: invite } = await http.tokens.invite(http.room);
    expect((await http.call('POST', path, { token: invite, body })).status).toBe(403);
    const created = await http.call('POST', path, { ...host, body });
    expect(created.status).toBe(201);
    const { participant, rtmpUrl, streamKey, ...rest } = (await created.json()) as Record<string, unknown>;
    expect(participant).toMatchObject({ name: 'Field crew', state: 'accepted', hasStreamKey: true });
    expect(rest).toEqual({});
    const { id } = participant as { id: string };
    const again = await http.call('GET', `${path}/${id}/key`, host);
    expect(await again.json()).toEqual({ rtmpUrl, streamKey });
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect((await http.call('GET', `${path}/${id}/key`, { token: invite })).status).toBe(403);
    expect(await (await http.call('GET', '/api/v1/rooms/show', host)).text()).not.toContain(streamKey);
  });

  it('cannot use an invite that was revoked, has expired, or is for another room', async () => {
    const knock = (token: string) =>
      http.call('POST', '/api/v1/rooms/show/participants', { token, body: { name: 'Ada' } });
    const token = await invited();
    expect((await knock(token)).status).toBe(201);
    const host = { token: http.room.secrets().hostKey };
    expect((await http.call('DELETE', '/api/v1/rooms/show/invites', host)).status).toBe(204);
    expect((await knock(token)).status).toBe(401);
    expect((await knock((await http.tokens.invite(http.room, -10)).token)).status).toBe(401);
    const other = await http.rooms.create({ id: 'other', name: 'Other' });
    expect((await knock((await http.tokens.invite(other)).token)).status).toBe(403);
  });

  it('make collab possible: without one the mode stays', async () => {
    const set = () => http.call('PUT', '/api/v1/rooms/show/mode', { ...admin, body: { mode: 'collab' } });
    const refused = await set();
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: 'INVALID_STATE', hint: 'Accept a guest first.' });
    http.room.acceptParticipant(http.room.addGuest({ name: 'Ada' }).id);
    expect((await set()).status).toBe(202);
  });
});

describe('targets, layout and recording', () => {
  it('are changed by the host', async () => {
    const host = { token: http.room.secrets().hostKey };
    const added = await http.call('POST', '/api/v1/rooms/show/targets', {
      ...host,
      body: { url: 'rtmps://cdn.example.com/app/key', name: 'CDN' },
    });
    expect(added.status).toBe(201);
    const path = added.headers.get('location') ?? '';
    const off = await http.call('PATCH', path, { ...host, body: { enabled: false } });
    expect(await off.json()).toMatchObject({ enabled: false, name: 'CDN' });
    expect((await http.call('DELETE', path, host)).status).toBe(204);
    expect((await http.call('DELETE', path, host)).status).toBe(404);
    const http1 = { ...host, body: { url: 'http://cdn.example.com/app' } };
    expect((await http.call('POST', '/api/v1/rooms/show/targets', http1)).status).toBe(400);
    const layout = await http.call('PUT', '/api/v1/rooms/show/layout', { ...host, body: { layout: 'pip' } });
    expect(await layout.json()).toMatchObject({ layout: 'pip' });
    const record = { ...host, body: { state: 'recording' } };
    expect((await http.call('PUT', '/api/v1/rooms/show/recording', record)).status).toBe(200);
    expect((await http.call('PUT', '/api/v1/rooms/show/recording', record)).status).toBe(409);
    expect((await http.call('GET', '/api/v1/rooms/show/targets')).status).toBe(401);
  });
});

describe('access', () => {
  it('refuses to listen beyond loopback without an admin token, or with a weak one', async () => {
    const options = { port: 0, rooms: new MemoryRooms(), signingSecret: SECRET };
    await expect(HttpServer.open({ ...options, host: '0.0.0.0' })).rejects.toThrow(/admin token/);
    await expect(HttpServer.open({ ...options, host: '127.0.0.1', adminToken: 'short' })).rejects.toThrow(
      /at least 16/,
    );
  });

  it('takes nobody for the administrator whose request a foreign page could have made', async () => {
    await using local = await openHttp({ adminToken: undefined });
    const list = (headers: Record<string, string>) => local.call('GET', '/api/v1/rooms', { headers });
    expect((await list({})).status).toBe(200);
    expect((await list({ origin: local.base })).status).toBe(200);
    expect((await list({ origin: 'https://evil.example' })).status).toBe(401);
    expect((await list({ origin: 'null' })).status).toBe(401);
    expect((await list({ 'sec-fetch-site': 'cross-site' })).status).toBe(401);
    expect((await list({ 'x-forwarded-for': '203.0.113.9' })).status).toBe(401);
    const create = await local.call('POST', '/api/v1/rooms', {
      body: { name: 'x' },
      headers: { origin: 'https://evil.example' },
    });
    expect(create.status).toBe(401);
  });

  it('takes a name rebound to this machine for a stranger', async () => {
    await using local = await openHttp({ adminToken: undefined });
    const { request } = await import('node:http');
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const call = request(
        `${local.base}/api/v1/rooms`,
        { headers: { host: 'evil.example' } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      call.on('error', reject);
      call.end();
    });
    expect(status).toBe(401);
  });

  it('answers 429 to a source that keeps guessing, while the right token still works', async () => {
    const statuses = [];
    for (let index = 0; index < 25; index += 1) {
      statuses.push((await http.call('GET', '/api/v1/rooms', { token: 'guess' })).status);
    }
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    expect((await http.call('GET', '/api/v1/rooms', admin)).status).toBe(200);
  });

  it('keeps keys out of the log, even at its most talkative', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    await using talkative = await openHttp({ logger });
    const { hostKey } = talkative.room.secrets();
    const { token: invite } = await talkative.tokens.invite(talkative.room);
    await talkative.call('GET', `/join/show?token=${invite}`);
    await talkative.call('GET', '/api/v1/rooms/show/keys', { token: hostKey });
    await talkative.call('GET', `/api/v1/nothing?token=${invite}`, { token: ADMIN_TOKEN });
    expect(lines.length).toBeGreaterThan(0);
    for (const secret of [hostKey, invite, ADMIN_TOKEN]) expect(lines.join('')).not.toContain(secret);
  });
});

describe('the rest', () => {
  it('describes every route in OpenAPI, and shows it at /api/docs', async () => {
    expect((await http.call('GET', '/api/docs')).status).toBe(200);
    const openapi = (await (await http.call('GET', '/api/docs/json')).json()) as {
      paths: Record<string, Record<string, { operationId?: string; summary?: string }>>;
    };
    for (const path of [
      '/whip/{room}',
      '/whep/{room}',
      '/api/v1/rooms',
      '/api/v1/rooms/{room}/events',
      '/metrics',
    ]) {
      expect(Object.keys(openapi.paths)).toContain(path);
    }
    const operations = Object.values(openapi.paths).flatMap((methods) => Object.values(methods));
    expect(operations.length).toBeGreaterThan(25);
    for (const operation of operations) expect(operation).toHaveProperty('summary');
  });

  it('tells its health to anybody, and its figures to the administrator', async () => {
    expect(await (await http.call('GET', '/healthz')).json()).toMatchObject({ status: 'ok', rooms: 1 });
    await http.room.addTarget({ url: 'rtmp://cdn.example.com/app/key' });
    http.room.emit({ type: 'switched', mode: 'collab', source: 'mix', tookMs: 230 });
    http.room.emit({ type: 'keyframe', participantId: 'host', tookMs: 80 });
    http.room.emit({ type: 'pts-gap', medium: 'audio', gapMs: 40 });
    http.room.emit({
      type: 'audio-seam',
      to: 'source',
      joint: 'mismatched',
      bridgedFrames: 3,
      excessDb: 1.5,
    });
    expect((await http.call('GET', '/metrics')).status).toBe(401);
    const text = await (await http.call('GET', '/metrics', admin)).text();
    expect(text).toMatch(/anchornet_switch_duration_seconds_bucket\{le="0.3",room="show",source="mix"\} 1/);
    expect(text).toMatch(/anchornet_switch_duration_seconds_bucket\{le="0.2",room="show",source="mix"\} 0/);
    expect(text).toMatch(/anchornet_keyframe_wait_seconds_count\{room="show"\} 1/);
    expect(text).toMatch(/anchornet_audio_bridged_frames_total\{room="show",to="source"\} 3/);
    expect(text).toMatch(/anchornet_audio_seam_excess_db_bucket\{le="2",room="show",to="source"\} 1/);
    expect(text).toMatch(/anchornet_audio_mismatched_seams_total\{room="show"\} 1/);
    expect(text).toMatch(/anchornet_program_pts_gaps_total\{room="show",medium="audio"\} 1/);
    expect(text).toMatch(/anchornet_target_sent_bytes_total\{room="show",target="[^"]+"\} 0/);
    expect(text).toMatch(/anchornet_room_cpu_seconds_total\{room="show"\} 1.5/);
    expect(text).toMatch(/anchornet_viewers\{room="show",protocol="whep"\} 0/);
    // Totals are what is counted up to now, however often they are asked for.
    const again = await (await http.call('GET', '/metrics', admin)).text();
    expect(again).toMatch(/anchornet_room_cpu_seconds_total\{room="show"\} 1.5/);
  });

  it('calls the type of each total a counter, and of nothing else of its own', async () => {
    const text = await (await http.call('GET', '/metrics', admin)).text();
    const types = [...text.matchAll(/^# TYPE (anchornet_(?!nodejs_|process_)\w+) (\w+)$/gm)];
    expect(types.filter(([, name]) => name?.endsWith('_total')).length).toBeGreaterThan(8);
    for (const [, name = '', type] of types) expect(type === 'counter', name).toBe(name.endsWith('_total'));
  });

  it('hands the origin its paths and nothing else', async () => {
    const seen: string[] = [];
    await using withOrigin = await openHttp({
      origin: {
        prefixes: ['/live'],
        handler: {
          handle: (request, response) => {
            if (request.url === '/live/unknown') return false;
            seen.push(request.url ?? '');
            response.end('media');
            return true;
          },
        },
      },
    });
    const response = await withOrigin.call('GET', '/live/show/index.m3u8?_HLS_msn=3');
    expect(await response.text()).toBe('media');
    expect(seen).toEqual(['/live/show/index.m3u8?_HLS_msn=3']);
    expect((await withOrigin.call('GET', '/live/unknown')).status).toBe(404);
    expect((await withOrigin.call('GET', '/other')).status).toBe(404);
  });

  it('says where it cannot listen', async () => {
    const port = Number(new URL(http.base).port);
    const options = { host: '127.0.0.1', rooms: new MemoryRooms(), signingSecret: SECRET };
    await expect(HttpServer.open({ ...options, port })).rejects.toMatchObject({ code: 'DESTINATION_FAILED' });
  });
});
