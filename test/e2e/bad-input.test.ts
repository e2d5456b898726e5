import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Broadcaster } from '../../src/demo/broadcaster.js';
import type { RoomView } from '../../src/serve/room-api.js';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import { startFfmpegPublisher } from '../peers/ffmpeg-publisher.js';
import { decodeErrors, probe } from '../peers/judge.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import { TempDir } from '../peers/temp-dir.js';
import type { UdpProxy } from '../peers/udp-proxy.js';
import { waitFor } from '../peers/wait-for.js';
import { Aired, expectCleanDecoding, expectContinuousContent, expectUnbrokenTimes } from './aired.js';
import { whipClip } from './clips.js';
import { hostileOffers } from './hostile-offers.js';
import { ServerProcess } from './server-process.js';
import { Show, smallPictures, streamKey } from './show.js';

const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
const loopPictures = clip.seconds * beepAndFlashDefaults.fps;
const beginningMs = 100;
/** A refusal takes milliseconds; the bound only has to catch one that grows with the input. */
const answerMs = 2_000;
/** A server that reads no more closes within its handshake timeout (5 s). */
const hangUpMs = 10_000;
/** Header of a TLS 1.0 record as DTLS wraps it: type, version 1.2, epoch, sequence number, length. */
const dtlsRecord = (type: number, epoch: number, body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9, body.length >> 8, body.length & 0xff]),
    body,
  ]);

describe('a live program, while the server is given', () => {
  let show: Show;
  let host: Broadcaster;
  let network: UdpProxy;

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    network = await show.network();
    host = await show.host(await show.clip('host', clip), `${network.httpUrl}/whip/${show.room.id}`);
    await show.onAir('relay');
    await show.reachCdn();
  }, 60_000);
  afterAll(() => show.close());

  const post = async (
    path: string,
    { sdp, token }: { sdp: string; token?: string },
  ): Promise<{ status: number; detail: string; tookMs: number }> => {
    const since = performance.now();
    const response = await fetch(show.baseUrl + path, {
      method: 'POST',
      body: sdp,
      headers: {
        'content-type': 'application/sdp',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    const detail = await response.text();
    return { status: response.status, detail, tookMs: performance.now() - since };
  };

  it.each(hostileOffers)('an offer of $name: $status', async ({ sdp, status, names = /./ }) => {
    const answer = await post('/whip/show', { sdp, token: show.hostKey });
    expect(answer).toMatchObject({ status, detail: expect.stringMatching(names) as unknown });
    expect(answer.tookMs).toBeLessThan(answerMs);
  });

  it('a hundred broken offers at once: refused, or told to wait', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => post('/whep/show', { sdp: 'v=0\r\nm=audio', token: show.hostKey })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]));
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(answerMs);
  });

  it('wrong tokens (401) and rooms that are not there (404)', async () => {
    const call = async (path: string, token?: string, method = 'GET'): Promise<number> =>
      (
        await fetch(show.baseUrl + path, {
          method,
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        })
      ).status;
    expect(await call('/api/v1/rooms/show/keys', 'wrong')).toBe(401);
    expect(await call('/api/v1/rooms/show', 'wrong', 'DELETE')).toBe(401);
    expect(await call('/api/v1/rooms/nowhere', show.hostKey)).toBe(404);
    // After the flood above the endpoint lets this source in again, one by one.
    const settled = (sdp: string, path: string, token?: string): Promise<number> =>
      waitFor('a turn', async () => {
        const { status } = await post(path, { sdp, ...(token === undefined ? {} : { token }) });
        return status === 429 ? undefined : status;
      });
    expect(await settled('v=0', '/whip/show')).toBe(401);
    expect(await settled('v=0', '/whip/show', 'wrong')).toBe(401);
    expect(await settled('v=0', '/whip/nowhere', show.hostKey)).toBe(404);
    expect(show.room.view().participants).toHaveLength(1);
  });

  it('forged STUN and DTLS, and damaged RTP and RTCP, from the host’s own address', async () => {
    network.impair({ damagedCopy: 0.5 }, {});
    for (let i = 0; i < 300; i++) {
      network.forge(randomBytes(1 + Math.floor(Math.random() * 1_400)));
      // A binding request of nobody, with a wrong integrity.
      network.forge(
        Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12), randomBytes(24)]),
      );
      // close_notify and handshake_failure, before and after encryption.
      network.forge(dtlsRecord(21, 0, Buffer.from([1, 0])));
      network.forge(dtlsRecord(21, 0, Buffer.from([2, 40])));
      network.forge(dtlsRecord(21, 1, randomBytes(26)));
      // A new hello, as if the host began again.
      network.forge(dtlsRecord(22, 0, Buffer.concat([Buffer.from([1]), randomBytes(60)])));
      // RTP, RTCP sender report, BYE.
      network.forge(Buffer.concat([Buffer.from([0x80, 96]), randomBytes(200)]));
      network.forge(Buffer.concat([Buffer.from([0x80, 200, 0, 6]), randomBytes(40)]));
      network.forge(Buffer.concat([Buffer.from([0x81, 203, 0, 1]), randomBytes(18)]));
      if (i % 30 === 0) await show.letRun(host, 2);
    }
    await show.letRun(host, 60);
    network.impair({}, {});
    expect(host.isOpen).toBe(true);
    expect(show.room.view()).toMatchObject({ state: 'live', source: 'relay' });
  });

  it('garbage at the RTMP port: hung up on, in bounded time', async () => {
    const handshake = Buffer.concat([Buffer.from([3]), Buffer.alloc(8), randomBytes(1_528)]);
    const answered = Buffer.concat([handshake, randomBytes(1_536)]);
    const chunk = (typeId: number, length: number, body: Buffer): Buffer => {
      const header = Buffer.from([2, 0, 0, 0, 0, 0, 0, typeId, 0, 0, 0, 0]);
      header.writeUIntBE(length, 4, 3);
      return Buffer.concat([header, body]);
    };
    const attacks: Buffer[] = [
      Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'),
      randomBytes(100_000),
      handshake.subarray(0, 700),
      Buffer.concat([answered, randomBytes(50_000)]),
      // Chunk sizes of nothing and of two gigabytes.
      Buffer.concat([answered, chunk(1, 4, Buffer.from([0, 0, 0, 0]))]),
      Buffer.concat([
        answered,
        chunk(1, 4, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
        chunk(20, 0xffffff, randomBytes(200_000)),
      ]),
      // A command that is 16 MB long and never ends.
      Buffer.concat([answered, chunk(20, 0xffffff, Buffer.alloc(128, 3))]),
      // AMF0 that nests for ever.
      Buffer.concat([answered, chunk(20, 120, Buffer.alloc(120, 3))]),
    ];
    const sockets = await Promise.all(attacks.map((bytes) => attack(show.server.rtmpPort, bytes)));
    await waitFor('all to be hung up on', () => sockets.every((socket) => socket.closed), {
      timeoutMs: hangUpMs,
      state: () => sockets.map((socket) => socket.closed),
    });
    const { rtmpUrl } = show.room.secrets();
    const stranger = show.closing(
      startFfmpegPublisher({ url: `${rtmpUrl}/not-the-key`, durationSeconds: 5 }),
    );
    expect((await stranger.result()).code).not.toBe(0);
    expect(show.room.view().participants[0]).toMatchObject({ protocol: 'whip', publishing: true });
  });

  it('no HTTP at the HTTP port', async () => {
    const sockets = await Promise.all(
      [
        randomBytes(10_000),
        Buffer.from(`GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`),
        Buffer.from(`GET / HTTP/1.1\r\n${'X-Y: z\r\n'.repeat(20_000)}\r\n`),
        Buffer.from('POST /whip/show HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n'),
      ].map((bytes) => attack(show.server.httpPort, bytes)),
    );
    await waitFor('all to be hung up on', () => sockets.every((socket) => socket.closed), {
      timeoutMs: hangUpMs,
      state: () => sockets.map((socket) => socket.closed),
    });
    expect((await fetch(`${show.baseUrl}/healthz`)).status).toBe(200);
  });

  it('all of that, and goes on undisturbed', async (context) => {
    await show.letRun(host, 30);
    expect(show.cdn.connections).toHaveLength(1);
    const aired = await Aired.read(await show.recording());
    expectUnbrokenTimes(aired);
    await expectCleanDecoding(aired);
    show.skipWhenHeldUp(context);
    expectContinuousContent(aired, beginningMs, loopPictures);
    expect(aired.soundHoles(beginningMs)).toEqual([]);
  });
});

