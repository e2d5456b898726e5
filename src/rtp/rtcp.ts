import { ntpFromWords, type NtpUs } from './ntp.js';
import { parseTransportFeedback, type TransportFeedback } from './transport-feedback.js';

/** One report block of an SR or RR (RFC 3550 §6.4.1). */
export interface ReportBlock {
  readonly ssrc: number;
  /** 0…255: lost since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Signed: more duplicates than losses make it negative. */
  readonly cumulativeLost: number;
  /** Highest sequence number received, extended with the count of cycles. */
  readonly highestSequence: number;
  /** In RTP timestamp units. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last SR; 0 when none came. */
  readonly lastSenderReport: number;
  /** Since that SR, in 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
}

export interface SenderReport {
  readonly type: 'sr';
  readonly ssrc: number;
  readonly ntpUs: NtpUs;
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  readonly octetCount: number;
  readonly reports: readonly ReportBlock[];
}

export type RtcpPacket =
  | SenderReport
  | { readonly type: 'rr'; readonly ssrc: number; readonly reports: readonly ReportBlock[] }
  | { readonly type: 'sdes'; readonly chunks: readonly { readonly ssrc: number; readonly cname?: string }[] }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] }
  /** RFC 4585 §6.2.1, spelt out. */
  | {
      readonly type: 'nack';
      readonly senderSsrc: number;
      readonly mediaSsrc: number;
      readonly lost: readonly number[];
    }
  | { readonly type: 'pli'; readonly senderSsrc: number; readonly mediaSsrc: number }
  /** RFC 5104 §4.3.1. */
  | {
      readonly type: 'fir';
      readonly senderSsrc: number;
      readonly entries: readonly { readonly ssrc: number; readonly sequence: number }[];
    }
  /** draft-alvestrand-rmcat-remb §2.2. */
  | {
      readonly type: 'remb';
      readonly senderSsrc: number;
      readonly bitrateBps: number;
      readonly ssrcs: readonly number[];
    }
  | TransportFeedback;

export const RTCP_SR = 200;
export const RTCP_RR = 201;
export const RTCP_SDES = 202;
export const RTCP_BYE = 203;
export const RTCP_RTPFB = 205;
export const RTCP_PSFB = 206;
export const FMT_NACK = 1;
const FMT_TRANSPORT_CC = 15;
export const FMT_PLI = 1;
export const FMT_FIR = 4;
export const FMT_AFB = 15;
export const REMB_IDENTIFIER = 0x52454d42;

/**
 * The packets of a compound RTCP datagram. Unknown types are passed over; reading stops at the first packet whose
 * length does not fit, and a packet that is damaged inside is left out.
 */
export function parseRtcp(data: Buffer): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  let at = 0;
  while (at + 4 <= data.length) {
    const first = data[at]!;
    if (first >> 6 !== 2) break;
    const end = at + (data.readUInt16BE(at + 2) + 1) * 4;
    if (end > data.length) break;
    let bodyEnd = end;
    if (first & 0x20) bodyEnd -= data[end - 1]!;
    if (bodyEnd >= at + 4) {
      const packet = parseOne(data[at + 1]!, first & 0x1f, data.subarray(at + 4, bodyEnd));
      if (packet) packets.push(packet);
    }
    at = end;
  }
  return packets;
}

function parseOne(type: number, count: number, body: Buffer): RtcpPacket | undefined {
  switch (type) {
    case RTCP_SR:
      return parseSenderReport(count, body);
    case RTCP_RR:
      if (body.length < 4 + count * 24) return undefined;
      return { type: 'rr', ssrc: body.readUInt32BE(0), reports: parseReports(count, body.subarray(4)) };
    case RTCP_SDES:
      return { type: 'sdes', chunks: parseSdesChunks(count, body) };
    case RTCP_BYE: {
      if (body.length < count * 4) return undefined;
      return { type: 'bye', ssrcs: Array.from({ length: count }, (_, i) => body.readUInt32BE(i * 4)) };
    }
    case RTCP_RTPFB:
      if (body.length < 8) return undefined;
      if (count === FMT_NACK) return parseNack(body);
      return count === FMT_TRANSPORT_CC ? parseTransportFeedback(body) : undefined;
    case RTCP_PSFB:
      return body.length < 8 ? undefined : parsePayloadFeedback(count, body);
    default:
      return undefined;
  }
}

