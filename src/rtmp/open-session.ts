import type { Socket } from 'node:net';
import { CancelledError, DestinationError } from '../base/errors.js';
import { named } from './client-failure.js';
import { dial, NO_ANSWER_HINT } from './dial.js';
import { handshakeAsClient } from './handshake.js';
import type { RtmpAddress } from './url.js';

export interface OpenSessionOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit of everything until the session has begun, in milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** Certificates (PEM) trusted for RTMPS instead of the system's. */
  readonly ca?: string | Buffer | readonly string[] | undefined;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/**
 * Dials, shakes hands and begins a session, all within one limit.
 *
 * @param begin takes the socket after its handshake; the socket is destroyed when it fails
 * @throws DestinationError when the server cannot be reached, refuses (with what it said), or takes too long
 * @throws CancelledError when the signal aborts
 */
export async function openSession<T>(
  address: RtmpAddress,
  options: OpenSessionOptions,
  begin: (socket: Socket) => Promise<T>,
): Promise<T> {
  const limitMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  const signal =
    options.signal === undefined ? limit.signal : AbortSignal.any([options.signal, limit.signal]);
  let socket: Socket | undefined;
  const abort = (): void => void socket?.destroy();
  try {
    socket = await dial(address, { signal, ca: options.ca });
    socket.on('error', () => undefined);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    await handshakeAsClient(socket);
    return await begin(socket);
  } catch (error) {
    socket?.destroy();
    if (options.signal?.aborted) throw new CancelledError('cancelled', { cause: error });
    if (limit.signal.aborted) {
      throw new DestinationError(`${address.shown}: no answer within ${limitMs} ms`, {
        cause: error,
        hint: NO_ANSWER_HINT,
      });
    }
    throw named(address, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
