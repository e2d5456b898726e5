import { flvFileHeader, serialiseTag } from '../../container/flv/tag.js';
import { RtmpPlayer } from '../../rtmp/rtmp-player.js';
import type { Capture } from './event.js';
import { DEFAULT_SILENCE_MS, liveCapture, withoutOffsets, type LiveOptions } from './live.js';
import { flvEvents } from './open.js';

/**
 * A stream of an RTMP(S) server as a capture: its messages as the tags of an FLV. It has no byte offsets.
 *
 * @throws InvalidOptionError when the address is not of the form
 * @throws DestinationError when the server cannot be reached or refuses
 * @throws CancelledError when the signal aborts before it answers
 */
export async function openRtmp(address: string, options: LiveOptions = {}): Promise<Capture> {
  const { silenceMs = DEFAULT_SILENCE_MS, signal } = options;
  const player = await RtmpPlayer.connect(address, { signal, connectTimeoutMs: silenceMs });
  const cancel = (): void => player.close();
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
  let isFirst = true;
  const next = async (): Promise<Buffer | undefined> => {
    const tag = await player.next();
    if (tag === undefined) return undefined;
    const bytes = serialiseTag({ ...tag, timestampMs: tag.timestamp, isSequenceHeader: false });
    if (!isFirst) return bytes;
    isFirst = false;
    return Buffer.concat([flvFileHeader({ audio: true, video: true }), bytes]);
  };
  const close = (): Promise<void> => {
    signal?.removeEventListener('abort', cancel);
    player.close();
    return Promise.resolve();
  };
  const { shown } = player.address;
  return withoutOffsets(liveCapture({ format: 'rtmp', shown, next, close, events: flvEvents }, options));
}
