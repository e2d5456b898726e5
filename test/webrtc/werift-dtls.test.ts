import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeInbox, plainRecord } from '../../src/webrtc/dtls/records.js';
import {
  createDtlsCertificate,
  DtlsSession,
  type DtlsCertificate,
  type DtlsEnd,
  type SrtpKeys,
} from '../../src/webrtc/dtls/werift-dtls.js';
import type { SrtpProfile } from '../../src/webrtc/srtp/keys.js';
import { waitFor } from '../peers/wait-for.js';

const certificates = await Promise.all([createDtlsCertificate(), createDtlsCertificate()]);

interface End {
  readonly session: DtlsSession;
  keys: SrtpKeys | undefined;
  ended: DtlsEnd | undefined;
  readonly sent: Buffer[];
}

type Link = (datagram: Buffer, deliver: (datagram: Buffer) => void) => void;
const perfectLink: Link = (datagram, deliver) => setImmediate(deliver, datagram);

/** A client and a server in one process; what the client expects of the server's certificate can be wrong. */
function pair(
  link: Link,
  expectedByClient: DtlsCertificate = certificates[1],
  clientProfiles?: readonly SrtpProfile[],
): [client: End, server: End] {
  const ends = (['client', 'server'] as const).map((role, index): End => {
    const fingerprints = [role === 'client' ? expectedByClient : certificates[0]].map(({ fingerprint }) => ({
      algorithm: 'sha-256',
      value: fingerprint,
    }));
    const end: End = {
      keys: undefined,
      ended: undefined,
      sent: [],
      session: new DtlsSession({
        role,
        certificate: certificates[index]!,
        ...(role === 'client' && clientProfiles && { srtpProfiles: clientProfiles }),
        fingerprints,
        send: (datagram) => {
          end.sent.push(datagram);
          link(datagram, (arrived) => ends[1 - index]!.session.receive(arrived));
        },
        onConnected: (keys) => (end.keys = keys),
        onEnded: (reason) => (end.ended = reason),
      }),
    };
    return end;
  });
  ends[0]!.session.start();
  return [ends[0]!, ends[1]!];
}

describe('DTLS on werift', () => {
  it('gives both ends the same keys, of the profile that is cheapest', async () => {
    const [client, server] = pair(perfectLink);
    await waitFor('the handshake', () => client.keys && server.keys);
    expect(client.keys!.local).toEqual(server.keys!.remote);
    expect(client.keys!.remote).toEqual(server.keys!.local);
    expect(client.keys!.local.profile).toBe('AEAD_AES_128_GCM');
    expect(client.keys!.local.salt).toHaveLength(12);
    client.session.close();
    await waitFor('the goodbye', () => server.ended);
    expect(server.ended).toBe('peer-closed');
  });

  it('falls back to counter mode for a peer that has nothing else', async () => {
    const [client, server] = pair(perfectLink, certificates[1], ['AES_CM_128_HMAC_SHA1_80']);
    await waitFor('the handshake', () => client.keys && server.keys);
    expect(server.keys!.local.profile).toBe('AES_CM_128_HMAC_SHA1_80');
    expect(server.keys!.local).toEqual(client.keys!.remote);
    expect(server.keys!.local.salt).toHaveLength(14);
    client.session.close();
    server.session.close();
  });

  it('ignores what anybody can send once connected: clear-text alerts, hellos and garbage', async () => {
    const [client, server] = pair(perfectLink);
    await waitFor('the handshake', () => client.keys && server.keys);
    const helloOfClient = client.sent[0]!;
    const forgeries = [
      plainRecord(21, Buffer.from([1, 0])),
      plainRecord(21, Buffer.from([2, 40])),
      plainRecord(99, Buffer.from([1, 0])),
      Buffer.from('15fefd00010000000000050002 0100'.replace(' ', ''), 'hex'),
      helloOfClient,
      ...client.sent,
    ];
    for (const forgery of forgeries) server.session.receive(forgery);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(20, 21, 22, 23, 63), (bytes, type) => {
        server.session.receive(plainRecord(type, Buffer.from(bytes)));
        server.session.receive(Buffer.from(bytes));
      }),
    );
    expect(server.ended).toBeUndefined();
    client.session.close();
    await waitFor('the goodbye', () => server.ended);
    expect(server.ended).toBe('peer-closed');
  });

  it('refuses a peer whose certificate is not the one in the SDP', async () => {
    const [client, server] = pair(perfectLink, certificates[0]);
    await waitFor('the refusal', () => client.ended);
    expect(client.ended).toBe('handshake-failed');
    expect(client.keys).toBeUndefined();
    server.session.close();
  });

  it('connects although a fifth of all datagrams are lost, doubled or late', async () => {
    let state = 42;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    const badLink: Link = (datagram, deliver) => {
      const fate = random();
      if (fate < 0.2) return;
      perfectLink(datagram, deliver);
      if (fate < 0.4) perfectLink(datagram, deliver);
      if (fate > 0.8) setTimeout(deliver, 30, datagram);
    };
    const pairs = Array.from({ length: 10 }, () => pair(badLink));
    for (const [client, server] of pairs) {
      await waitFor('the handshake', () => client.keys && server.keys, { timeoutMs: 20_000 });
      expect(client.keys!.local).toEqual(server.keys!.remote);
      client.session.close();
      server.session.close();
    }
  });
});

describe('handshake messages', () => {
  it('come out once and in order, however they are cut, mixed and repeated', () => {
    const message = (sequence: number, length: number): Buffer => {
      const bytes = Buffer.alloc(12 + length, sequence);
      bytes[0] = 11;
      bytes.writeUIntBE(length, 1, 3);
      bytes.writeUInt16BE(sequence, 4);
      bytes.writeUIntBE(0, 6, 3);
      bytes.writeUIntBE(length, 9, 3);
      return bytes;
    };
    const cut = (bytes: Buffer, at: number): Buffer[] => {
      if (at <= 0 || at >= bytes.length - 12) return [bytes];
      return [bytes.subarray(12, 12 + at), bytes.subarray(12 + at)].map((body, index) => {
        const part = Buffer.concat([bytes.subarray(0, 12), body]);
        part.writeUIntBE(index * at, 6, 3);
        part.writeUIntBE(body.length, 9, 3);
        return part;
      });
    };
    fc.assert(
      fc.property(
        fc.array(fc.record({ length: fc.nat(60), at: fc.nat(60) }), { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        (specs, order) => {
          const whole = specs.map(({ length }, sequence) => message(sequence, length));
          const parts = whole.flatMap((bytes, index) => cut(bytes, specs[index]!.at));
          const shuffled = [...parts, ...parts]
            .map((part) => ({ part, key: order.next().value as number }))
            .sort((a, b) => a.key - b.key);
          const inbox = new HandshakeInbox();
          const delivered = shuffled.flatMap(({ part }) => inbox.push(part));
          expect(delivered.map(({ bytes }) => bytes)).toEqual(whole);
        },
      ),
    );
  });
});
