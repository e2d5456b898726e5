import { createSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DestinationError } from '../../src/base/errors.js';
import { RtcClient } from '../../src/webrtc/rtc-client.js';
import type { RtcConnection } from '../../src/webrtc/rtc-connection.js';
import { candidateAddresses } from '../../src/webrtc/ice/local-addresses.js';
import { buildBindingRequest } from '../../src/webrtc/ice/stun.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';
import { UdpProxy } from '../peers/udp-proxy.js';
import { waitFor } from '../peers/wait-for.js';
import { RawPeer } from './raw-peer.js';
import { Received } from './received.js';
import { WhipEndpoint } from './whip-endpoint.js';

const offer = readFileSync(new URL('./fixtures/chromium-156-offer.sdp', import.meta.url), 'utf8');

let server: WebRtcServer;
let endpoint: WhipEndpoint;
/** An eavesdropper on the path knows the ICE fragments in these, from the checks, though not the passwords. */
let answers: string[];

beforeEach(async () => {
  server = await WebRtcServer.open({ tcpPort: 0 });
  endpoint = await WhipEndpoint.open(server);
  answers = [];
  endpoint.rewriteAnswer = (sdp) => {
    answers.push(sdp);
    return sdp;
  };
});
afterEach(async () => {
  await endpoint.close();
  await server.close();
});

const valueOf = (sdp: string, name: string): string => new RegExp(`a=${name}:(\\S+)`).exec(sdp)![1]!;

interface Published {
  readonly client: RtcClient;
  readonly connection: RtcConnection;
  readonly received: Received;
  /** Sends the next video packet. */
  readonly sendNext: () => void;
}

async function publish(): Promise<Published> {
  const received = new Promise<Received>((resolve) => {
    endpoint.onConnection = (connection) => resolve(new Received(connection));
  });
  const client = await RtcClient.publish({ url: `${endpoint.url}/whip`, host: '127.0.0.1' });
  const { payloadType, ssrc } = client.media.video!;
  let sequence = 65_500;
  const sendNext = (): void => {
    client.sendRtp({
      kind: 'video',
      payloadType,
      ssrc: ssrc!,
      marker: true,
      sequenceNumber: sequence % 65_536,
      timestamp: sequence * 3_000,
      payload: Buffer.from(`packet ${sequence}`),
    });
    sequence++;
  };
  return { client, connection: endpoint.connections.at(-1)!, received: await received, sendNext };
}

/** Sends until `count` more packets have come through. */
async function expectFlow({ received, sendNext }: Published, count = 20): Promise<void> {
  const goal = received.video.length + count;
  await waitFor('packets to come through', () => {
    sendNext();
    return received.video.length >= goal;
  });
}

