import { randomBytes } from 'node:crypto';

/** ICE user name fragment and password (RFC 8839 §5.4). */
export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** Far above the standard's 24 and 128 bits of randomness: the fragment is also what routes the first datagram. */
export function randomCredentials(): IceCredentials {
  return { ufrag: randomBytes(12).toString('hex'), password: randomBytes(24).toString('hex') };
}
