/**
 * The SFU alone in a process, so that its CPU seconds can be told from those of the load. Speaks WHIP and WHEP on
 * HTTP; sends its CPU time and the packets it has sent when its parent asks.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PacketSource } from '../../src/sfu/packet-source.js';
import { Sfu } from '../../src/sfu/sfu.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';

const webrtc = await WebRtcServer.open({ host: process.argv[2] ?? '127.0.0.1' });
const sfu = Sfu.open({ webrtc });
let source: PacketSource | undefined;

const http = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method !== 'POST') {
      response.end();
      return;
    }
    const offer = Buffer.concat(chunks).toString();
    const answered =
      request.url === '/whip'
        ? sfu.publish(offer).then(({ answerSdp, publication }) => {
            source = publication;
            return answerSdp;
          })
        : sfu.subscribe(offer, source!).then(({ answerSdp }) => answerSdp);
    answered.then(
      (sdp) => {
        response.writeHead(201, { 'content-type': 'application/sdp', location: '/session' });
        response.end(sdp);
      },
      (error: unknown) => {
        response.writeHead(400);
        response.end(String(error));
      },
    );
  });
});
http.listen(0, '127.0.0.1', () => process.send?.({ port: (http.address() as AddressInfo).port }));

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  let packets = 0;
  for (const subscription of sfu.subscriptions) packets += subscription.stats().packets;
  process.send?.({ cpuSeconds: (user + system) / 1e6, packets });
});
process.on('disconnect', () => process.exit());
