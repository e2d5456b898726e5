import type { IncomingHttpHeaders } from 'node:http';
import type { RoomApi, RoomDirectory } from '../room-api.js';
import { isTrustedLocalRequest, type LocalRequest } from './loopback.js';
import type { RoomTokens } from './room-tokens.js';
import { checkToken, secretsEqual } from './secret.js';

/** Who a request comes from. `implied`: the user of this machine, without a token. */
export type Caller =
  | { readonly kind: 'admin'; readonly implied: boolean }
  | { readonly kind: 'host'; readonly room: string }
  | { readonly kind: 'participant'; readonly room: string; readonly participantId: string }
  | { readonly kind: 'invite'; readonly room: string }
  | { readonly kind: 'anonymous' };

export interface AccessOptions {
  readonly rooms: RoomDirectory;
  readonly tokens: RoomTokens;
  /** Undefined only on a server that listens on loopback alone: there this machine's user is the administrator. */
  readonly adminToken: string | undefined;
}

/** Tells callers apart and says what each may do. */
export class Access {
  readonly #rooms: RoomDirectory;
  readonly #tokens: RoomTokens;
  readonly #adminToken: string | undefined;

  /** @throws InvalidOptionError for an admin token that is too short */
  constructor(options: AccessOptions) {
    const { adminToken } = options;
    if (adminToken !== undefined) checkToken('admin token', adminToken);
    this.#rooms = options.rooms;
    this.#tokens = options.tokens;
    this.#adminToken = adminToken;
  }

  get adminTokenRequired(): boolean {
    return this.#adminToken !== undefined;
  }

  /**
   * @param roomId the room that the request is about: host keys are good for their own room only
   * @returns undefined when a token was given that is worth nothing
   */
  async identify(credentials: LocalRequest, roomId?: string): Promise<Caller | undefined> {
    const token = bearerToken(credentials.headers);
    if (token === undefined) {
      const implied = this.#adminToken === undefined && isTrustedLocalRequest(credentials);
      return implied ? { kind: 'admin', implied: true } : { kind: 'anonymous' };
    }
    if (this.#adminToken !== undefined && secretsEqual(token, this.#adminToken)) {
      return { kind: 'admin', implied: false };
    }
    const room = roomId === undefined ? undefined : this.#rooms.get(roomId);
    if (room !== undefined && secretsEqual(token, room.secrets().hostKey)) {
      return { kind: 'host', room: room.id };
    }
    return this.#bearerOfRoomToken(token);
  }

  async #bearerOfRoomToken(token: string): Promise<Caller | undefined> {
    const bearer = await this.#tokens.verify(token);
    if (bearer === undefined) return undefined;
    const room = this.#rooms.get(bearer.room);
    if (room === undefined) return undefined;
    if (bearer.kind === 'invite') {
      const current = secretsEqual(bearer.generation, room.secrets().inviteGeneration);
      return current ? { kind: 'invite', room: room.id } : undefined;
    }
    // Guests who are in stay when invites are revoked; a participant who was removed is nobody.
    const present = room.view().participants.some(({ id }) => id === bearer.participantId);
    return present ? { kind: 'participant', room: room.id, participantId: bearer.participantId } : undefined;
  }
}

/** Administrator, or host of this very room. */
export function mayRun(caller: Caller, room: RoomApi): boolean {
  return caller.kind === 'admin' || (caller.kind === 'host' && caller.room === room.id);
}

/** Host, administrator, or a guest of this room whom the host has let in. */
export function isInside(caller: Caller, room: RoomApi): boolean {
  if (mayRun(caller, room)) return true;
  return (
    caller.kind === 'participant' &&
    caller.room === room.id &&
    room.view().participants.some(({ id, state }) => id === caller.participantId && state === 'accepted')
  );
}

/** RFC 6750 §2.1. @returns undefined when there is no Authorization header; '' when it is not a bearer token */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  if (headers.authorization === undefined) return undefined;
  return /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(headers.authorization)?.[1] ?? '';
}
