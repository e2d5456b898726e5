import { isIP, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { InvalidOptionError } from '../../base/errors.js';

export interface AddressOptions {
  readonly host: string;
  readonly ipv6: boolean;
  readonly advertisedAddresses: readonly string[];
}

/**
 * The addresses that peers are told to reach us at, most preferred first: the advertised ones, else the one bound, else
 * (bound to all) every interface's own, loopback only when there is nothing else.
 *
 * @throws InvalidOptionError when an advertised address is not a numeric IP address
 */
export function candidateAddresses(options: AddressOptions): readonly string[] {
  for (const address of options.advertisedAddresses) {
    if (isIP(address) === 0)
      throw new InvalidOptionError(`advertised address: expected an IP address, got ${address}`);
  }
  if (options.advertisedAddresses.length > 0) return options.advertisedAddresses;
  if (options.host !== '0.0.0.0' && options.host !== '::') {
    return options.ipv6 && options.host === '127.0.0.1' ? [options.host, '::1'] : [options.host];
  }
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reachable = all.filter(
    ({ address }) => isIPv4(address) || (options.ipv6 && !/^fe80:/i.test(address)),
  );
  const outside = reachable.filter(({ internal }) => !internal);
  return (outside.length > 0 ? outside : reachable).map(({ address }) => address);
}

/**
 * What to bind beside an address, so that both families are served. `::` means every address of the machine, as it does
 * for TCP; the UDP socket of either family takes its own alone.
 */
export function otherFamily({ host, ipv6 }: Pick<AddressOptions, 'host' | 'ipv6'>): string | undefined {
  if (host === '::') return '0.0.0.0';
  if (!ipv6 || !isIPv4(host)) return undefined;
  return host === '127.0.0.1' ? '::1' : '::';
}
