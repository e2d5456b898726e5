import { CancelledError, DestinationError } from '../../base/errors.js';
import type { Capture } from './event.js';
import { DEFAULT_SILENCE_MS, liveCapture, type LiveOptions } from './live.js';
import { flvEvents } from './open.js';

/**
 * An HTTP-FLV address as a capture.
 *
 * @throws DestinationError when the address cannot be reached or refuses
 * @throws CancelledError when the signal aborts before it answers
 */
export async function openHttpFlv(address: string, options: LiveOptions = {}): Promise<Capture> {
  const { silenceMs = DEFAULT_SILENCE_MS } = options;
  const connection = new AbortController();
  const cancel = (): void => connection.abort();
  options.signal?.addEventListener('abort', cancel, { once: true });
  if (options.signal?.aborted === true) cancel();
  const timer = setTimeout(cancel, silenceMs);
  const response = await fetch(address, { signal: connection.signal }).catch((cause: unknown) => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cancel);
    if (options.signal?.aborted === true) throw new CancelledError('analysis: cancelled');
    throw new DestinationError(
      connection.signal.aborted
        ? `${address}: no answer within ${silenceMs} ms`
        : `${address}: cannot be reached`,
      { cause },
    );
  });
  clearTimeout(timer);
  const reader = response.body?.getReader();
  const close = async (): Promise<void> => {
    options.signal?.removeEventListener('abort', cancel);
    connection.abort();
    await reader?.cancel().catch(() => undefined);
  };
  if (!response.ok || reader === undefined) {
    await close();
    throw new DestinationError(`${address}: expected a stream, got status ${response.status}`);
  }
  const next = async (): Promise<Buffer | undefined> => {
    const step = await reader.read();
    return step.done ? undefined : Buffer.from(step.value);
  };
  return liveCapture({ format: 'http-flv', shown: address, next, close, events: flvEvents }, options);
}