describe('a session under attack', () => {
  it('is not moved by STUN without the password, whatever it claims', async () => {
    const victim = await publish();
    await expectFlow(victim);
    await using attacker = await RawPeer.open(server.udpPort);
    const username = `${valueOf(answers[0]!, 'ice-ufrag')}:${valueOf(endpoint.offers[0]!, 'ice-ufrag')}`;
    for (let i = 0; i < 50; i++) await attacker.nominate(username, 'a guess of the password');
    const unsigned = buildBindingRequest({
      transactionId: randomBytes(12),
      username,
      password: '',
      priority: 1,
      tieBreaker: randomBytes(8),
      useCandidate: true,
    }).subarray(0, -32);
    unsigned.writeUInt16BE(unsigned.length - 20, 2);
    await attacker.send(unsigned);
    const ownPort = victim.connection.stats().packetsSent;
    await expectFlow(victim);
    victim.connection.sendRtcp(Buffer.from('80c9000100000007', 'hex'));
    let feedback = 0;
    victim.client.on('rtcp', () => feedback++);
    await waitFor('feedback at the rightful peer', () => feedback > 0);
    expect(victim.connection.stats().packetsSent).toBe(ownPort + 1);
    expect(attacker.received).toEqual([]);
    expect(server.tableSizes[2]).toBe(1);
    await victim.client.close();
  });

  it('is not ended by forged DTLS from elsewhere, nor by forged media', async () => {
    const victim = await publish();
    await expectFlow(victim);
    await using attacker = await RawPeer.open(server.udpPort);
    const closeNotify = Buffer.from('15fefd000000000000000100020100', 'hex');
    for (let i = 0; i < 20; i++) {
      await attacker.send(closeNotify);
      await attacker.send(Buffer.concat([Buffer.from('8060', 'hex'), randomBytes(100)]));
    }
    await expectFlow(victim);
    expect(victim.received.closed).toBeUndefined();
    await victim.client.close();
  });

  it('lives on while 5000 malformed datagrams arrive, from strangers and from a nominated peer', async () => {
    const victim = await publish();
    const { connection: strange } = await server.answer(offer, { direction: 'receive' });
    await using peer = await RawPeer.open(server.udpPort);
    await using stranger = await RawPeer.open(server.udpPort);
    const answer = strange.answerSdp;
    await peer.nominate(
      `${valueOf(answer, 'ice-ufrag')}:${valueOf(offer, 'ice-ufrag')}`,
      valueOf(answer, 'ice-pwd'),
    );
    await waitFor('the nomination', () => peer.successes === 1);
    const before = server.tableSizes;
    const firstBytes = [0, 1, 3, 20, 21, 22, 23, 63, 64, 128, 144, 191, 255];
    for (let i = 0; i < 5_000; i++) {
      const datagram = randomBytes((i * 7) % 300);
      if (datagram.length > 0) datagram[0] = firstBytes[i % firstBytes.length]!;
      if (i % 3 === 0 && datagram.length >= 20) datagram.writeUInt32BE(0x2112a442, 4);
      if (i % 3 === 0 && datagram.length >= 20) datagram.writeUInt16BE(datagram.length - 20, 2);
      if (datagram[0] === 22 && datagram.length > 40) datagram.write('16fefd000000000000000000', 0, 'hex');
      await (i % 2 === 0 ? peer : stranger).send(datagram);
      if (i % 100 === 0) victim.sendNext();
    }
    await expectFlow(victim);
    expect(victim.received.closed).toBeUndefined();
    expect(server.tableSizes).toEqual(before);
    await victim.client.close();
  });

  it('takes each packet once although the network doubles every datagram', async () => {
    await using link = await UdpProxy.open({ serverPort: server.udpPort, toServer: { duplicate: 1 } });
    endpoint.rewriteAnswer = (sdp) => link.rewriteSdp(sdp);
    const published = await publish();
    for (let i = 0; i < 200; i++) published.sendNext();
    await waitFor('all of them', () => published.received.video.length >= 200);
    await waitFor('their copies', () => published.connection.stats().datagramsDropped >= 200);
    expect(published.received.video).toHaveLength(200);
    await published.client.close();
  });

  it('lets no stranger hold a TCP connection, or feed it', async () => {
    const closedAfter = async (bytes: Buffer): Promise<void> => {
      const socket = connect(server.tcpPort!, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(bytes);
      await new Promise<void>((resolve) => socket.on('close', () => resolve()).resume());
    };
    await closedAfter(Buffer.from('GET / HTTP/1.1\r\n\r\n'.padEnd(20_000)));
    await closedAfter(Buffer.concat([Buffer.from('0014', 'hex'), randomBytes(20)]));
    await closedAfter(Buffer.from('ff', 'hex'));
    expect(server.tableSizes).toEqual([0, 0, 0, 0]);
  });
});

describe('connections', () => {
  it('outlive a listener that throws', async () => {
    const published = await publish();
    let thrown = 0;
    published.connection.prependListener('rtp', () => {
      if (thrown++ < 3) throw new Error('a defect');
    });
    await expectFlow(published);
    expect(thrown).toBeGreaterThan(3);
    await published.client.close();
  });

  it('come and go fifty times and leave nothing behind', async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => /UDP|TCPServer/.test(name)).length;
    const before = sockets();
    for (let i = 0; i < 50; i++) {
      const published = await publish();
      if (i % 2 === 0) await published.client.close();
      else published.connection.close();
      await waitFor(
        'both ends to close',
        () => published.received.closed && published.client.state === 'closed',
      );
    }
    expect(server.tableSizes).toEqual([0, 0, 0, 0]);
    await waitFor('the sockets to be closed', () => sockets() <= before, {
      state: () => [before, sockets()],
    });
  }, 60_000);

  it('are made, and carry media both ways, over a link that loses 5 % each way', async () => {
    await using link = await UdpProxy.open({
      serverPort: server.udpPort,
      toServer: { loss: 0.05, delayMs: 20 },
      toClient: { loss: 0.05, delayMs: 20 },
      seed: 7,
    });
    endpoint.rewriteAnswer = (sdp) => link.rewriteSdp(sdp);
    for (let i = 0; i < 8; i++) {
      const published = await publish();
      await expectFlow(published, 50);
      let feedback = 0;
      published.client.on('rtcp', () => feedback++);
      await waitFor('feedback', () => {
        published.connection.sendRtcp(Buffer.from('80c9000100000007', 'hex'));
        return feedback > 5;
      });
      await published.client.close();
    }
    expect(link.towardsServer.lost).toBeGreaterThan(5);
  });

  it.each(['127.0.0.1', '::1'])('reach a server on every address by %s, over UDP', async (address) => {
    await using everywhere = {
      server: await WebRtcServer.open({ host: '::', tcpPort: 0, advertisedAddresses: [address] }),
      [Symbol.asyncDispose]: () => everywhere.server.close(),
    };
    const there = await WhipEndpoint.open(everywhere.server);
    const client = await RtcClient.publish({ url: `${there.url}/whip`, host: address });
    expect(there.connections[0]?.state).toBe('connected');
    expect(there.connections[0]?.remoteAddress).toBe(address);
    await client.close();
    await there.close();
  });

  it('are told the addresses of both families when the server listens on ::, of one on 0.0.0.0', () => {
    const families = (host: string, ipv6: boolean): Set<number> =>
      new Set(candidateAddresses({ host, ipv6, advertisedAddresses: [] }).map((address) => isIP(address)));
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const outside = own.filter(({ internal }) => !internal);
    const reachable = (outside.length > 0 ? outside : own).filter(({ address }) => !/^fe80:/i.test(address));
    expect(families('::', true)).toEqual(new Set(reachable.map(({ address }) => isIP(address))));
    expect(families('0.0.0.0', false)).toEqual(new Set([4]));
  });

  it('play to a client what the server sends, until the server says goodbye', async () => {
    const player = await RtcClient.play({ url: `${endpoint.url}/whep`, host: '127.0.0.1' });
    const connection = endpoint.connections[0]!;
    const { payloadType, ssrc, rtxPayloadType, rtxSsrc } = connection.media.video!;
    expect(player.media.video!.ssrcHints).toEqual([ssrc, rtxSsrc]);
    const got: string[] = [];
    player.on('rtp', (packet, kind, isRtx) => got.push(`${kind} ${isRtx} ${packet.payload.toString()}`));
    const packet = { kind: 'video', marker: false, sequenceNumber: 1, timestamp: 1 } as const;
    connection.sendRtp({ ...packet, payloadType, ssrc: ssrc!, payload: Buffer.from('media') });
    connection.sendRtp({
      ...packet,
      payloadType: rtxPayloadType!,
      ssrc: rtxSsrc!,
      payload: Buffer.from('again'),
    });
    await waitFor('both', () => got.length === 2);
    expect(got).toEqual(['video false media', 'video true again']);
    connection.close();
    await waitFor('the goodbye', () => player.state === 'closed', { timeoutMs: 1_000 });
  });

  it('of a client end when the server falls silent', async () => {
    await using link = await UdpProxy.open({ serverPort: server.udpPort });
    endpoint.rewriteAnswer = (sdp) => link.rewriteSdp(sdp);
    const player = await RtcClient.play({ url: `${endpoint.url}/whep`, livenessMs: 1_500 });
    const closed = new Promise((resolve) => player.once('closed', resolve));
    link.impair({ loss: 1 }, { loss: 1 });
    expect(await closed).toBe('silent');
    await player.close();
  });

  it('fail with a clear error when the endpoint refuses, or nothing answers', async () => {
    await expect(RtcClient.publish({ url: 'http://127.0.0.1:1/whip' })).rejects.toThrow(DestinationError);
    const mute = createSocket('udp4');
    await new Promise<void>((resolve) => mute.bind(0, '127.0.0.1', resolve));
    endpoint.rewriteAnswer = (sdp) => sdp.replaceAll(` ${server.udpPort} typ`, ` ${mute.address().port} typ`);
    const attempt = RtcClient.publish({ url: `${endpoint.url}/whip`, timeoutMs: 500 });
    await expect(attempt).rejects.toThrow(/no connection in time/);
    await waitFor('the server to be told', () => server.connectionCount === 0);
    mute.close();
  });
});
