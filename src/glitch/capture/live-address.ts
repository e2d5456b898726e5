import type { Capture } from './event.js';
import type { LiveOptions } from './live.js';

export function isLiveAddress(input: string): boolean {
  return /^(https?|rtmps?):\/\//i.test(input);
}

/**
 * A live stream by its address: RTMP(S), HLS (a path that ends in `.m3u8`), or HTTP-FLV. What reads it is loaded then only.
 *
 * @throws InvalidOptionError when the address is not of the form
 * @throws MalformedMediaError, UnsupportedMediaError when a playlist cannot be followed
 * @throws DestinationError when it cannot be reached or refuses
 * @throws CancelledError when the signal aborts before it answers
 */
export async function openLive(address: string, options: LiveOptions = {}): Promise<Capture> {
  if (/^rtmps?:/i.test(address)) {
    const { openRtmp } = await import('./rtmp.js');
    return openRtmp(address, options);
  }
  if (/^[^?#]*\.m3u8(?:[?#]|$)/i.test(address)) {
    const { openHls } = await import('./hls.js');
    return openHls(address, options);
  }
  const { openHttpFlv } = await import('./http-flv.js');
  return openHttpFlv(address, options);
}
