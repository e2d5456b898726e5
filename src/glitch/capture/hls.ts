import { CancelledError } from '../../base/errors.js';
import type { Capture } from './event.js';
import { followSegments, type HlsPiece } from './hls/follow.js';
import { findPlaylist } from './hls/load-playlist.js';
import { segmentEvents } from './hls/segment-events.js';
import { DEFAULT_SILENCE_MS, liveCapture, withoutOffsets, type LiveOptions } from './live.js';

/** A live playlist that has nothing new for so many target durations has stalled. */
const STALL_TARGETS = 4;

/**
 * An HLS address (RFC 8216bis) as a capture: whole segments as they come. It has no byte offsets.
 *
 * @throws DestinationError when the playlist cannot be had
 * @throws MalformedMediaError when it is none; UnsupportedMediaError when it is encrypted or its sound lies apart
 * @throws CancelledError when the signal aborts before it is there
 */
export async function openHls(address: string, options: LiveOptions = {}): Promise<Capture> {
  if (options.signal?.aborted === true) throw new CancelledError('analysis: cancelled');
  const connection = new AbortController();
  const cancel = (): void => connection.abort();
  options.signal?.addEventListener('abort', cancel, { once: true });
  const timeoutMs = options.silenceMs ?? DEFAULT_SILENCE_MS;
  const loading = { timeoutMs, signal: connection.signal };
  const close = (): Promise<void> => {
    options.signal?.removeEventListener('abort', cancel);
    connection.abort();
    return Promise.resolve();
  };
  try {
    const found = await findPlaylist(address, loading);
    const segments = followSegments(found, { ...loading, durationMs: options.durationMs });
    const next = async (): Promise<HlsPiece | undefined> => (await segments.next()).value;
    const stallMs = STALL_TARGETS * found.playlist.targetDurationMs;
    const capture = liveCapture(
      { format: 'hls', shown: address, next, close, events: segmentEvents },
      { ...options, silenceMs: options.silenceMs ?? Math.max(DEFAULT_SILENCE_MS, stallMs) },
    );
    return { ...withoutOffsets(capture), variant: found.variant };
  } catch (error) {
    await close();
    throw error;
  }
}
