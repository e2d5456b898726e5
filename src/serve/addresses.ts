import { isIP, isIPv6 } from 'node:net';
import { InvalidOptionError } from '../base/errors.js';

/**
 * The address to bind for what a user calls it.
 *
 * @throws InvalidOptionError for a name other than `localhost`: all listeners need the same numeric address
 */
export function bindAddress(host: string): string {
  if (host === 'localhost') return '127.0.0.1';
  if (isIP(host) === 0) {
    throw new InvalidOptionError(`host: expected an IP address, got ${JSON.stringify(host.slice(0, 100))}`, {
      hint: '127.0.0.1 for this machine alone, 0.0.0.0 for all of IPv4, :: for both families.',
    });
  }
  return host;
}

/** Whether it stands for every address of the machine, and so is none that a client could go to. */
function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** A bound address as a user of this machine would put it into a URL. */
export function localName(host: string): string {
  return isWildcard(host) ? 'localhost' : urlHost(host);
}

/** As it stands in a URL: IPv6 in brackets. */
export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
