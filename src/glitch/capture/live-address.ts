import type { Capture } from './event.js';
import { openHls } from './hls.js';
import { openHttpFlv } from './http-flv.js';
import type { LiveOptions } from './live.js';
import { openRtmp } from './rtmp.js';

export function isLiveAddress(input: string): boolean {
  return /^(https?|rtmps?):\/\//i.test(input);
}

/**
 * A live stream by its address: RTMP(S), HLS (a path that ends in `.m3u8`), or HTTP-FLV.
 *
 * @throws InvalidOptionError when the address is not of the form
 * @throws MalformedMediaError, UnsupportedMediaError when a playlist cannot be followed
 * @throws DestinationError when it cannot be reached or refuses
 * @throws CancelledError when the signal aborts before it answers
 */
export function openLive(address: string, options: LiveOptions = {}): Promise<Capture> {
  if (/^rtmps?:/i.test(address)) return openRtmp(address, options);
  if (/^[^?#]*\.m3u8(?:[?#]|$)/i.test(address)) return openHls(address, options);
  return openHttpFlv(address, options);
}
