import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Whether an address can be reached from this machine only. Names other than `localhost` count as reachable. */
export function isLoopbackAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  const v4 = bare.startsWith('::ffff:') ? bare.slice('::ffff:'.length) : bare;
  return isIP(v4) === 4 && v4.startsWith('127.');
}

export interface LocalRequest {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  /** `1.1`. */
  readonly httpVersion: string;
}

/**
 * Whether a request without a token comes from this machine's user and not from a web page elsewhere that drives the
 * user's browser. A page under a name rebound to 127.0.0.1 shows in Host, a foreign page in Origin or Sec-Fetch-Site,
 * and a proxy that carries others to us in its forwarding headers, or, where it sends none and its own Host (nginx as
 * it comes), by HTTP/1.0, which no browser has spoken for decades.
 */
export function isTrustedLocalRequest({ headers, remoteAddress, httpVersion }: LocalRequest): boolean {
  if (!isLoopbackAddress(remoteAddress) || httpVersion === '1.0') return false;
  if (['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined))
    return false;
  const host = headers.host;
  if (host === undefined || !isLoopbackAddress(hostnameOf(`http://${host}`))) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const { origin } = headers;
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}
