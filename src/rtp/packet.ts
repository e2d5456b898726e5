/** One RTP packet, parsed (RFC 3550 §5.1). Views into the datagram it came in; copy to keep. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** As on the wire, 16 bits. */
  readonly sequenceNumber: number;
  /** As on the wire, 32 bits, in the payload's clock. */
  readonly timestamp: number;
  readonly ssrc: number;
  /** Header extension elements by id (RFC 8285), empty when there are none. */
  readonly extensions: ReadonlyMap<number, Buffer>;
  /** Without padding. */
  readonly payload: Buffer;
}

const HEADER_BYTES = 12;
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;
const NO_EXTENSIONS: ReadonlyMap<number, Buffer> = new Map();

/** @returns undefined when the datagram is not a whole RTP packet: damage on the wire is for the caller to count */
export function parseRtp(data: Buffer): RtpPacket | undefined {
  if (data.length < HEADER_BYTES) return undefined;
  const first = data[0]!;
  if (first >> 6 !== 2) return undefined;
  let offset = HEADER_BYTES + (first & 0x0f) * 4;
  let extensions = NO_EXTENSIONS;
  if (first & 0x10) {
    if (offset + 4 > data.length) return undefined;
    const end = offset + 4 + data.readUInt16BE(offset + 2) * 4;
    if (end > data.length) return undefined;
    extensions = parseExtensions(data.readUInt16BE(offset), data.subarray(offset + 4, end));
    offset = end;
  }
  let end = data.length;
  if (first & 0x20) {
    const padding = data[data.length - 1]!;
    if (padding === 0) return undefined;
    end -= padding;
  }
  if (offset > end) return undefined;
  return {
    payloadType: data[1]! & 0x7f,
    marker: data[1]! >= 0x80,
    sequenceNumber: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    ssrc: data.readUInt32BE(8),
    extensions,
    payload: data.subarray(offset, end),
  };
}

/** RFC 8285 §4.2 and §4.3. What does not fit the rules ends the list: extensions are never needed to decode. */
function parseExtensions(profile: number, data: Buffer): ReadonlyMap<number, Buffer> {
  const oneByte = profile === ONE_BYTE_PROFILE;
  if (!oneByte && (profile & 0xfff0) !== TWO_BYTE_PROFILE) return NO_EXTENSIONS;
  const found = new Map<number, Buffer>();
  let at = 0;
  while (at < data.length) {
    const head = data[at]!;
    if (head === 0) {
      at += 1;
      continue;
    }
    const id = oneByte ? head >> 4 : head;
    if (oneByte && id === 15) break;
    if (!oneByte && at + 1 >= data.length) break;
    const length = oneByte ? (head & 0x0f) + 1 : data[at + 1]!;
    const start = at + (oneByte ? 1 : 2);
    if (start + length > data.length) break;
    found.set(id, data.subarray(start, start + length));
    at = start + length;
  }
  return found;
}

/** A packet as bytes. Extensions go out as one-byte elements where they fit, otherwise as two-byte ones. */
export function serializeRtp(packet: RtpPacket): Buffer {
  const extension = serializeExtensions(packet.extensions);
  const out = Buffer.allocUnsafe(HEADER_BYTES + extension.length + packet.payload.length);
  out[0] = 0x80 | (extension.length > 0 ? 0x10 : 0);
  out[1] = (packet.marker ? 0x80 : 0) | (packet.payloadType & 0x7f);
  out.writeUInt16BE(packet.sequenceNumber, 2);
  out.writeUInt32BE(packet.timestamp, 4);
  out.writeUInt32BE(packet.ssrc, 8);
  extension.copy(out, HEADER_BYTES);
  packet.payload.copy(out, HEADER_BYTES + extension.length);
  return out;
}

function serializeExtensions(extensions: ReadonlyMap<number, Buffer>): Buffer {
  if (extensions.size === 0) return Buffer.alloc(0);
  const oneByte = [...extensions].every(([id, value]) => id < 15 && value.length >= 1 && value.length <= 16);
  const parts: Buffer[] = [];
  for (const [id, value] of extensions) {
    parts.push(Buffer.from(oneByte ? [(id << 4) | (value.length - 1)] : [id, value.length]), value);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const words = Math.ceil(length / 4);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(oneByte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE, 0);
  head.writeUInt16BE(words, 2);
  return Buffer.concat([head, ...parts], 4 + words * 4);
}
