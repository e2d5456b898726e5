import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CancelledError, DestinationError } from '../base/errors.js';
import type { RtmpAddress } from './url.js';

export interface DialOptions {
  /** Certificates (PEM) trusted for RTMPS instead of the system's. */
  readonly ca?: string | Buffer | readonly string[] | undefined;
  /** Aborts, whoever's limit it is. */
  readonly signal: AbortSignal;
}

/** Seconds of silence after which the operating system asks whether the peer is still there. */
const KEEP_ALIVE_MS = 10_000;

/**
 * A connected TCP or TLS socket, certificates verified.
 *
 * @throws DestinationError when it is refused, unreachable, or its certificate is not trusted
 * @throws CancelledError when the signal aborts
 */
export function dial(address: RtmpAddress, options: DialOptions): Promise<Socket> {
  const { host, port, isSecure } = address;
  const { signal, ca } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new CancelledError('cancelled', { cause: signal.reason }));
    const trust =
      ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] };
    // An address is no server name (RFC 6066 §3).
    const servername = /^[\d.]+$|:/.test(host) ? '' : host;
    const socket = isSecure ? connectTls({ host, port, servername, ...trust }) : connect({ host, port });
    const connected = isSecure ? 'secureConnect' : 'connect';
    const settle = (outcome: () => void): void => {
      signal.removeEventListener('abort', aborted);
      socket.off('error', failed).off(connected, succeeded);
      outcome();
    };
    const aborted = (): void =>
      settle(() => {
        socket.on('error', () => undefined).destroy();
        reject(new CancelledError('cancelled', { cause: signal.reason }));
      });
    const failed = (error: Error): void =>
      settle(() => {
        socket.destroy();
        reject(unreached(address, error));
      });
    const succeeded = (): void =>
      settle(() => {
        socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
        resolve(socket);
      });
    signal.addEventListener('abort', aborted, { once: true });
    socket.once('error', failed).once(connected, succeeded);
  });
}

const CHECK_ADDRESS = 'Check the address.';
export const NO_ANSWER_HINT = 'Is the address right, and does a firewall let RTMP through?';
/** What the operating system's errors mean to whoever entered the address, and what to do about it. */
const FAILURES: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ECONNREFUSED: ['connection refused', 'Is the server running, and is the port right?'],
  ENOTFOUND: ['no such host', CHECK_ADDRESS],
  EAI_AGAIN: ['the host name could not be looked up', 'Check the address and this machine’s network.'],
  ETIMEDOUT: ['no answer', NO_ANSWER_HINT],
  EHOSTUNREACH: ['the host cannot be reached', CHECK_ADDRESS],
  ENETUNREACH: ['the network cannot be reached', 'Check this machine’s network.'],
};

function unreached({ shown }: RtmpAddress, error: Error & { code?: string }): DestinationError {
  const { code = '' } = error;
  const known = FAILURES[code];
  if (known === undefined) {
    return new DestinationError(`${shown}: ${error.message || error.name}`, { cause: error });
  }
  const [what, hint] = known;
  return new DestinationError(`${shown}: ${what} (${code})`, { cause: error, hint });
}
