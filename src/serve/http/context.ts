import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Logger } from '../../base/logger.js';
import { isInside, mayRun, type Access, type Caller } from '../auth/access.js';
import type { RateLimiter } from '../auth/rate-limiter.js';
import type { RoomTokens } from '../auth/room-tokens.js';
import { NotFoundError } from '../errors.js';
import type { RoomApi, RoomDirectory } from '../room-api.js';
import type { EventStreams } from './event-streams.js';
import { HttpError } from './problem.js';

/** A STUN or TURN server that clients are told of (RFC 9725 §4.4). */
export interface IceServer {
  /** `stun:host:port` or `turn:host:port?transport=udp`. */
  readonly url: string;
  readonly username?: string;
  readonly credential?: string;
}

/** The embedded origin, as far as HTTP is concerned: it answers by itself. */
export interface OriginHandler {
  /**
   * Answers, now or later; returns false when the path is none of its own, and nothing has been done.
   *
   * @param client address of the client, whoever carries its requests to us
   */
  handle(request: IncomingMessage, response: ServerResponse, client: string): unknown;
}

/** What the routes share. */
export interface HttpContext {
  readonly rooms: RoomDirectory;
  readonly access: Access;
  readonly tokens: RoomTokens;
  readonly events: EventStreams;
  readonly logger: Logger;
  readonly iceServers: readonly IceServer[];
  readonly limiters: {
    readonly api: RateLimiter;
    readonly offers: RateLimiter;
    readonly failures: RateLimiter;
  };
}

export interface RoomParams {
  readonly room: string;
}

/** @throws NotFoundError */
export function roomOf(context: HttpContext, request: FastifyRequest): RoomApi {
  const { room: id } = request.params as RoomParams;
  const room = context.rooms.get(id);
  if (room === undefined) {
    throw new NotFoundError(`room ${JSON.stringify(id.slice(0, 64))} does not exist`, {
      hint: 'Rooms are listed on the dashboard and by GET /api/v1/rooms.',
    });
  }
  return room;
}

/**
 * Where OBS pushes to. A server that listens on every address names itself as the caller does, who has reached it by
 * that name.
 */
export function reachableRtmpUrl(request: FastifyRequest, room: RoomApi): string {
  return room
    .secrets()
    .rtmpUrl.replace(/^rtmp:\/\/(?:0\.0\.0\.0|\[::\])(?=:)/, () => `rtmp://${request.hostname}`);
}

/** @throws HttpError 401 for a token that is worth nothing, 429 for too many of those from one address */
export async function callerOf(
  context: HttpContext,
  request: FastifyRequest,
  roomId?: string,
): Promise<Caller> {
  const { headers, ip: remoteAddress } = request;
  const credentials = { headers, remoteAddress, httpVersion: request.raw.httpVersion };
  const caller = await context.access.identify(credentials, roomId);
  if (caller !== undefined) return caller;
  refuseWhenSpent(context.limiters.failures, request, 'wrong tokens');
  throw unauthorized('the token is not valid here: wrong, expired or revoked', 'invalid_token');
}

/** @throws HttpError 401, 403 */
export async function requireAdmin(context: HttpContext, request: FastifyRequest): Promise<void> {
  const caller = await callerOf(context, request);
  if (caller.kind !== 'admin') throw refusal(caller, 'this needs the admin token');
}

/** The room of the request, for its host or an administrator. @throws NotFoundError, HttpError 401, 403 */
export async function requireHost(context: HttpContext, request: FastifyRequest): Promise<RoomApi> {
  const room = roomOf(context, request);
  const caller = await callerOf(context, request, room.id);
  if (!mayRun(caller, room)) throw refusal(caller, 'this needs the host key of the room or the admin token');
  return room;
}

/** The room of the request, for whoever takes part in it. @throws NotFoundError, HttpError 401, 403 */
export async function requireInside(context: HttpContext, request: FastifyRequest): Promise<RoomApi> {
  const room = roomOf(context, request);
  const caller = await callerOf(context, request, room.id);
  if (!isInside(caller, room)) throw refusal(caller, 'this is for the host and accepted guests');
  return room;
}

/** Nobody yet: come back with a token. Somebody else: not with this one. */
export function refusal(caller: Caller, message: string): HttpError {
  if (caller.kind === 'anonymous') return unauthorized(message);
  return new HttpError(403, message, {
    code: 'FORBIDDEN',
    hint: 'The token given is good for something else.',
  });
}

/** RFC 6750 §3. */
export function unauthorized(message: string, error?: 'invalid_token'): HttpError {
  const challenge = `Bearer realm="anchornet"${error === undefined ? '' : `, error="${error}"`}`;
  return new HttpError(401, message, {
    code: 'UNAUTHORIZED',
    hint: 'Send Authorization: Bearer <token>.',
    headers: { 'www-authenticate': challenge },
  });
}

/** @throws HttpError 429 with Retry-After when the source has used up its share */
export function refuseWhenSpent(limiter: RateLimiter, request: FastifyRequest, what: string): void {
  const error = spent(limiter, request, what);
  if (error !== undefined) throw error;
}

/** Counts the request. @returns the refusal when the source has used up its share */
export function spent(limiter: RateLimiter, request: FastifyRequest, what: string): HttpError | undefined {
  const waitSeconds = limiter.take(request.ip);
  if (waitSeconds === 0) return undefined;
  return new HttpError(429, `too many ${what} from this address`, {
    code: 'TOO_MANY_REQUESTS',
    hint: `Try again in ${waitSeconds} s.`,
    headers: { 'retry-after': String(waitSeconds) },
  });
}
