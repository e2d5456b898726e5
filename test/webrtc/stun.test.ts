import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildBindingRequest,
  buildBindingSuccess,
  parseStun,
  StunClass,
  verifyIntegrity,
} from '../../src/webrtc/ice/stun.js';

/** RFC 5769 §2.1: the user name is padded with spaces, which a re-serialised copy would not have. */
const SAMPLE = Buffer.from(
  '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74' +
    '002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020' +
    '000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf',
  'hex',
);
const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt';

describe('STUN', () => {
  it('verifies the sample request of RFC 5769 on its raw bytes', () => {
    const message = parseStun(SAMPLE)!;
    expect(message.type).toBe(StunClass.request);
    expect(message.username).toBe('evtj:h6vY');
    expect(message.priority).toBe(0x6e0001ff);
    expect(verifyIntegrity(SAMPLE, message, PASSWORD)).toBe(true);
    expect(verifyIntegrity(SAMPLE, message, `${PASSWORD}x`)).toBe(false);
  });

  it('builds requests that verify, and ignores what follows their integrity', () => {
    const request = buildBindingRequest({
      transactionId: Buffer.alloc(12, 7),
      username: 'a:b',
      password: 'secret',
      priority: 1,
      tieBreaker: Buffer.alloc(8),
      useCandidate: false,
    });
    const withTail = Buffer.concat([request, Buffer.from('00250000', 'hex')]);
    withTail.writeUInt16BE(withTail.length - 20, 2);
    const message = parseStun(withTail)!;
    expect(verifyIntegrity(withTail, message, 'secret')).toBe(true);
    expect(message.useCandidate).toBe(false);
  });

  it('answers with the mapped address of either family', () => {
    const request = parseStun(SAMPLE)!;
    // RFC 5769 §2.2 and §2.3 hold these attributes for this transaction.
    const v4 = buildBindingSuccess(request, { address: '192.0.2.1', port: 32853 }, PASSWORD);
    expect(v4.toString('hex')).toContain('002000080001a147e112a643');
    const v6 = buildBindingSuccess(
      request,
      { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 },
      PASSWORD,
    );
    expect(v6.toString('hex')).toContain('002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9');
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, cookie) => {
        const datagram = Buffer.concat([SAMPLE.subarray(0, cookie ? 20 : 0), Buffer.from(bytes)]);
        if (cookie) datagram.writeUInt16BE(datagram.length - 20, 2);
        const message = parseStun(datagram);
        if (message !== undefined) expect(verifyIntegrity(datagram, message, PASSWORD)).toBe(false);
      }),
    );
  });
});
