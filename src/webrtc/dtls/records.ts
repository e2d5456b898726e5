/** DTLS 1.2 records and handshake fragments (RFC 6347 §4.1, §4.2.2): pure bytes. */
export const RecordType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
export const HandshakeType = {
  clientHello: 1,
  serverKeyExchange: 12,
  certificateVerify: 15,
  finished: 20,
} as const;

const RECORD_HEADER_LENGTH = 13;
export const HANDSHAKE_HEADER_LENGTH = 12;
/** A certificate chain with room to spare. */
const MAX_MESSAGE_LENGTH = 16_384;
/** Messages of one flight that may wait for an earlier one. */
const MAX_AHEAD = 8;

export interface DtlsRecord {
  readonly type: number;
  readonly epoch: number;
  /** Number of the record in its epoch, 48 bits. */
  readonly sequenceNumber: number;
  readonly fragment: Buffer;
  /** Header and fragment as they came. */
  readonly bytes: Buffer;
}

/** The whole records of a datagram; what follows a damaged one is left out. */
export function parseRecords(datagram: Buffer): readonly DtlsRecord[] {
  const records: DtlsRecord[] = [];
  let offset = 0;
  while (offset + RECORD_HEADER_LENGTH <= datagram.length) {
    const end = offset + RECORD_HEADER_LENGTH + datagram.readUInt16BE(offset + 11);
    if (end > datagram.length || datagram[offset + 1] !== 254) break;
    records.push({
      type: datagram[offset]!,
      epoch: datagram.readUInt16BE(offset + 3),
      sequenceNumber: datagram.readUIntBE(offset + 5, 6),
      fragment: datagram.subarray(offset + RECORD_HEADER_LENGTH, end),
      bytes: datagram.subarray(offset, end),
    });
    offset = end;
  }
  return records;
}

/** A record of epoch 0 around `fragment`. */
export function plainRecord(type: number, fragment: Buffer): Buffer {
  return Buffer.concat([recordHeader(type, 0, 0, fragment.length), fragment]);
}

export function recordHeader(type: number, epoch: number, sequenceNumber: number, length: number): Buffer {
  const header = Buffer.alloc(RECORD_HEADER_LENGTH);
  header[0] = type;
  header[1] = 254;
  header[2] = 253;
  header.writeUInt16BE(epoch, 3);
  header.writeUIntBE(sequenceNumber, 5, 6);
  header.writeUInt16BE(length, 11);
  return header;
}

export interface HandshakeMessage {
  readonly type: number;
  readonly sequence: number;
  /** One unfragmented message, its 12-byte header included. */
  readonly bytes: Buffer;
}

interface Assembly {
  readonly type: number;
  readonly body: Buffer;
  readonly have: Uint8Array;
  missing: number;
}

/** Puts clear-text handshake fragments together and in order, each message once. */
export class HandshakeInbox {
  readonly #assemblies = new Map<number, Assembly>();
  #next = 0;
  #lastDelivered: HandshakeMessage | undefined;

  /**
   * Takes the fragments of one record; returns the messages that became deliverable. A repeated ClientHello is
   * returned again when it is the latest message: the peer has missed our answer.
   */
  push(fragment: Buffer): readonly HandshakeMessage[] {
    const ready: HandshakeMessage[] = [];
    let offset = 0;
    while (offset + HANDSHAKE_HEADER_LENGTH <= fragment.length) {
      const partLength = fragment.readUIntBE(offset + 9, 3);
      const end = offset + HANDSHAKE_HEADER_LENGTH + partLength;
      if (end > fragment.length) break;
      this.#addPart(fragment.subarray(offset, end), ready);
      offset = end;
    }
    this.#deliver(ready);
    return ready;
  }

  #addPart(part: Buffer, ready: HandshakeMessage[]): void {
    const length = part.readUIntBE(1, 3);
    const sequence = part.readUInt16BE(4);
    const at = part.readUIntBE(6, 3);
    const body = part.subarray(HANDSHAKE_HEADER_LENGTH);

    if (length > MAX_MESSAGE_LENGTH || at + body.length > length) return;
    if (sequence < this.#next) {
      const last = this.#lastDelivered;
      const repeated = last?.sequence === sequence && last.type === HandshakeType.clientHello && at === 0;
      if (repeated && !ready.includes(last)) ready.push(last);
      return;
    }
    if (sequence >= this.#next + MAX_AHEAD) return;
    let assembly = this.#assemblies.get(sequence);
    if (assembly === undefined) {
      assembly = {
        type: part[0]!,
        body: Buffer.alloc(length),
        have: new Uint8Array(length),
        missing: length,
      };
      this.#assemblies.set(sequence, assembly);
    }
    if (assembly.type !== part[0] || assembly.body.length !== length) return;
    for (let i = 0; i < body.length; i++) {
      if (assembly.have[at + i] === 1) continue;
      assembly.have[at + i] = 1;
      assembly.body[at + i] = body[i]!;
      assembly.missing--;
    }
  }

  #deliver(ready: HandshakeMessage[]): void {
    for (;;) {
      const sequence = this.#next;
      const assembly = this.#assemblies.get(sequence);
      if (assembly === undefined || assembly.missing > 0) return;
      this.#assemblies.delete(sequence);
      this.#next = sequence + 1;
      const message = { type: assembly.type, sequence, bytes: wholeMessage(assembly, sequence) };
      this.#lastDelivered = message;
      ready.push(message);
    }
  }
}

function wholeMessage(assembly: Assembly, sequence: number): Buffer {
  const bytes = Buffer.alloc(HANDSHAKE_HEADER_LENGTH + assembly.body.length);
  bytes[0] = assembly.type;
  bytes.writeUIntBE(assembly.body.length, 1, 3);
  bytes.writeUInt16BE(sequence, 4);
  bytes.writeUIntBE(assembly.body.length, 9, 3);
  assembly.body.copy(bytes, HANDSHAKE_HEADER_LENGTH);
  return bytes;
}