function parseSenderReport(count: number, body: Buffer): SenderReport | undefined {
  if (body.length < 24 + count * 24) return undefined;
  return {
    type: 'sr',
    ssrc: body.readUInt32BE(0),
    ntpUs: ntpFromWords(body.readUInt32BE(4), body.readUInt32BE(8)),
    rtpTimestamp: body.readUInt32BE(12),
    packetCount: body.readUInt32BE(16),
    octetCount: body.readUInt32BE(20),
    reports: parseReports(count, body.subarray(24)),
  };
}

function parseReports(count: number, body: Buffer): ReportBlock[] {
  return Array.from({ length: count }, (_, i) => {
    const at = i * 24;
    return {
      ssrc: body.readUInt32BE(at),
      fractionLost: body[at + 4]!,
      cumulativeLost: body.readIntBE(at + 5, 3),
      highestSequence: body.readUInt32BE(at + 8),
      jitter: body.readUInt32BE(at + 12),
      lastSenderReport: body.readUInt32BE(at + 16),
      delaySinceLastSenderReport: body.readUInt32BE(at + 20),
    };
  });
}

/** RFC 3550 §6.5: items of each chunk end with a zero and are padded to 32 bits. */
function parseSdesChunks(count: number, body: Buffer): { ssrc: number; cname?: string }[] {
  const chunks: { ssrc: number; cname?: string }[] = [];
  let at = 0;
  for (let i = 0; i < count && at + 4 <= body.length; i++) {
    const chunk: { ssrc: number; cname?: string } = { ssrc: body.readUInt32BE(at) };
    at += 4;
    while (at < body.length && body[at] !== 0) {
      const length = body[at + 1] ?? 0;
      if (at + 2 + length > body.length) return chunks;
      if (body[at] === 1) chunk.cname = body.toString('utf8', at + 2, at + 2 + length);
      at += 2 + length;
    }
    at = (Math.floor(at / 4) + 1) * 4;
    chunks.push(chunk);
  }
  return chunks;
}

function parseNack(body: Buffer): RtcpPacket {
  const lost: number[] = [];
  for (let at = 8; at + 4 <= body.length; at += 4) {
    const pid = body.readUInt16BE(at);
    lost.push(pid);
    let mask = body.readUInt16BE(at + 2);
    for (let bit = 1; mask !== 0; bit++, mask >>= 1) {
      if (mask & 1) lost.push((pid + bit) & 0xffff);
    }
  }
  return { type: 'nack', senderSsrc: body.readUInt32BE(0), mediaSsrc: body.readUInt32BE(4), lost };
}

function parsePayloadFeedback(format: number, body: Buffer): RtcpPacket | undefined {
  const senderSsrc = body.readUInt32BE(0);
  if (format === FMT_PLI) return { type: 'pli', senderSsrc, mediaSsrc: body.readUInt32BE(4) };
  if (format === FMT_FIR) {
    const entries: { ssrc: number; sequence: number }[] = [];
    for (let at = 8; at + 8 <= body.length; at += 8) {
      entries.push({ ssrc: body.readUInt32BE(at), sequence: body[at + 4]! });
    }
    return { type: 'fir', senderSsrc, entries };
  }
  if (format !== FMT_AFB || body.length < 16 || body.readUInt32BE(8) !== REMB_IDENTIFIER) return undefined;
  const count = body[12]!;
  if (body.length < 16 + count * 4) return undefined;
  const mantissa = body.readUIntBE(13, 3) & 0x3ffff;
  return {
    type: 'remb',
    senderSsrc,
    bitrateBps: mantissa * 2 ** (body[13]! >> 2),
    ssrcs: Array.from({ length: count }, (_, i) => body.readUInt32BE(16 + i * 4)),
  };
}
