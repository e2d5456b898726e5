import { NalType } from '../../codec/h264/nal.js';

/** Payload structures of RFC 6184 §5.2 that packetization-mode 1 allows beside single NAL units. */
export const STAP_A = 24;
export const FU_A = 28;

/** Whether decoding can start at this packet: the first of an IDR picture, or parameter sets. */
export function startsKeyframe(payload: Buffer): boolean {
  if (payload.length < 2) return false;
  const type = payload[0]! & 0x1f;
  if (type === FU_A) return (payload[1]! & 0x80) !== 0 && isKey(payload[1]! & 0x1f);
  if (type !== STAP_A) return isKey(type);
  for (let at = 1; at + 2 < payload.length; at += 2 + payload.readUInt16BE(at)) {
    if (isKey(payload[at + 2]! & 0x1f)) return true;
  }
  return false;
}

function isKey(type: number): boolean {
  return type === NalType.idr || type === NalType.sps;
}
