import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RtcClient } from '../../src/webrtc/rtc-client.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';
import { Chromium } from '../peers/chromium.js';
import { UdpProxy } from '../peers/udp-proxy.js';
import { waitFor } from '../peers/wait-for.js';
import { answerInPage, inboundStats, playInPage, publishFromPage } from './browser-peer.js';
import { Received } from './received.js';
import { WhipEndpoint } from './whip-endpoint.js';

/** About two seconds of 30 pictures and 50 Opus packets a second. */
const ENOUGH_VIDEO_PACKETS = 60;
const ENOUGH_AUDIO_PACKETS = 100;

let chromium: Chromium;
let server: WebRtcServer;
let endpoint: WhipEndpoint;

beforeAll(async () => {
  chromium = await Chromium.open();
});
afterAll(() => chromium.close());

beforeEach(async () => {
  server = await WebRtcServer.open({ tcpPort: 0, ipv6: true });
  endpoint = await WhipEndpoint.open(server);
});
afterEach(async () => {
  await endpoint.close();
  await server.close();
});

function receive(): Promise<Received> {
  return new Promise((resolve) => {
    endpoint.onConnection = (connection) => resolve(new Received(connection));
  });
}

async function expectBothKinds(received: Received): Promise<void> {
  await waitFor(
    'both kinds of packets',
    () => received.video.length >= ENOUGH_VIDEO_PACKETS && received.audio.length >= ENOUGH_AUDIO_PACKETS,
    { state: () => ({ video: received.video.length, audio: received.audio.length }) },
  );
}

