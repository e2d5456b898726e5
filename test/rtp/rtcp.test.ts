import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ntpFromWords, ntpMiddle, ntpToWords } from '../../src/rtp/ntp.js';
import {
  buildBye,
  buildFir,
  buildNack,
  buildPli,
  buildReceiverReport,
  buildRemb,
  buildSdes,
  buildSenderReport,
} from '../../src/rtp/rtcp-build.js';
import { parseRtcp, type ReportBlock, type RtcpPacket } from '../../src/rtp/rtcp.js';
import { buildTransportFeedback } from '../../src/rtp/transport-feedback.js';
import { anyDatagram, damaged } from './bytes.js';

const u32 = fc.nat(0xffffffff);
const reportBlock: fc.Arbitrary<ReportBlock> = fc.record({
  ssrc: u32,
  fractionLost: fc.nat(255),
  cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  highestSequence: u32,
  jitter: u32,
  lastSenderReport: u32,
  delaySinceLastSenderReport: u32,
});
const reports = fc.array(reportBlock, { maxLength: 3 });
/** Half of 2^64 / 10^6: a microsecond is not a whole number of NTP fractions. */
const ntpUs = fc.integer({ min: 0, max: 4_294_967_295_000_000 });

/** Each kind as [what it means, its bytes]. */
const anyRtcp: fc.Arbitrary<readonly [RtcpPacket, Buffer]> = fc.oneof(
  fc
    .record({ ssrc: u32, ntpUs, rtpTimestamp: u32, packetCount: u32, octetCount: u32, reports })
    .map((sr) => [{ type: 'sr' as const, ...sr }, buildSenderReport(sr)] as const),
  fc
    .record({ ssrc: u32, reports })
    .map((rr) => [{ type: 'rr' as const, ...rr }, buildReceiverReport(rr.ssrc, rr.reports)] as const),
  fc
    .record({ ssrc: u32, cname: fc.string({ maxLength: 60 }) })
    .map(
      (chunk) => [{ type: 'sdes' as const, chunks: [chunk] }, buildSdes(chunk.ssrc, chunk.cname)] as const,
    ),
  fc.array(u32, { maxLength: 4 }).map((ssrcs) => [{ type: 'bye' as const, ssrcs }, buildBye(ssrcs)] as const),
  fc
    .record({ senderSsrc: u32, mediaSsrc: u32 })
    .map((pli) => [{ type: 'pli' as const, ...pli }, buildPli(pli.senderSsrc, pli.mediaSsrc)] as const),
  fc.record({ senderSsrc: u32, ssrc: u32, sequence: fc.nat(255) }).map(
    (fir) =>
      [
        {
          type: 'fir' as const,
          senderSsrc: fir.senderSsrc,
          entries: [{ ssrc: fir.ssrc, sequence: fir.sequence }],
        },
        buildFir(fir.senderSsrc, fir.ssrc, fir.sequence),
      ] as const,
  ),
  fc
    .record({
      senderSsrc: u32,
      mantissa: fc.nat(0x3ffff),
      shift: fc.nat(12),
      ssrcs: fc.array(u32, { maxLength: 3 }),
    })
    .map(({ senderSsrc, mantissa, shift, ssrcs }) => {
      const bitrateBps = mantissa * 2 ** shift;
      return [
        { type: 'remb' as const, senderSsrc, bitrateBps, ssrcs },
        buildRemb(senderSsrc, bitrateBps, ssrcs),
      ] as const;
    }),
  fc
    .record({
      senderSsrc: u32,
      mediaSsrc: u32,
      first: fc.nat(0xffff),
      gaps: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 }),
    })
    .map(({ senderSsrc, mediaSsrc, first, gaps }) => {
      let at = first;
      const lost = [first, ...gaps.map((gap) => (at = (at + gap) & 0xffff))];
      return [
        { type: 'nack' as const, senderSsrc, mediaSsrc, lost },
        buildNack(senderSsrc, mediaSsrc, lost),
      ] as const;
    }),
  fc
    .record({
      senderSsrc: u32,
      mediaSsrc: u32,
      baseSequence: fc.nat(0xffff),
      feedbackCount: fc.nat(255),
      referenceTime: fc.integer({ min: -0x800000, max: 0x7fffff }),
      deltas: fc.array(
        fc.option(fc.oneof(fc.nat(255), fc.integer({ min: -32_768, max: 32_767 })), { nil: undefined }),
        { minLength: 1, maxLength: 60 },
      ),
    })
    .map((twcc) => [{ type: 'twcc' as const, ...twcc }, buildTransportFeedback(twcc)] as const),
);

describe('RTCP', () => {
  it('comes back from its bytes as it was, alone and in a compound packet', () => {
    fc.assert(
      fc.property(fc.array(anyRtcp, { minLength: 1, maxLength: 4 }), (list) => {
        const compound = Buffer.concat(list.map(([, bytes]) => bytes));
        expect(parseRtcp(compound)).toEqual(list.map(([packet]) => packet));
      }),
      { numRuns: 500 },
    );
  });

  it('never throws on damage', () => {
    const sound = fc
      .array(anyRtcp, { minLength: 1, maxLength: 3 })
      .map((list) => Buffer.concat(list.map(([, b]) => b)));
    fc.assert(
      fc.property(fc.oneof(anyDatagram, damaged(sound)), (data) => {
        expect(Array.isArray(parseRtcp(data))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps NTP time to the microsecond', () => {
    fc.assert(
      fc.property(ntpUs, (us) => {
        const { seconds, fraction } = ntpToWords(us);
        expect(ntpFromWords(seconds, fraction)).toBe(us);
      }),
    );
    expect(ntpMiddle(ntpFromWords(0x12345678, 0x9abcdef0))).toBe(0x56789abc);
  });
});
