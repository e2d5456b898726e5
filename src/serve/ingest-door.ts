import type { IncomingHttpHeaders } from 'node:http';
import { InvalidOptionError } from '../base/errors.js';
import { bearerToken } from './auth/access.js';
import { isLoopbackAddress } from './auth/loopback.js';
import { checkToken, secretsEqual } from './auth/secret.js';

/** Who may publish to an ingest: everybody, or whoever has its token. */
export class IngestDoor {
  readonly #token: string | undefined;

  /** @throws InvalidOptionError when others could reach `host` without a token, or the token is too short */
  constructor(host: string, token: string | undefined) {
    if (token !== undefined) checkToken('token', token);
    else if (!isLoopbackAddress(host)) {
      throw new InvalidOptionError(`listening on ${host} needs a token`, {
        hint: 'Pass one, or listen on 127.0.0.1.',
      });
    }
    this.#token = token;
  }

  /** WHIP: `Authorization: Bearer TOKEN` (RFC 9725 §4.7). */
  admitsRequest(headers: IncomingHttpHeaders): boolean {
    return this.#token === undefined || secretsEqual(bearerToken(headers) ?? '', this.#token);
  }

  /** RTMP: stream key `NAME?token=TOKEN`. */
  admitsStreamKey(query: URLSearchParams): boolean {
    return this.#token === undefined || secretsEqual(query.get('token') ?? '', this.#token);
  }
}
