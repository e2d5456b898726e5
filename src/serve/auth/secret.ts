import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { InvalidOptionError } from '../../base/errors.js';

/** Shorter ones can be guessed over the network. */
const MIN_TOKEN_LENGTH = 16;

/** An unguessable key of 192 bits, safe in URLs and stream keys. */
export function newKey(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * @param what names the token in the message
 * @throws InvalidOptionError for a token that is too short to keep anybody out
 */
export function checkToken(what: string, token: string): void {
  if (token.length >= MIN_TOKEN_LENGTH) return;
  throw new InvalidOptionError(
    `${what}: expected at least ${MIN_TOKEN_LENGTH} characters, got ${token.length}`,
    { hint: 'Leave it out to have a strong one made and printed.' },
  );
}

/** Compares two secrets in a time that tells nothing of where, or how long, they differ. */
export function secretsEqual(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
