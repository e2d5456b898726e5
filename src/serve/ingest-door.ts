import { InvalidOptionError } from '../base/errors.js';
import { bearerToken } from './auth/access.js';
import { isLoopbackAddress, isTrustedLocalRequest, type LocalRequest } from './auth/loopback.js';
import { checkToken, secretsEqual } from './auth/secret.js';

/** Who may publish to an ingest: whoever has its token, or, where there is none, the user of this machine. */
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

  /**
   * WHIP: `Authorization: Bearer TOKEN` (RFC 9725 §4.7). Without a token, what a web page in the user's browser could
   * have sent is refused.
   *
   * @returns why it is refused; undefined when it is not
   */
  refusalOf(request: LocalRequest): string | undefined {
    if (this.#token === undefined) {
      return isTrustedLocalRequest(request)
        ? undefined
        : 'web pages and proxies publish with a token: start the ingest with one';
    }
    const isKnown = secretsEqual(bearerToken(request.headers) ?? '', this.#token);
    return isKnown ? undefined : 'expected Authorization: Bearer TOKEN';
  }

  /** RTMP, which no web page speaks: stream key `NAME?token=TOKEN`. */
  admitsStreamKey(query: URLSearchParams): boolean {
    return this.#token === undefined || secretsEqual(query.get('token') ?? '', this.#token);
  }
}
