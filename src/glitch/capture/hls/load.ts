import { CancelledError, DestinationError } from '../../../base/errors.js';
import type { HlsResource } from './playlist.js';

export interface LoadOptions {
  /** What is longer is refused. */
  readonly maxBytes: number;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * A resource by HTTP, whole or its byte range, and the address that it was found at in the end.
 *
 * @throws DestinationError when it cannot be had in time, is refused, or is too long
 * @throws CancelledError when the signal aborts
 */
export async function load(
  { uri, range }: HlsResource,
  options: LoadOptions,
): Promise<{ readonly bytes: Buffer; readonly url: string }> {
  const { maxBytes, timeoutMs, signal } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const headers: Record<string, string> =
    range === undefined ? {} : { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
  try {
    const response = await fetch(uri, { headers, signal: AbortSignal.any([signal, limit]) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new DestinationError(`${uri}: expected media, got status ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      // Leaving the loop cancels the body.
      if (length > maxBytes) throw new DestinationError(`${uri}: longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    const isWhole = range !== undefined && response.status === 200;
    return {
      bytes: isWhole ? bytes.subarray(range.offset, range.offset + range.length) : bytes,
      url: response.url,
    };
  } catch (cause) {
    if (signal.aborted) throw new CancelledError('analysis: cancelled', { cause });
    if (cause instanceof DestinationError) throw cause;
    throw new DestinationError(
      limit.aborted ? `${uri}: not there within ${timeoutMs} ms` : `${uri}: cannot be reached`,
      { cause },
    );
  }
}
