import { jwtVerify, SignJWT, errors as joseErrors } from 'jose';
import type { RoomApi } from '../room-api.js';

const ISSUER = 'anchornet';
/** A participant may have to come back after a lost network all evening long. */
const PARTICIPANT_TOKEN_SECONDS = 24 * 3600;

export const DEFAULT_INVITE_SECONDS = 24 * 3600;
export const MAX_INVITE_SECONDS = 30 * 24 * 3600;

/** What a valid token says of its bearer. */
export type TokenBearer =
  | { readonly kind: 'invite'; readonly room: string; readonly generation: string }
  | { readonly kind: 'participant'; readonly room: string; readonly participantId: string };

/**
 * Signs and checks invite tokens (given by the host, good for knocking) and participant tokens (given to whoever has
 * knocked). JWT, HS256. Invites carry the room's invite generation, so a new generation revokes them all.
 */
export class RoomTokens {
  readonly #secret: Uint8Array;
  readonly #now: () => Date;

  constructor(secret: Uint8Array, now: () => Date = () => new Date()) {
    this.#secret = secret;
    this.#now = now;
  }

  async invite(room: RoomApi, seconds = DEFAULT_INVITE_SECONDS): Promise<{ token: string; expiresAt: Date }> {
    const expiresAt = this.#after(seconds);
    const claims = { kind: 'invite', gen: room.secrets().inviteGeneration };
    return { token: await this.#sign(claims, room, expiresAt), expiresAt };
  }

  async participant(room: RoomApi, participantId: string): Promise<string> {
    const claims = { kind: 'participant', participant: participantId };
    return this.#sign(claims, room, this.#after(PARTICIPANT_TOKEN_SECONDS));
  }

  /** @returns undefined for anything but a token of ours that is still good; revocation is the caller's to check */
  async verify(token: string): Promise<TokenBearer | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#secret, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        requiredClaims: ['exp', 'room', 'kind'],
        currentDate: this.#now(),
      });
      const { kind, room, gen: generation, participant } = payload;
      if (typeof room !== 'string') return undefined;
      if (kind === 'invite' && typeof generation === 'string') return { kind, room, generation };
      if (kind === 'participant' && typeof participant === 'string') {
        return { kind, room, participantId: participant };
      }
      return undefined;
    } catch (error) {
      if (error instanceof joseErrors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  #after(seconds: number): Date {
    return new Date(this.#now().getTime() + seconds * 1000);
  }

  async #sign(claims: Record<string, string>, room: RoomApi, expiresAt: Date): Promise<string> {
    return new SignJWT({ ...claims, room: room.id })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setIssuedAt(this.#now())
      .setExpirationTime(expiresAt)
      .sign(this.#secret);
  }
}
