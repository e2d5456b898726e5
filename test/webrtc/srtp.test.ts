import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPacketCipher } from '../../src/webrtc/srtp/cipher.js';
import { deriveSessionKeys, type MasterKey } from '../../src/webrtc/srtp/keys.js';
import { estimateIndex, ReplayWindow } from '../../src/webrtc/srtp/packet-index.js';
import { SrtpReceiver } from '../../src/webrtc/srtp/srtp-receiver.js';
import { SrtpSender } from '../../src/webrtc/srtp/srtp-sender.js';
import type { OutgoingRtp } from '../../src/webrtc/types.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

const counterMode: MasterKey = {
  profile: 'AES_CM_128_HMAC_SHA1_80',
  key: hex('e1f97a0d3e018be0d64fa32c06de4139'),
  salt: hex('0ec675ad498afeebb6960b3aabe6'),
};
const gcm: MasterKey = {
  profile: 'AEAD_AES_128_GCM',
  key: hex('000102030405060708090a0b0c0d0e0f'),
  salt: hex('a0a1a2a3a4a5a6a7a8a9aaab'),
};
const profiles = [counterMode, gcm];

/** The packet of libsrtp's reference vectors: sequence 0x1234, 16 bytes of payload. */
const reference: OutgoingRtp = {
  kind: 'audio',
  payloadType: 15,
  marker: false,
  sequenceNumber: 0x1234,
  timestamp: 0xdecafbad,
  ssrc: 0xcafebabe,
  payload: Buffer.alloc(16, 0xab),
};
const packet = (sequenceNumber: number, payload = Buffer.from('payload')): OutgoingRtp => ({
  ...reference,
  sequenceNumber,
  payload,
});

describe('SRTP against published vectors', () => {
  it('derives the session keys of RFC 3711 B.3', () => {
    const { rtp } = deriveSessionKeys(counterMode);
    expect(rtp.key.toString('hex')).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(rtp.salt.toString('hex')).toBe('30cbbc08863d8c85d49db34a9ae1');
    expect(rtp.authKey.toString('hex')).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
  });

  it('seals and opens the AEAD_AES_128_GCM packet of RFC 7714 16.1.1', () => {
    const cipher = createPacketCipher('AEAD_AES_128_GCM', {
      key: hex('000102030405060708090a0b0c0d0e0f'),
      salt: Buffer.from('Quid pro quo'),
      authKey: Buffer.alloc(0),
    });
    const header = hex('8040f17b8041f8d35501a0b2');
    const payload = Buffer.from('Gallia est omnis divisa in partes tres');
    const expected = hex(`f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
      899d7f27beb16a9152cf765ee4390cce`);
    const common = { ssrc: 0x5501a0b2, index: 0xf17b, header };
    const out = Buffer.alloc(expected.length);
    expect(cipher.seal({ ...common, payload }, out, 0)).toBe(expected.length);
    expect(out).toEqual(expected);
    const opened = cipher.open({ ...common, sealed: out.subarray(0, -16), tag: out.subarray(-16) });
    expect(opened?.toString()).toBe(payload.toString());
  });

  it('seals the reference packets of libsrtp in counter mode', () => {
    const sender = new SrtpSender(counterMode);
    expect(sender.sealRtp(reference).toString('hex')).toBe(
      '800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb',
    );
    const rtcp = Buffer.concat([hex('81c8000bcafebabe'), Buffer.alloc(16, 0xab)]);
    sender.sealRtcp(rtcp); // the vector has index 1
    expect(sender.sealRtcp(rtcp).toString('hex')).toBe(
      '81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798',
    );
  });

  it('seals the reference packets of libsrtp with GCM', () => {
    const sender = new SrtpSender(gcm);
    expect(sender.sealRtp(reference).toString('hex')).toBe(
      '800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392',
    );
    const rtcp = Buffer.concat([hex('81c8000bcafebabe'), Buffer.alloc(16, 0xab)]);
    sender.sealRtcp(rtcp);
    expect(sender.sealRtcp(rtcp).toString('hex')).toBe(
      '81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001',
    );
  });
});

