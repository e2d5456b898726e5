import { MalformedMediaError } from '../../base/errors.js';
import { OversizedOfferError } from '../errors.js';
import { isIceToken } from './offer-policy.js';
import { parseAttribute } from './session-description.js';

const MAX_FRAGMENT_LENGTH = 16_384;

/**
 * A trickle ICE fragment (RFC 8840 §9, `application/trickle-ice-sdpfrag`). Its candidates are only checked for form:
 * an ICE-lite end never sends to them.
 *
 * @throws OversizedOfferError, MalformedMediaError
 */
export function parseFragment(text: string): { readonly ufrag: string; readonly candidates: number } {
  if (text.length > MAX_FRAGMENT_LENGTH)
    throw new OversizedOfferError(
      `SDP fragment: expected at most ${MAX_FRAGMENT_LENGTH} bytes, got ${text.length}`,
    );
  let ufrag = '';
  let password = '';
  let candidates = 0;
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    if (line === '' || line.startsWith('m=')) return;
    if (!line.startsWith('a='))
      throw new MalformedMediaError(`SDP fragment line ${index + 1}: expected an a= or m= line`);
    const { name, value } = parseAttribute(line.slice(2));
    if (name === 'ice-ufrag') ufrag = value;
    else if (name === 'ice-pwd') password = value;
    else if (name === 'candidate') candidates++;
  });
  if (!isIceToken(ufrag, 4) || !isIceToken(password, 22))
    throw new MalformedMediaError('SDP fragment: expected a=ice-ufrag and a=ice-pwd (RFC 8840 §4.4)');
  return { ufrag, candidates };
}
