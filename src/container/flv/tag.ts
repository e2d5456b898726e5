/** FLV tags (Adobe, "Video File Format Specification" v10.1, annex E.4). RTMP messages 8, 9 and 18 carry the same bodies. */
export const TagType = { audio: 8, video: 9, script: 18 } as const;
export type TagType = (typeof TagType)[keyof typeof TagType];

export interface FlvTag {
  readonly type: TagType;
  /** Milliseconds; decoding time for video. Never negative, not wrapped: the wire carries it modulo 2^32. */
  readonly timestampMs: number;
  /** Sequence headers are what a player needs before it can decode what follows. */
  readonly isSequenceHeader: boolean;
  /** What follows the tag header. Owned by the receiver. */
  readonly body: Buffer;
}

export const TAG_HEADER_BYTES = 11;
export const PREVIOUS_TAG_SIZE_BYTES = 4;
export const FILE_HEADER_BYTES = 9;

/** The file header (E.2) and the first PreviousTagSize. */
export function flvFileHeader(has: { readonly audio: boolean; readonly video: boolean }): Buffer {
  return Buffer.from([
    0x46,
    0x4c,
    0x56,
    1,
    (has.audio ? 4 : 0) | (has.video ? 1 : 0),
    0,
    0,
    0,
    9,
    0,
    0,
    0,
    0,
  ]);
}

/** One tag as bytes of a file or an HTTP-FLV stream, its PreviousTagSize included. */
export function serialiseTag(tag: FlvTag): Buffer {
  const size = tag.body.length;
  const out = Buffer.allocUnsafe(TAG_HEADER_BYTES + size + PREVIOUS_TAG_SIZE_BYTES);
  const timestamp = tag.timestampMs % 2 ** 32;
  out[0] = tag.type;
  out.writeUIntBE(size, 1, 3);
  out.writeUIntBE(timestamp % 2 ** 24, 4, 3);
  out[7] = Math.floor(timestamp / 2 ** 24);
  out.writeUIntBE(0, 8, 3);
  tag.body.copy(out, TAG_HEADER_BYTES);
  out.writeUInt32BE(TAG_HEADER_BYTES + size, TAG_HEADER_BYTES + size);
  return out;
}
