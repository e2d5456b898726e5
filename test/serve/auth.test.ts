import fc from 'fast-check';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/base/clock.js';
import { bearerToken } from '../../src/serve/auth/access.js';
import { isLoopbackAddress, isTrustedLocalRequest } from '../../src/serve/auth/loopback.js';
import { RateLimiter } from '../../src/serve/auth/rate-limiter.js';
import { RoomTokens } from '../../src/serve/auth/room-tokens.js';
import { secretsEqual } from '../../src/serve/auth/secret.js';
import { MemoryRooms } from './http-memory-rooms.js';

const SECRET = Buffer.alloc(32, 1);

describe('room tokens', () => {
  const room = () => new MemoryRooms().create({ id: 'show', name: 'Show' });

  it('tell room and purpose of what they signed, and nothing of anything else', async () => {
    const tokens = new RoomTokens(SECRET);
    const show = await room();
    const { token } = await tokens.invite(show);
    expect(await tokens.verify(token)).toMatchObject({ kind: 'invite', room: 'show' });
    expect(await tokens.verify(await tokens.participant(show, 'p1'))).toEqual({
      kind: 'participant',
      room: 'show',
      participantId: 'p1',
    });
    expect(await new RoomTokens(Buffer.alloc(32, 2)).verify(token)).toBeUndefined();
    const [header, payload, signature = ''] = token.split('.');
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    expect(await tokens.verify(`${header}.${payload}.${flipped}`)).toBeUndefined();
  });

  it('expire', async () => {
    let now = new Date('2026-01-01T00:00:00Z');
    const tokens = new RoomTokens(SECRET, () => now);
    const { token, expiresAt } = await tokens.invite(await room(), 60);
    expect(expiresAt.toISOString()).toBe('2026-01-01T00:01:00.000Z');
    now = new Date('2026-01-01T00:00:59Z');
    expect(await tokens.verify(token)).toBeDefined();
    now = new Date('2026-01-01T00:01:01Z');
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it('are not taken unsigned, under another algorithm, or without an expiry', async () => {
    const tokens = new RoomTokens(SECRET);
    const claims = { kind: 'invite', room: 'show', gen: 'g' };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(
      await tokens.verify(`${part({ alg: 'none' })}.${part({ ...claims, iss: 'anchornet' })}.`),
    ).toBeUndefined();
    const sign = (alg: string) => new SignJWT(claims).setProtectedHeader({ alg }).setIssuer('anchornet');
    expect(await tokens.verify(await sign('HS256').sign(SECRET))).toBeUndefined();
    const wide = Buffer.concat([SECRET, SECRET]);
    expect(
      await new RoomTokens(wide).verify(await sign('HS512').setExpirationTime('1h').sign(wide)),
    ).toBeUndefined();
  });

  it('verify whatever is sent without throwing', async () => {
    const tokens = new RoomTokens(SECRET);
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => {
        expect(await tokens.verify(text)).toBeUndefined();
      }),
    );
  });
});

describe('secrets', () => {
  it('are equal only when they are the same', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => secretsEqual(a, b) === (a === b)));
    expect(secretsEqual('key', 'key')).toBe(true);
  });

  it('are read from bearer headers alone', () => {
    expect(bearerToken({})).toBeUndefined();
    expect(bearerToken({ authorization: 'Bearer abc.def-1_2' })).toBe('abc.def-1_2');
    expect(bearerToken({ authorization: 'bearer abc' })).toBe('abc');
    for (const authorization of ['Basic abc', 'Bearer', 'Bearer a b', '']) {
      expect(bearerToken({ authorization })).toBe('');
    }
  });
});

describe('loopback', () => {
  it('is told from addresses and names that others can reach', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', '::ffff:127.0.0.1']) {
      expect(isLoopbackAddress(address)).toBe(true);
    }
    for (const address of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '',
    ]) {
      expect(isLoopbackAddress(address)).toBe(false);
    }
  });

  it('requests are trusted only when Host, Origin, fetch metadata and the way they came all say so', () => {
    const request = (headers: Record<string, string>, remoteAddress = '127.0.0.1', httpVersion = '1.1') =>
      isTrustedLocalRequest({ headers: { host: 'localhost:8080', ...headers }, remoteAddress, httpVersion });
    expect(request({})).toBe(true);
    expect(request({ origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' })).toBe(true);
    expect(request({}, '192.168.1.5')).toBe(false);
    expect(request({ host: 'evil.example:8080' })).toBe(false);
    expect(request({ host: 'localhost:8080@evil.example' })).toBe(false);
    expect(request({ origin: 'http://localhost:3000' })).toBe(false);
    expect(request({ 'sec-fetch-site': 'same-site' })).toBe(false);
    for (const name of ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']) {
      expect(request({ [name]: '203.0.113.1' }), name).toBe(false);
    }
    expect(request({}, '127.0.0.1', '1.0')).toBe(false);
    expect(isTrustedLocalRequest({ headers: {}, remoteAddress: '127.0.0.1', httpVersion: '1.1' })).toBe(
      false,
    );
  });
});

describe('rate limits', () => {
  it('let a burst through, then the steady rate, for each source by itself', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter({ burst: 3, perSecond: 0.5 }, clock);
    expect([1, 2, 3].map(() => limiter.take('10.0.0.1'))).toEqual([0, 0, 0]);
    expect(limiter.take('10.0.0.1')).toBe(2);
    expect(limiter.take('10.0.0.2')).toBe(0);
    clock.advanceTo(2_000_000);
    expect(limiter.take('10.0.0.1')).toBe(0);
    expect(limiter.take('10.0.0.1')).toBe(2);
  });

  it('count an IPv6 subscriber once, however many addresses it takes', () => {
    const limiter = new RateLimiter({ burst: 1, perSecond: 1 }, new VirtualClock());
    expect(limiter.take('2001:db8:1:2::1')).toBe(0);
    expect(limiter.take('2001:db8:1:2:aaaa::5')).toBe(1);
    expect(limiter.take('2001:db8:1:3::1')).toBe(0);
  });
});
