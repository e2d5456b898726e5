import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Broadcaster } from '../../src/demo/broadcaster.js';
import { sampleClip } from '../../src/demo/demo.js';
import type { AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { Publication } from '../../src/sfu/publication.js';
import { Sfu } from '../../src/sfu/sfu.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';
import { UdpProxy } from '../peers/udp-proxy.js';
import { waitFor } from '../peers/wait-for.js';

/** 2 % of datagrams: every second of video loses about three. */
const loss = 0.02;

let webrtc: WebRtcServer;
let sfu: Sfu;
let http: Server;
let url: string;
let publication: Publication | undefined;
let video: VideoUnit[];
let audio: AudioUnit[];
let idrArrivals: number[];

beforeEach(async () => {
  webrtc = await WebRtcServer.open({ host: '127.0.0.1' });
  sfu = Sfu.open({ webrtc });
  [video, audio, idrArrivals] = [[], [], []];
  // The least that WHIP needs: an offer in, an answer out, an address to end it at.
  http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(200).end();
      return void sfu.publish(Buffer.concat(chunks).toString('utf8')).then((answer) => {
        publication = answer.publication;
        publication.on('unit', (unit) => {
          if (unit.kind === 'audio') audio.push(unit);
          else {
            video.push(unit);
            if (unit.isIdr) idrArrivals.push(performance.now());
          }
        });
        response
          .writeHead(201, { 'content-type': 'application/sdp', location: '/session' })
          .end(answer.answerSdp);
      });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await sfu.close();
  await webrtc.close();
  http.closeAllConnections();
  await new Promise<void>((resolve) => http.close(() => resolve()));
});

/** Steps between the times of consecutive units that are not `step`. */
function oddSteps(units: readonly { readonly pts: number }[], step: number): number[] {
  return units.slice(1).flatMap((unit, i) => {
    const distance = unit.pts - (units[i]?.pts ?? 0);
    return distance === step ? [] : [distance];
  });
}

describe('a synthetic broadcaster', () => {
  it('sends its clip paced as live, every picture and frame, on one timeline', async () => {
    const start = performance.now();
    await using broadcaster = await Broadcaster.open({ url, clip: sampleClip('host.mp4') });
    await waitFor('three seconds of pictures', () => video.length >= 90);
    const elapsedMs = performance.now() - start;
    expect(elapsedMs).toBeGreaterThan(2_900);
    expect(oddSteps(audio, 960)).toEqual([]);
    // Pictures may be slewed by up to 2 ms each while the receiver refines its clock by the sender reports.
    expect(oddSteps(video, 3_000).every((step) => Math.abs(step - 3_000) <= 180)).toBe(true);
    expect(video[0]?.isIdr).toBe(true);
    expect(publication?.stats().hasSenderReports).toBe(true);
    // Both tracks began at one instant: the newest of each are no farther apart than audio's delay and a picture.
    const skewMs = (audio.at(-1)?.pts ?? 0) / 48 - (video.at(-1)?.pts ?? 0) / 90;
    expect(Math.abs(skewMs)).toBeLessThan(60);
    expect(broadcaster.stats().pictures).toBeGreaterThanOrEqual(90);
  });

  it('hears that an IDR is asked for, and brings one within half a second', async () => {
    await using broadcaster = await Broadcaster.open({ url, clip: sampleClip('guest.mp4') });
    await waitFor('the first pictures', () => video.length > 20);
    const before = idrArrivals.length;
    const asked = performance.now();
    publication?.requestKeyframe();
    await waitFor('the request to arrive', () => broadcaster.stats().keyframeRequests > 0);
    await waitFor('an IDR', () => idrArrivals.length > before);
    expect((idrArrivals.at(-1) ?? Infinity) - asked).toBeLessThan(600);
  });

  it('sends again what was lost', async () => {
    await using proxy = await UdpProxy.open({
      serverPort: webrtc.udpPort,
      httpServer: url,
      toServer: { loss },
    });
    await using broadcaster = await Broadcaster.open({ url: proxy.httpUrl, clip: sampleClip('host.mp4') });
    await waitFor('four seconds of pictures', () => video.length >= 120);
    expect(proxy.towardsServer.lost).toBeGreaterThan(0);
    expect(broadcaster.stats().retransmissions).toBeGreaterThan(0);
    expect(oddSteps(video, 3_000).filter((step) => Math.abs(step - 3_000) > 180)).toEqual([]);
  });

  it('can do without sender reports, as OBS does', async () => {
    await using broadcaster = await Broadcaster.open({
      url,
      clip: sampleClip('host.mp4'),
      senderReports: false,
    });
    await waitFor('two seconds of pictures', () => video.length >= 60);
    expect(publication?.stats().hasSenderReports).toBe(false);
    expect(broadcaster.isOpen).toBe(true);
  });

  it('tells when the server has ended its session', async () => {
    await using broadcaster = await Broadcaster.open({ url, clip: sampleClip('host.mp4') });
    await waitFor('pictures', () => video.length > 5);
    const closed = new Promise<string>((resolve) => broadcaster.once('closed', resolve));
    publication?.close();
    expect(await closed).not.toBe('closed-locally');
    expect(broadcaster.isOpen).toBe(false);
  });
});
