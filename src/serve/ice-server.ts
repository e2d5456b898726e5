import { InvalidOptionError } from '../base/errors.js';
import type { IceServer } from './http/context.js';

const HINT = 'Such as stun:stun.example.net:3478 or turn:USER:PASSWORD@turn.example.net:3478?transport=udp.';
/** RFC 7064 and 7065, with user and password before the host, as URLs elsewhere have them. */
const shape =
  /^(stuns?|turns?):(?:([^:@,\s]+):([^@,\s]+)@)?((?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?)(\?transport=(?:udp|tcp))?$/i;

/**
 * `stun[s]:HOST[:PORT]` or `turn[s]:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp]`; user and password percent-encoded
 * where they hold `:`, `@`, `%` or commas.
 *
 * @throws InvalidOptionError for anything else; the message never holds the password
 */
export function parseIceServer(text: string): IceServer {
  const [, scheme = '', user, password, host = '', transport = ''] = shape.exec(text) ?? [];
  const isTurn = /^turns?$/i.test(scheme);
  if (scheme === '' || (!isTurn && transport !== '')) {
    throw new InvalidOptionError('ICE server: expected stun:HOST or turn:USER:PASSWORD@HOST', { hint: HINT });
  }
  if (isTurn !== (user !== undefined)) {
    const expected = isTurn ? 'a user and a password for TURN' : 'no user and password for STUN';
    throw new InvalidOptionError(`ICE server ${scheme}:${host}: expected ${expected}`, { hint: HINT });
  }
  const url = `${scheme.toLowerCase()}:${host}${transport}`;
  if (user === undefined || password === undefined) return { url };
  return { url, username: decoded(user), credential: decoded(password) };
}

/** Both go into a header in quotes. @throws InvalidOptionError for what cannot */
function decoded(text: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch (cause) {
    throw new InvalidOptionError('ICE server: user or password is not percent-encoded well', { cause });
  }
  if (/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(plain)) return plain;
  throw new InvalidOptionError('ICE server: user and password are ASCII without quotes and backslashes');
}