describe('Chromium publishing', () => {
  it('delivers H.264 and Opus decrypted, with transport-wide sequence numbers and sender reports', async () => {
    const receiving = receive();
    const page = await chromium.page(endpoint.url);
    const { status, answer } = await publishFromPage(page, { url: `${endpoint.url}/whip` });
    expect(status).toBe(201);
    expect(answer).toContain('a=end-of-candidates');
    const received = await receiving;
    await expectBothKinds(received);
    const { media } = endpoint.connections[0]!;
    const transportCc = media.video!.extensionIds.transportCc!;
    const ids = received.video.map(({ extensions }) => extensions.get(transportCc)?.readUInt16BE(0));
    for (let i = 1; i < ids.length; i++) expect(ids[i]! - ids[i - 1]!, `packet ${i}`).toBeGreaterThan(0);
    // H.264 begins with parameter sets: a STAP-A (24) or a sequence parameter set (7).
    expect([7, 24]).toContain(received.video[0]!.payload[0]! & 0x1f);
    expect(new Set(received.audio.map(({ ssrc }) => ssrc)).size).toBe(1);
    await waitFor('a sender report', () => received.rtcp.some((compound) => compound[1] === 200));
    await page.close();
  });

  it('delivers without a=ssrc in the offer and with the codecs in reverse order', async () => {
    const receiving = receive();
    const page = await chromium.page(endpoint.url);
    const options = { url: `${endpoint.url}/whip`, stripSsrc: true, reverseCodecs: true };
    const { offer, answer } = await publishFromPage(page, options);
    expect(offer).not.toContain('a=ssrc');
    expect(answer).toMatch(/profile-level-id=42e01f/);
    expect(answer).toMatch(/packetization-mode=1/);
    await expectBothKinds(await receiving);
    await page.close();
  });

  it('delivers over ICE-TCP when no UDP candidate is there', async () => {
    endpoint.rewriteAnswer = (sdp) => sdp.replaceAll(/a=candidate:\d+ 1 udp .*\r\n/g, '');
    const receiving = receive();
    const page = await chromium.page(endpoint.url);
    await publishFromPage(page, { url: `${endpoint.url}/whip` });
    await expectBothKinds(await receiving);
    await page.close();
    await waitFor('the path to be forgotten', () => server.tableSizes.every((size) => size === 0));
  });

  it('says goodbye when the page closes its peer connection', async () => {
    const receiving = receive();
    const page = await chromium.page(endpoint.url);
    await publishFromPage(page, { url: `${endpoint.url}/whip` });
    const received = await receiving;
    await expectBothKinds(received);
    await page.evaluate(() => window.peer.close());
    await waitFor('the close', () => received.closed !== undefined, { timeoutMs: 1_000 });
    expect(received.closed?.reason).toBe('peer-closed');
    await page.close();
  });

  it('goes on over an ICE restart', async () => {
    const receiving = receive();
    const page = await chromium.page(endpoint.url);
    await publishFromPage(page, { url: `${endpoint.url}/whip` });
    const received = await receiving;
    await expectBothKinds(received);
    const connection = endpoint.connections[0]!;
    const etag = connection.etag;
    const state = await page.evaluate(async (url) => {
      const { peer } = window;
      const before = peer.remoteDescription!.sdp;
      peer.restartIce();
      await peer.setLocalDescription();
      const offer = peer.localDescription!.sdp;
      const pick = (name: string): string => new RegExp(`a=${name}:.*`).exec(offer)![0].trim();
      const body = `${pick('ice-ufrag')}\r\n${pick('ice-pwd')}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n`;
      const response = await fetch(url, { method: 'PATCH', body });
      const fragment = await response.text();
      const fresh = (name: string): string => new RegExp(`a=${name}:.*`).exec(fragment)![0].trim();
      const sdp = before
        .replaceAll(/a=ice-ufrag:.*/g, fresh('ice-ufrag'))
        .replaceAll(/a=ice-pwd:.*/g, fresh('ice-pwd'));
      await peer.setRemoteDescription({ type: 'answer', sdp });
      return response.status;
    }, `${endpoint.url}/session/${connection.id}`);
    expect(state).toBe(200);
    expect(connection.etag).not.toBe(etag);
    const countBefore = received.video.length;
    await waitFor(
      'media after the restart',
      () => received.video.length > countBefore + ENOUGH_VIDEO_PACKETS,
    );
    await waitFor('the old credentials to be forgotten', () => server.tableSizes[1] <= 2);
    expect(received.closed).toBeUndefined();
    await page.close();
  });

  it('notices a browser whose network is cut in at most five seconds', async () => {
    await using link = await UdpProxy.open({ serverPort: server.udpPort });
    endpoint.rewriteAnswer = (sdp) => link.rewriteSdp(sdp);
    const receiving = receive();
    const page = await chromium.page(endpoint.url);
    await publishFromPage(page, { url: `${endpoint.url}/whip` });
    const received = await receiving;
    await expectBothKinds(received);
    const cutMs = performance.now();
    link.impair({ loss: 1 }, { loss: 1 });
    await waitFor('the close', () => received.closed !== undefined, { timeoutMs: 6_000 });
    expect(received.closed!.reason).toBe('silent');
    expect(received.closed!.atMs - cutMs).toBeLessThan(5_000);
    await page.close();
  });
});

