import { parseAvcc } from '../../codec/h264/avcc.js';
import { splitLengthPrefixed } from '../../codec/h264/nal.js';
import type { VideoUnit } from '../../media/access-unit.js';
import { FU_A, STAP_A } from './payload.js';

/** Leaves room for SRTP, UDP and IPv6 in the smallest usual path MTU (1280), as browsers do. */
const MAX_PAYLOAD_BYTES = 1_200;

/**
 * The RTP payloads of one picture, in order; the last one carries the marker (RFC 6184, packetization-mode 1). An IDR
 * is led by its parameter sets in a STAP-A.
 *
 * @throws MalformedMediaError when the unit's data is no list of NAL units
 */
export function packetizeH264(unit: VideoUnit, maxPayloadBytes = MAX_PAYLOAD_BYTES): Buffer[] {
  const payloads: Buffer[] = [];
  if (unit.isIdr) {
    const { sps, pps } = parseAvcc(unit.config.avcc);
    addTogether([...sps, ...pps], maxPayloadBytes, payloads);
  }
  for (const nal of splitLengthPrefixed(unit.data)) addNal(nal, maxPayloadBytes, payloads);
  return payloads;
}

function addTogether(nals: readonly Buffer[], maxBytes: number, payloads: Buffer[]): void {
  const bytes = nals.reduce((sum, nal) => sum + 2 + nal.length, 1);
  if (nals.length < 2 || bytes > maxBytes) {
    for (const nal of nals) addNal(nal, maxBytes, payloads);
    return;
  }
  const out = Buffer.allocUnsafe(bytes);
  // The highest nal_ref_idc of what is inside (§5.7.1); parameter sets have 3.
  out[0] = Math.max(...nals.map((nal) => nal[0]! & 0x60)) | STAP_A;
  let at = 1;
  for (const nal of nals) {
    at = out.writeUInt16BE(nal.length, at);
    at += nal.copy(out, at);
  }
  payloads.push(out);
}

function addNal(nal: Buffer, maxBytes: number, payloads: Buffer[]): void {
  if (nal.length <= maxBytes) {
    payloads.push(nal);
    return;
  }
  const body = nal.length - 1;
  const pieces = Math.ceil(body / (maxBytes - 2));
  for (let piece = 0; piece < pieces; piece++) {
    const from = 1 + Math.floor((body * piece) / pieces);
    const to = 1 + Math.floor((body * (piece + 1)) / pieces);
    const out = Buffer.allocUnsafe(2 + to - from);
    out[0] = (nal[0]! & 0xe0) | FU_A;
    out[1] = (piece === 0 ? 0x80 : 0) | (piece === pieces - 1 ? 0x40 : 0) | (nal[0]! & 0x1f);
    nal.copy(out, 2, from, to);
    payloads.push(out);
  }
}
