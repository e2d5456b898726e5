import { MalformedMediaError } from '../base/errors.js';
import type { ReceivedTag } from '../container/flv/tag-reader.js';
import { PREVIOUS_TAG_SIZE_BYTES, TAG_HEADER_BYTES, TagType } from '../container/flv/tag.js';
import type { RtmpMessage } from './message.js';

/**
 * The media within an aggregate message (§7.1.6): a row of FLV tags, whose times count from the message's own.
 *
 * @throws MalformedMediaError when a part is longer than the message
 */
export function splitAggregate({ payload, timestamp }: RtmpMessage): ReceivedTag[] {
  const tags: ReceivedTag[] = [];
  let firstTime: number | undefined;
  for (let at = 0; at + TAG_HEADER_BYTES <= payload.length;) {
    const type = payload.readUInt8(at);
    const start = at + TAG_HEADER_BYTES;
    const end = start + payload.readUIntBE(at + 1, 3);
    if (end > payload.length) {
      throw new MalformedMediaError(`RTMP aggregate: a part ends ${end - payload.length} bytes behind it`, {
        offset: at,
      });
    }
    const time = payload.readUIntBE(at + 4, 3) + payload.readUInt8(at + 7) * 2 ** 24;
    firstTime ??= time;
    if (type === TagType.audio || type === TagType.video || type === TagType.script) {
      const ahead = time - firstTime + 2 ** 32;
      tags.push({ type, timestamp: (timestamp + ahead) % 2 ** 32, body: payload.subarray(start, end) });
    }
    at = end + PREVIOUS_TAG_SIZE_BYTES;
  }
  return tags;
}
