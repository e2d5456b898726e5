import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';

/** STUN as ICE uses it (RFC 8489, RFC 8445 §16): Binding requests and their answers. */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_LENGTH = 20;
const INTEGRITY_LENGTH = 20;
const FINGERPRINT_XOR = 0x5354554e;

export const StunClass = { request: 0x0001, success: 0x0101, error: 0x0111 } as const;

const Attribute = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

/** A parsed message: views into the datagram. */
export interface StunMessage {
  /** Method and class as on the wire; see {@link StunClass} for the Binding method. */
  readonly type: number;
  readonly transactionId: Buffer;
  readonly username: string | undefined;
  readonly useCandidate: boolean;
  readonly priority: number | undefined;
  /** Where the MESSAGE-INTEGRITY attribute begins, in bytes. */
  readonly integrityOffset: number | undefined;
  readonly errorCode: number | undefined;
}

export function looksLikeStun(datagram: Buffer): boolean {
  return datagram.length >= HEADER_LENGTH && datagram[0]! < 4 && datagram.readUInt32BE(4) === MAGIC_COOKIE;
}

/** Undefined when the message is not well-formed. Attributes after MESSAGE-INTEGRITY are not authentic: ignored. */
export function parseStun(datagram: Buffer): StunMessage | undefined {
  if (!looksLikeStun(datagram)) return undefined;
  const end = HEADER_LENGTH + datagram.readUInt16BE(2);
  if (end !== datagram.length || end % 4 !== 0) return undefined;
  let username: string | undefined;
  let useCandidate = false;
  let priority: number | undefined;
  let integrityOffset: number | undefined;
  let errorCode: number | undefined;
  for (let offset = HEADER_LENGTH; offset + 4 <= end && integrityOffset === undefined;) {
    const type = datagram.readUInt16BE(offset);
    const length = datagram.readUInt16BE(offset + 2);
    const value = offset + 4;
    if (value + length > end) return undefined;
    if (type === Attribute.username) username = datagram.toString('utf8', value, value + length);
    else if (type === Attribute.useCandidate) useCandidate = true;
    else if (type === Attribute.priority && length === 4) priority = datagram.readUInt32BE(value);
    else if (type === Attribute.errorCode && length >= 4)
      errorCode = datagram[value + 2]! * 100 + datagram[value + 3]!;
    else if (type === Attribute.messageIntegrity && length === INTEGRITY_LENGTH) integrityOffset = offset;
    offset = value + ((length + 3) & ~3);
  }
  return {
    type: datagram.readUInt16BE(0),
    transactionId: datagram.subarray(8, HEADER_LENGTH),
    username,
    useCandidate,
    priority,
    integrityOffset,
    errorCode,
  };
}

/**
 * Whether MESSAGE-INTEGRITY (RFC 8489 §14.5) holds for the bytes as they came. Checking a re-serialised message would
 * reject peers that order or pad attributes in their own way.
 */
export function verifyIntegrity(datagram: Buffer, message: StunMessage, password: string): boolean {
  const at = message.integrityOffset;
  if (at === undefined) return false;
  // The length field counts up to and including MESSAGE-INTEGRITY, whatever follows it.
  const head = Buffer.from(datagram.subarray(0, 4));
  head.writeUInt16BE(at + 4 + INTEGRITY_LENGTH - HEADER_LENGTH, 2);
  const digest = createHmac('sha1', password).update(head).update(datagram.subarray(4, at)).digest();
  return timingSafeEqual(digest, datagram.subarray(at + 4, at + 4 + INTEGRITY_LENGTH));
}

/** The answer to an authentic Binding request. */
export function buildBindingSuccess(
  request: StunMessage,
  from: { readonly address: string; readonly port: number },
  password: string,
): Buffer {
  const attributes = [
    attribute(Attribute.xorMappedAddress, xorAddress(from.address, from.port, request.transactionId)),
  ];
  return finish(StunClass.success, request.transactionId, attributes, password);
}

export interface BindingRequest {
  readonly transactionId: Buffer;
  /** `remote ufrag:local ufrag`. */
  readonly username: string;
  readonly password: string;
  readonly priority: number;
  readonly tieBreaker: Buffer;
  readonly useCandidate: boolean;
}

/** A connectivity check of a controlling agent (RFC 8445 §7.2.2). */
export function buildBindingRequest(request: BindingRequest): Buffer {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(request.priority >>> 0, 0);
  const attributes = [
    attribute(Attribute.username, Buffer.from(request.username)),
    attribute(Attribute.priority, priority),
    attribute(Attribute.iceControlling, request.tieBreaker),
  ];
  if (request.useCandidate) attributes.push(attribute(Attribute.useCandidate, Buffer.alloc(0)));
  return finish(StunClass.request, request.transactionId, attributes, request.password);
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function finish(
  type: number,
  transactionId: Buffer,
  attributes: readonly Buffer[],
  password: string,
): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt16BE(type, 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(header, 8);
  const body = Buffer.concat([header, ...attributes]);
  body.writeUInt16BE(body.length - HEADER_LENGTH + 4 + INTEGRITY_LENGTH, 2);
  const digest = createHmac('sha1', password).update(body).digest();
  const signed = Buffer.concat([body, attribute(Attribute.messageIntegrity, digest)]);
  signed.writeUInt16BE(signed.length - HEADER_LENGTH + 8, 2);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE((crc32(signed) ^ FINGERPRINT_XOR) >>> 0, 0);
  return Buffer.concat([signed, attribute(Attribute.fingerprint, checksum)]);
}

/** XOR-MAPPED-ADDRESS (RFC 8489 §14.2). */
function xorAddress(address: string, port: number, transactionId: Buffer): Buffer {
  const bytes = isIPv4(address) ? ipv4Bytes(address) : ipv6Bytes(address);
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE, 0);
  transactionId.copy(mask, 4);
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = bytes.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  for (let i = 0; i < bytes.length; i++) value[4 + i] = bytes[i]! ^ mask[i]!;
  return value;
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function ipv6Bytes(address: string): Buffer {
  const bare = address.split('%')[0]!;
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  const plain =
    mapped === null
      ? bare
      : `${mapped[1]!}${ipv4Bytes(mapped[2]!).toString('hex', 0, 2)}:${ipv4Bytes(mapped[2]!).toString('hex', 2)}`;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((g) => parseInt(g, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  const bytes = Buffer.alloc(16);
  all.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}