describe.each(profiles)('SRTP with $profile', (master) => {
  it('opens what was sealed, across the wrap of the sequence number with a burst of 300 lost', () => {
    const sender = new SrtpSender(master);
    const receiver = new SrtpReceiver(master);
    let opened = 0;
    for (let index = 65_300; index < 66_000; index++) {
      const datagram = sender.sealRtp(packet(index % 65_536, Buffer.from(`packet ${index}`)));
      if (index >= 65_400 && index < 65_700) continue;
      const plain = receiver.openRtp(datagram);
      expect(plain?.payload.toString(), `packet ${index}`).toBe(`packet ${index}`);
      opened++;
    }
    expect(opened).toBe(400);
  });

  it('opens a stream whose first packets, and the wrap, were lost', () => {
    const sender = new SrtpSender(master);
    const receiver = new SrtpReceiver(master);
    sender.sealRtp(packet(65_535));
    expect(receiver.openRtp(sender.sealRtp(packet(3)))).toBeDefined();
    expect(receiver.openRtp(sender.sealRtp(packet(4)))).toBeDefined();
  });

  it('drops replays of RTP and RTCP, and takes late packets once', () => {
    const sender = new SrtpSender(master);
    const receiver = new SrtpReceiver(master);
    const [first, second, third] = [10, 11, 12].map((sequence) => sender.sealRtp(packet(sequence)));
    expect(receiver.openRtp(first!)).toBeDefined();
    expect(receiver.openRtp(third!)).toBeDefined();
    expect(receiver.openRtp(second!)).toBeDefined();
    for (const replay of [first!, second!, third!]) expect(receiver.openRtp(replay)).toBeUndefined();
    const rtcp = sender.sealRtcp(hex('80c90001cafebabe'));
    expect(receiver.openRtcp(rtcp)?.toString('hex')).toBe('80c90001cafebabe');
    expect(receiver.openRtcp(rtcp)).toBeUndefined();
  });

  it('rejects any change of any byte', () => {
    const sealed = new SrtpSender(master).sealRtp(packet(7));
    const sealedRtcp = new SrtpSender(master).sealRtcp(hex('80c90001cafebabe81ce000200000001cafebabe'));
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const receiver = new SrtpReceiver(master);
        const forged = Buffer.from(sealed);
        forged[at % forged.length]! ^= change;
        expect(receiver.openRtp(forged)).toBeUndefined();
        const forgedRtcp = Buffer.from(sealedRtcp);
        forgedRtcp[at % forgedRtcp.length]! ^= change;
        expect(receiver.openRtcp(forgedRtcp)).toBeUndefined();
      }),
    );
  });

  it('survives any bytes', () => {
    const receiver = new SrtpReceiver(master);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(receiver.openRtp(Buffer.from(bytes))).toBeUndefined();
        expect(receiver.openRtcp(Buffer.from(bytes))).toBeUndefined();
      }),
    );
  });
});

describe('packet index', () => {
  it('is estimated right after any loss or reordering of less than half the range', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 40 }), fc.integer({ min: -32_767, max: 32_767 }), (highest, step) => {
        const index = highest + step;
        fc.pre(index >= 0);
        expect(estimateIndex(highest, index % 65_536)).toBe(index);
      }),
    );
  });

  it('is accepted once in the window and never below it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5_000 }), { maxLength: 200 }), (indices) => {
        const window = new ReplayWindow(64);
        const seen = new Set<number>();
        for (const index of indices) {
          const highest = Math.max(-1, ...seen);
          const expected = !seen.has(index) && index > highest - 64;
          expect(window.isNew(index)).toBe(expected);
          if (!expected) continue;
          window.accept(index);
          seen.add(index);
        }
      }),
    );
  });
});