describe('Chromium playing', () => {
  it('decodes what another Chromium published, forwarded as it came, over IPv6 as well', async () => {
    const source = await chromium.page(endpoint.url);
    await publishFromPage(source, { url: `${endpoint.url}/whip` });
    const publisher = endpoint.connections[0]!;
    endpoint.rewriteAnswer = (sdp) => sdp.replaceAll(/a=candidate:.* 127\.0\.0\.1 .*\r\n/g, '');
    endpoint.onConnection = (viewer) => {
      publisher.on('rtp', (packet, kind, isRtx) => {
        const media = viewer.media[kind];
        if (isRtx || media?.ssrc === undefined) return;
        viewer.sendRtp({ ...packet, kind, payloadType: media.payloadType, ssrc: media.ssrc });
      });
      viewer.on('connected', () => {
        publisher.sendRtcp(pictureLoss(publisher.media.video!.ssrcHints[0]!));
      });
      viewer.on('rtcp', (compound) => {
        // Whatever asks for a picture: pass it on.
        if (compound.includes(Buffer.from([0x81, 206, 0, 2])))
          publisher.sendRtcp(pictureLoss(publisher.media.video!.ssrcHints[0]!));
      });
    };
    const viewer = await chromium.page(endpoint.url);
    const { status, answer } = await playInPage(viewer, `${endpoint.url}/whep`);
    expect(status).toBe(201);
    expect(answer).toContain('a=ssrc-group:FID');
    await waitFor(
      'pictures and sound',
      async () => {
        const { framesDecoded, audioSamples } = await inboundStats(viewer);
        return framesDecoded >= 30 && audioSamples >= 48_000;
      },
      { state: () => endpoint.connections[1]!.stats() },
    );
    const stats = await inboundStats(viewer);
    expect(stats.srtpCipher).toContain('AEAD_AES_128_GCM');
    expect(stats.packetsLost).toBe(0);
    await source.close();
    await viewer.close();
  });

  it('plays what a client without a browser publishes', async () => {
    // The client's packets are a browser's, so that the H.264 is real: browser → client → server → browser.
    const source = await chromium.page(endpoint.url);
    await publishFromPage(source, { url: `${endpoint.url}/whip` });
    const original = endpoint.connections[0]!;
    const client = await RtcClient.publish({ url: `${endpoint.url}/whip` });
    original.on('rtp', (packet, kind, isRtx) => {
      const media = client.media[kind];
      if (isRtx || media?.ssrc === undefined) return;
      client.sendRtp({ ...packet, kind, payloadType: media.payloadType, ssrc: media.ssrc });
    });
    client.on('rtcp', () => original.sendRtcp(pictureLoss(original.media.video!.ssrcHints[0]!)));
    const relayed = endpoint.connections[1]!;
    endpoint.onConnection = (viewer) => {
      relayed.on('rtp', (packet, kind, isRtx) => {
        const media = viewer.media[kind];
        if (isRtx || media?.ssrc === undefined) return;
        viewer.sendRtp({ ...packet, kind, payloadType: media.payloadType, ssrc: media.ssrc });
      });
      viewer.on('rtcp', (compound) => relayed.sendRtcp(compound));
    };
    const viewer = await chromium.page(endpoint.url);
    await playInPage(viewer, `${endpoint.url}/whep`);
    await waitFor('pictures', async () => (await inboundStats(viewer)).framesDecoded >= 30);
    await client.close();
    await source.close();
    await viewer.close();
  });
});

describe('the client', () => {
  it('publishes to a full ICE agent that takes the other DTLS role: Chromium itself', async () => {
    const page = await chromium.page(endpoint.url);
    const http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.method !== 'POST') {
          response.end();
          return;
        }
        void answerInPage(page, Buffer.concat(chunks).toString('utf8')).then((answer) => {
          response.writeHead(201, { 'content-type': 'application/sdp', location: '/session' });
          response.end(answer);
        });
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/whip`;
    const client = await RtcClient.publish({ url });
    const { payloadType, ssrc } = client.media.audio!;
    let sequence = 0;
    const reports: Buffer[] = [];
    client.on('rtcp', (compound) => reports.push(compound));
    await waitFor(
      'packets in the browser and its receiver report',
      async () => {
        // One comfort-noise packet of Opus, 20 ms.
        const payload = Buffer.from('f8fffe', 'hex');
        const at = { sequenceNumber: sequence, timestamp: sequence * 960, marker: false };
        client.sendRtp({ kind: 'audio', payloadType, ssrc: ssrc!, ...at, payload });
        sequence++;
        return (await inboundStats(page)).audioPackets > 0 && reports.length > 0;
      },
      { intervalMs: 20, state: () => [client.stats(), client.state] },
    );
    await client.close();
    http.closeAllConnections();
    await new Promise<void>((resolve) => http.close(() => resolve()));
    await page.close();
  });
});

function pictureLoss(mediaSsrc: number): Buffer {
  const pli = Buffer.from('81ce00020000000100000000', 'hex');
  pli.writeUInt32BE(mediaSsrc, 8);
  return pli;
}
