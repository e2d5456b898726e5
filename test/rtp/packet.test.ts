import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRtp, serializeRtp, type RtpPacket } from '../../src/rtp/packet.js';
import { unwrapRtx, wrapRtx } from '../../src/rtp/rtx.js';
import { anyDatagram, damaged } from './bytes.js';

const bytes = (min: number, max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((data) => Buffer.from(data));

const anyPacket: fc.Arbitrary<RtpPacket> = fc.record({
  payloadType: fc.nat(127),
  marker: fc.boolean(),
  sequenceNumber: fc.nat(0xffff),
  timestamp: fc.nat(0xffffffff),
  ssrc: fc.nat(0xffffffff),
  extensions: fc
    .oneof(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 14 }), bytes(1, 16)), { maxLength: 4 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 255 }), bytes(0, 40)), { maxLength: 4 }),
    )
    .map((list) => new Map(list)),
  payload: bytes(0, 60),
});

describe('RTP packets', () => {
  it('come back from their bytes as they were', () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        expect(parseRtp(serializeRtp(packet))).toEqual(packet);
      }),
    );
  });

  it('never throw on damage, and never point outside the datagram', () => {
    fc.assert(
      fc.property(fc.oneof(anyDatagram, damaged(anyPacket.map(serializeRtp))), (data) => {
        const packet = parseRtp(data);
        if (packet) expect(packet.payload.length).toBeLessThanOrEqual(data.length - 12);
      }),
      { numRuns: 2_000 },
    );
  });

  it('lose their padding and keep their payload', () => {
    const plain = serializeRtp({
      payloadType: 96,
      marker: false,
      sequenceNumber: 1,
      timestamp: 2,
      ssrc: 3,
      extensions: new Map(),
      payload: Buffer.from('abc'),
    });
    const padded = Buffer.concat([plain, Buffer.from([0, 0, 3])]);
    padded[0]! |= 0x20;
    expect(parseRtp(padded)?.payload.toString()).toBe('abc');
    padded[padded.length - 1] = 200;
    expect(parseRtp(padded)).toBeUndefined();
  });

  it('go into a retransmission and out again', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), bytes(1, 50), (sequenceNumber, payload) => {
        expect(unwrapRtx(wrapRtx({ sequenceNumber, payload }))).toEqual({ sequenceNumber, payload });
      }),
    );
    expect(unwrapRtx(Buffer.from([1, 2]))).toBeUndefined();
  });
});
