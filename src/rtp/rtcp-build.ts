import { ntpToWords } from './ntp.js';
import {
  FMT_AFB,
  FMT_FIR,
  FMT_NACK,
  FMT_PLI,
  REMB_IDENTIFIER,
  RTCP_BYE,
  RTCP_PSFB,
  RTCP_RR,
  RTCP_RTPFB,
  RTCP_SDES,
  RTCP_SR,
  type ReportBlock,
  type SenderReport,
} from './rtcp.js';

/** A packet of `bytes` (a multiple of 4) with its header filled in. */
function rtcpPacket(type: number, count: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  out[0] = 0x80 | count;
  out[1] = type;
  out.writeUInt16BE(bytes / 4 - 1, 2);
  return out;
}

export function buildSenderReport(report: Omit<SenderReport, 'type'>): Buffer {
  const out = rtcpPacket(RTCP_SR, report.reports.length, 28 + report.reports.length * 24);
  const ntp = ntpToWords(report.ntpUs);
  out.writeUInt32BE(report.ssrc, 4);
  out.writeUInt32BE(ntp.seconds, 8);
  out.writeUInt32BE(ntp.fraction, 12);
  out.writeUInt32BE(report.rtpTimestamp >>> 0, 16);
  out.writeUInt32BE(report.packetCount >>> 0, 20);
  out.writeUInt32BE(report.octetCount >>> 0, 24);
  writeReports(out, 28, report.reports);
  return out;
}

export function buildReceiverReport(ssrc: number, reports: readonly ReportBlock[]): Buffer {
  const out = rtcpPacket(RTCP_RR, reports.length, 8 + reports.length * 24);
  out.writeUInt32BE(ssrc, 4);
  writeReports(out, 8, reports);
  return out;
}

function writeReports(out: Buffer, start: number, reports: readonly ReportBlock[]): void {
  reports.forEach((report, i) => {
    const at = start + i * 24;
    out.writeUInt32BE(report.ssrc, at);
    out[at + 4] = report.fractionLost;
    out.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, report.cumulativeLost)), at + 5, 3);
    out.writeUInt32BE(report.highestSequence >>> 0, at + 8);
    out.writeUInt32BE(report.jitter >>> 0, at + 12);
    out.writeUInt32BE(report.lastSenderReport, at + 16);
    out.writeUInt32BE(report.delaySinceLastSenderReport >>> 0, at + 20);
  });
}

/** One chunk with a CNAME of at most 255 bytes, which every compound packet needs (RFC 3550 §6.1). */
export function buildSdes(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname).subarray(0, 255);
  // The list ends with at least one zero byte.
  const out = rtcpPacket(RTCP_SDES, 1, 8 + Math.ceil((2 + name.length + 1) / 4) * 4);
  out.writeUInt32BE(ssrc, 4);
  out[8] = 1;
  out[9] = name.length;
  name.copy(out, 10);
  return out;
}

export function buildBye(ssrcs: readonly number[]): Buffer {
  const out = rtcpPacket(RTCP_BYE, ssrcs.length, 4 + ssrcs.length * 4);
  ssrcs.forEach((ssrc, i) => out.writeUInt32BE(ssrc, 4 + i * 4));
  return out;
}

/** @param lost sequence numbers in sending order; neighbours within 16 share an entry */
export function buildNack(senderSsrc: number, mediaSsrc: number, lost: readonly number[]): Buffer {
  const entries: { pid: number; mask: number }[] = [];
  for (const sequence of lost) {
    const last = entries.at(-1);
    const distance = last ? (sequence - last.pid) & 0xffff : 0;
    if (last && distance >= 1 && distance <= 16) last.mask |= 1 << (distance - 1);
    else if (!last || distance !== 0) entries.push({ pid: sequence, mask: 0 });
  }
  const out = feedbackPacket(RTCP_RTPFB, FMT_NACK, { senderSsrc, mediaSsrc, bytes: entries.length * 4 });
  entries.forEach(({ pid, mask }, i) => {
    out.writeUInt16BE(pid, 12 + i * 4);
    out.writeUInt16BE(mask, 14 + i * 4);
  });
  return out;
}

export function buildPli(senderSsrc: number, mediaSsrc: number): Buffer {
  return feedbackPacket(RTCP_PSFB, FMT_PLI, { senderSsrc, mediaSsrc, bytes: 0 });
}

/** @param sequence 8 bits, a new one for each new request (RFC 5104 §4.3.1.1) */
export function buildFir(senderSsrc: number, mediaSsrc: number, sequence: number): Buffer {
  const out = feedbackPacket(RTCP_PSFB, FMT_FIR, { senderSsrc, mediaSsrc: 0, bytes: 8 });
  out.writeUInt32BE(mediaSsrc, 12);
  out[16] = sequence & 0xff;
  return out;
}

export function buildRemb(senderSsrc: number, bitrateBps: number, ssrcs: readonly number[]): Buffer {
  let exponent = 0;
  let mantissa = Math.floor(bitrateBps);
  while (mantissa > 0x3ffff) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  const out = feedbackPacket(RTCP_PSFB, FMT_AFB, { senderSsrc, mediaSsrc: 0, bytes: 8 + ssrcs.length * 4 });
  out.writeUInt32BE(REMB_IDENTIFIER, 12);
  out[16] = ssrcs.length;
  out.writeUIntBE((exponent << 18) | mantissa, 17, 3);
  ssrcs.forEach((ssrc, i) => out.writeUInt32BE(ssrc, 20 + i * 4));
  return out;
}

interface FeedbackHead {
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  /** Of the feedback control information. */
  readonly bytes: number;
}

function feedbackPacket(type: number, format: number, head: FeedbackHead): Buffer {
  const out = rtcpPacket(type, format, 12 + head.bytes);
  out.writeUInt32BE(head.senderSsrc, 4);
  out.writeUInt32BE(head.mediaSsrc, 8);
  return out;
}
