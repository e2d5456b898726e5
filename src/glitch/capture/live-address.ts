import type { Capture } from './event.js';
import { openHttpFlv } from './http-flv.js';
import type { LiveOptions } from './live.js';
import { openRtmp } from './rtmp.js';

export function isLiveAddress(input: string): boolean {
  return /^(https?|rtmps?):\/\//i.test(input);
}

/**
 * A live stream by its address: RTMP(S), or HTTP-FLV.
 *
 * @throws InvalidOptionError when the address is not of the form
 * @throws DestinationError when it cannot be reached or refuses
 * @throws CancelledError when the signal aborts before it answers
 */
export function openLive(address: string, options: LiveOptions = {}): Promise<Capture> {
  return /^rtmps?:/i.test(address) ? openRtmp(address, options) : openHttpFlv(address, options);
}