describe('a disk that is full while a program is recorded', () => {
  it('ends the recording with an event, and leaves what there is playable and the program alone', async () => {
    await using folder = await TempDir.open('full');
    await using cdn = await NginxRtmp.open();
    const stateFolder = folder.file('state');
    // About four seconds of this program.
    await using server = await ServerProcess.start({ stateFolder, fileLimitKiB: 1_000 });
    await server.api('POST', '/rooms', { id: 'show', name: 'Show', settings: smallPictures });
    await server.api('POST', '/rooms/show/targets', { url: cdn.url(streamKey) });
    const keys = await server.api<{ hostKey: string }>('GET', '/rooms/show/keys');
    await using host = await Broadcaster.open({
      url: `${server.baseUrl}/whip/show`,
      token: keys.body.hostKey,
      clip: await whipClip(folder, 'host', clip),
    });
    const view = async (): Promise<RoomView> => (await server.api<RoomView>('GET', '/rooms/show')).body;
    await waitFor('the program at the CDN', async () => (await view()).targets[0]?.state === 'live');

    const listening = new AbortController();
    const events = await fetch(`${server.baseUrl}/api/v1/rooms/show/events`, { signal: listening.signal });
    let heard = '';
    const reading = (async () => {
      for await (const chunk of events.body ?? []) heard += Buffer.from(chunk as Uint8Array).toString('utf8');
    })().catch(() => undefined);
    const started = await server.api<{ file: string }>('PUT', '/rooms/show/recording', {
      state: 'recording',
    });
    expect(started.status).toBeLessThan(300);
    await waitFor('the recording to fail', async () => (await view()).recording.state === 'failed', {
      timeoutMs: 30_000,
    });
    await waitFor('its event', () => /event: recording\ndata: .*"failed".*no space/.test(heard), {
      state: () => heard.split('\n').filter((line) => line.includes('recording')),
    });
    listening.abort();
    await reading;

    const until = host.stats().pictures + 60;
    await waitFor('two seconds more', () => host.stats().pictures >= until);
    const after = await view();
    expect(after).toMatchObject({ state: 'live', process: { restarts: 0 } });
    expect(after.targets[0]).toMatchObject({ state: 'live', reconnects: 0, droppedUnits: 0 });
    expect(after.recording.lastError).toMatch(/no space/);
    const path = join(stateFolder, 'recordings', started.body.file);
    expect((await probe(path)).videoPackets.length).toBeGreaterThan(30);
    expect(await decodeErrors(path)).toEqual([]);

    await server.api('DELETE', `/rooms/show/targets/${after.targets[0]?.id ?? ''}`);
    const aired = await Aired.read(await cdn.recordingOf(streamKey));
    expectUnbrokenTimes(aired);
    expectContinuousContent(aired, beginningMs, loopPictures);
  }, 90_000);
});

/** Connects, writes, and leaves it to the other side to hang up. */
async function attack(port: number, bytes: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(bytes);
  return socket;
}
