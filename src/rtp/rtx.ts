/** The original sequence number that leads a retransmission payload (RFC 4588 §4). */
const OSN_BYTES = 2;

export interface Retransmitted {
  readonly sequenceNumber: number;
  readonly payload: Buffer;
}

/** @returns undefined when there is nothing inside, as in the padding that probes for bandwidth */
export function unwrapRtx(payload: Buffer): Retransmitted | undefined {
  if (payload.length <= OSN_BYTES) return undefined;
  return { sequenceNumber: payload.readUInt16BE(0), payload: payload.subarray(OSN_BYTES) };
}

export function wrapRtx(original: Retransmitted): Buffer {
  const out = Buffer.allocUnsafe(OSN_BYTES + original.payload.length);
  out.writeUInt16BE(original.sequenceNumber, 0);
  original.payload.copy(out, OSN_BYTES);
  return out;
}
