import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHttp, OFFER, SDP_TYPE, ADMIN_TOKEN, type HttpFixture } from './http-fixture.js';

const FRAGMENT_TYPE = { 'content-type': 'application/trickle-ice-sdpfrag' };
const FRAGMENT = 'a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n';

let http: HttpFixture;
beforeEach(async () => {
  http = await openHttp({ iceServers: [{ url: 'turn:turn.example.net', username: 'u', credential: 'c' }] });
});
afterEach(() => http[Symbol.asyncDispose]());

const whip = (token?: string, headers: Record<string, string> = SDP_TYPE, body = OFFER) =>
  http.call('POST', '/whip/show', { token, headers, body });

describe('WHIP', () => {
  it('answers an offer of the host with 201, the session address, its ETag and the ICE servers', async () => {
    const response = await whip(http.room.secrets().hostKey);
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/sdp');
    expect(response.headers.get('location')).toMatch(/^\/whip\/show\/sessions\/[0-9a-f-]{36}$/);
    expect(response.headers.get('etag')).toMatch(/^".+"$/);
    expect(response.headers.get('accept-patch')).toBe('application/trickle-ice-sdpfrag');
    expect(response.headers.get('link')).toContain('<turn:turn.example.net>; rel="ice-server"; username="u"');
    expect(await response.text()).toMatch(/^v=0/);
    expect(http.room.offers[0]?.subject).toBe('host');
  });

  it('asks for a token, and refuses a wrong one, with 401 and a challenge', async () => {
    for (const token of [undefined, 'wrong', 'a.b.c']) {
      const response = await whip(token);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer realm=/);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    }
    expect(http.room.offers).toHaveLength(0);
  });

  it('does not take the host key of another room', async () => {
    const other = await http.rooms.create({ id: 'other', name: 'Other' });
    expect((await whip(other.secrets().hostKey)).status).toBe(401);
  });

  it('refuses publishing without a token on loopback too', async () => {
    await using local = await openHttp({ adminToken: undefined });
    expect((await local.call('POST', '/whip/show', { headers: SDP_TYPE, body: OFFER })).status).toBe(401);
    expect((await local.call('GET', '/api/v1/rooms')).status).toBe(200);
  });

  it('answers 404 for an unknown room, 415 for another content type, 413 for a huge offer, 400 for nonsense', async () => {
    const token = http.room.secrets().hostKey;
    const unknown = await http.call('POST', '/whip/nowhere', { token, headers: SDP_TYPE, body: OFFER });
    expect(unknown.status).toBe(404);
    const json = await whip(token, { 'content-type': 'application/json' }, '{}');
    expect(json.status).toBe(415);
    expect(json.headers.get('accept-post')).toBe('application/sdp');
    expect((await whip(token, SDP_TYPE, OFFER + 'a=x\r\n'.repeat(50_000))).status).toBe(413);
    const nonsense = await whip(token, SDP_TYPE, 'hello');
    expect(nonsense.status).toBe(400);
    expect(await nonsense.json()).toMatchObject({
      code: 'MALFORMED_MEDIA',
      detail: 'SDP offer: no v=0 line',
    });
  });

  it('takes candidates only for the ICE session that If-Match names', async () => {
    const token = http.room.secrets().hostKey;
    const created = await whip(token);
    const location = created.headers.get('location') ?? '';
    const etag = created.headers.get('etag') ?? '';
    const patch = (headers: Record<string, string>) =>
      http.call('PATCH', location, { token, body: FRAGMENT, headers: { ...FRAGMENT_TYPE, ...headers } });
    expect((await patch({})).status).toBe(428);
    expect((await patch({ 'if-match': '"another"' })).status).toBe(412);
    expect(http.room.fragments).toEqual([]);
    expect((await patch({ 'if-match': etag })).status).toBe(204);
    expect(http.room.fragments).toEqual([FRAGMENT]);
    const wrongType = await http.call('PATCH', location, {
      token,
      body: FRAGMENT,
      headers: { ...SDP_TYPE, 'if-match': etag },
    });
    expect(wrongType.status).toBe(415);
  });

  it('restarts ICE for If-Match: *, and knows the session by its new ETag from then on', async () => {
    const token = http.room.secrets().hostKey;
    const created = await whip(token);
    const patch = (ifMatch: string, body: string) =>
      http.call('PATCH', created.headers.get('location') ?? '', {
        token,
        body,
        headers: { ...FRAGMENT_TYPE, 'if-match': ifMatch },
      });
    const etag = created.headers.get('etag') ?? '';
    expect((await patch(etag, FRAGMENT)).headers.get('etag')).toBe(etag);
    const restarted = await patch('*', FRAGMENT.replace('abcd', 'efgh'));
    expect(restarted.status).toBe(200);
    expect(restarted.headers.get('content-type')).toBe(FRAGMENT_TYPE['content-type']);
    expect(await restarted.text()).toContain('a=ice-lite');
    const renewed = restarted.headers.get('etag') ?? '';
    expect(renewed).not.toBe(etag);
    expect((await patch(etag, FRAGMENT)).status).toBe(412);
    expect((await patch(renewed, FRAGMENT)).status).toBe(204);
  });

  it('ends a session by DELETE, once, and only for its owner', async () => {
    const token = http.room.secrets().hostKey;
    const location = (await whip(token)).headers.get('location') ?? '';
    const { token: invite } = await http.tokens.invite(http.room);
    expect((await http.call('DELETE', location)).status).toBe(401);
    expect((await http.call('DELETE', location, { token: invite })).status).toBe(403);
    expect((await http.call('DELETE', location, { token })).status).toBe(200);
    expect((await http.call('DELETE', location, { token })).status).toBe(404);
  });

  it('means nothing by GET, HEAD and PUT: 405 with Allow', async () => {
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const response = await http.call(method, '/whip/show');
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST, OPTIONS');
    }
    expect((await http.call('GET', '/whip/show/sessions/x')).status).toBe(405);
  });

  it('tells a browser of another origin what it may send and read', async () => {
    const preflight = await http.call('OPTIONS', '/whip/show', {
      headers: {
        origin: 'https://studio.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('accept-post')).toBe('application/sdp');
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
    const actual = await http.call('POST', '/whip/show', {
      token: http.room.secrets().hostKey,
      body: OFFER,
      headers: { ...SDP_TYPE, origin: 'https://studio.example.com' },
    });
    for (const name of ['Location', 'ETag', 'Link']) {
      expect(actual.headers.get('access-control-expose-headers')).toContain(name);
    }
  });

  it('lets a plain WHIP client in as a guest by invite, and removes it when it leaves', async () => {
    const { token } = await http.tokens.invite(http.room);
    const created = await http.call('POST', '/whip/show?name=OBS', { token, headers: SDP_TYPE, body: OFFER });
    expect(created.status).toBe(201);
    expect(http.room.view().participants.map(({ name, state }) => [name, state])).toContainEqual([
      'OBS',
      'waiting',
    ]);
    const location = created.headers.get('location') ?? '';
    expect((await http.call('DELETE', location, { token })).status).toBe(200);
    expect(http.room.view().participants).toHaveLength(1);
  });

  it('leaves no guest behind when its offer is refused', async () => {
    const { token } = await http.tokens.invite(http.room);
    expect((await whip(token, SDP_TYPE, 'hello')).status).toBe(400);
    expect(http.room.view().participants).toHaveLength(1);
  });

  it('slows down a source that opens sessions without end', async () => {
    await using strict = await openHttp({
      limits: {
        api: { burst: 100, perSecond: 10 },
        offers: { burst: 2, perSecond: 0.1 },
        failures: { burst: 100, perSecond: 10 },
      },
    });
    const statuses = [];
    for (let index = 0; index < 3; index += 1) {
      const response = await strict.call('POST', '/whep/show', { headers: SDP_TYPE, body: OFFER });
      statuses.push(response.status);
      if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(statuses).toEqual([201, 201, 429]);
  });
});

describe('WHEP', () => {
  it('plays the program to anybody, who ends it by the address alone', async () => {
    const created = await http.call('POST', '/whep/show', { headers: SDP_TYPE, body: OFFER });
    expect(created.status).toBe(201);
    const location = created.headers.get('location') ?? '';
    expect(location).toMatch(/^\/whep\/show\/sessions\//);
    expect((await http.call('DELETE', location.replace('/whep/', '/whip/'))).status).toBe(404);
    expect((await http.call('DELETE', location)).status).toBe(200);
  });

  it('lets only those in the room hear and see a participant', async () => {
    const post = (token?: string) =>
      http.call('POST', '/whep/show/host', { token, headers: SDP_TYPE, body: OFFER });
    expect((await post()).status).toBe(401);
    expect((await post((await http.tokens.invite(http.room)).token)).status).toBe(403);
    const guest = http.room.addGuest({ name: 'Ada' });
    const guestToken = await http.tokens.participant(http.room, guest.id);
    expect((await post(guestToken)).status).toBe(403);
    http.room.acceptParticipant(guest.id);
    expect((await post(guestToken)).status).toBe(201);
    expect((await post(ADMIN_TOKEN)).status).toBe(201);
    await http.room.removeParticipant(guest.id, 'removed');
    expect((await post(guestToken)).status).toBe(401);
  });
});
