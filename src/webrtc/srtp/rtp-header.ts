const NO_EXTENSIONS: ReadonlyMap<number, Buffer> = new Map<number, Buffer>();

/**
 * Bytes from the start of an RTP packet to its payload: fixed header, CSRCs, header extension (RFC 3550 §5.1).
 * Undefined when the packet is not RTP version 2 or is shorter than it says.
 */
export function rtpHeaderLength(packet: Buffer): number | undefined {
  if (packet.length < 12 || packet[0]! >> 6 !== 2) return undefined;
  let length = 12 + (packet[0]! & 0x0f) * 4;
  if ((packet[0]! & 0x10) !== 0) {
    if (packet.length < length + 4) return undefined;
    length += 4 + packet.readUInt16BE(length + 2) * 4;
  }
  return length <= packet.length ? length : undefined;
}

/**
 * Header extension elements of a packet whose header is `headerLength` long (RFC 8285 §4.2, §4.3). Elements that
 * overrun the extension end the list; the packet stays usable.
 */
export function rtpExtensions(packet: Buffer, headerLength: number): ReadonlyMap<number, Buffer> {
  if ((packet[0]! & 0x10) === 0) return NO_EXTENSIONS;
  const start = 12 + (packet[0]! & 0x0f) * 4;
  const profile = packet.readUInt16BE(start);
  const twoByte = (profile & 0xfff0) === 0x1000;
  if (profile !== 0xbede && !twoByte) return NO_EXTENSIONS;
  const elements = new Map<number, Buffer>();
  let offset = start + 4;
  while (offset < headerLength) {
    const first = packet[offset]!;
    if (first === 0) {
      offset += 1;
      continue;
    }
    const id = twoByte ? first : first >> 4;
    if (!twoByte && id === 15) break;
    const header = twoByte ? 2 : 1;
    if (offset + header > headerLength) break;
    const length = twoByte ? packet[offset + 1]! : (first & 0x0f) + 1;
    const end = offset + header + length;
    if (end > headerLength) break;
    elements.set(id, packet.subarray(offset + header, end));
    offset = end;
  }
  return elements;
}
