import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidOptionError } from '../../src/base/errors.js';
import { RtmpClient } from '../../src/rtmp/rtmp-client.js';
import { Ingest, type IngestedParticipant } from '../../src/serve/ingest.js';
import { concatenate, decodeErrors, makeClip, packetTimes, readUnits } from '../container/mp4-media.js';
import { LiveSource } from '../origin/live-source.js';
import { Chromium } from '../peers/chromium.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';

const TOKEN = 'sixteen-characters-or-more';

let folder: TempDir;
let ingest: Ingest;
beforeAll(async () => {
  folder = await TempDir.open('ingest');
  ingest = await Ingest.open({ folder: folder.file('out'), host: '127.0.0.1', whipPort: 0, rtmpPort: 0 });
});
afterAll(async () => {
  await ingest.close();
  await folder.close();
});

test('each RTMP publisher gets a file of its own with all of its pictures', async () => {
  const clip = await readUnits(makeClip(folder.file('clip.mp4'), { bFrames: 2 }));
  const finished: IngestedParticipant[] = [];
  ingest.on('finished', (participant) => finished.push(participant));
  const sources = await Promise.all(
    ['host', 'guest'].map((name) =>
      LiveSource.open(`rtmp://127.0.0.1:${ingest.rtmpPort}/live/${name}`, concatenate([clip]), 4),
    ),
  );
  await Promise.all(sources.map((source) => source.finished));
  await Promise.all(sources.map((source) => source.close()));
  await waitFor('both files', () => finished.length === 2);
  expect(finished.map((participant) => participant.name).sort()).toEqual(['guest', 'host']);
  for (const { recording, via } of finished) {
    expect(via).toBe('rtmp');
    expect(decodeErrors(recording.path)).toBe('');
    expect(packetTimes(recording.path, 'v')).toHaveLength(75);
  }
});

test('a page in a browser is refused without a token; with it, it is recorded as it publishes: H.264 and Opus', async () => {
  const options = { folder: folder.file('browser'), host: '127.0.0.1', whipPort: 0, token: TOKEN };
  await using guarded = await Ingest.open(options);
  const url = `http://127.0.0.1:${guarded.whipPort}/whip/browser`;
  const pages = createServer((_request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><link rel="icon" href="data:,">');
  });
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  const chromium = await Chromium.open();
  try {
    const page = await chromium.page(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    const status = await page.evaluate(async (whip) => {
      const headers = { 'content-type': 'application/sdp' };
      return (await fetch(whip, { method: 'POST', headers, body: 'v=0' })).status;
    }, `http://127.0.0.1:${ingest.whipPort}/whip/browser`);
    expect(status).toBe(401);
    const done = once(guarded, 'finished') as Promise<[IngestedParticipant]>;
    await page.evaluate(
      async ([whip = '', token = '']) => {
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: true,
          video: { width: 640, height: 360 },
        });
        const connection = new RTCPeerConnection();
        for (const track of stream.getTracks())
          connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        const h264 = RTCRtpSender.getCapabilities('video')?.codecs.filter(
          (codec) => codec.mimeType === 'video/H264',
        );
        connection
          .getTransceivers()
          .find((one) => one.sender.track?.kind === 'video')
          ?.setCodecPreferences(h264 ?? []);
        await connection.setLocalDescription();
        const response = await fetch(whip, {
          method: 'POST',
          headers: { 'content-type': 'application/sdp', authorization: `Bearer ${token}` },
          body: connection.localDescription?.sdp ?? '',
        });
        await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
        (window as unknown as { location_: string | null }).location_ = response.headers.get('location');
      },
      [url, TOKEN],
    );
    await waitFor(
      'three seconds',
      () => guarded.participants.some((one) => one.recording.durationMs > 3_000),
      {
        state: () => guarded.participants,
      },
    );
    await page.evaluate(
      ([origin = '', token = '']) => {
        const { location_ } = window as unknown as { location_: string };
        const headers = { authorization: `Bearer ${token}` };
        return fetch(origin + location_, { method: 'DELETE', headers });
      },
      [`http://127.0.0.1:${guarded.whipPort}`, TOKEN],
    );
    const [{ recording, error }] = await done;
    expect(error).toBeUndefined();
    expect(decodeErrors(recording.path)).not.toMatch(/FAILED|rror|corrupt/);
    expect(packetTimes(recording.path, 'v').length).toBeGreaterThan(20);
    expect(packetTimes(recording.path, 'a').length).toBeGreaterThan(100);
  } finally {
    await chromium.close();
    pages.close();
  }
});

test('what is no offer is refused and leaves no file', async () => {
  const before = readdirSync(folder.file('out')).length;
  const post = (body: string, type = 'application/sdp'): Promise<Response> =>
    fetch(`http://127.0.0.1:${ingest.whipPort}/whip/nobody`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
  expect((await post('not an offer')).status).toBe(400);
  expect((await post('v=0', 'text/plain')).status).toBe(415);
  expect((await post('x'.repeat(300_000))).status).toBe(413);
  expect((await fetch(`http://127.0.0.1:${ingest.whipPort}/other`)).status).toBe(404);
  expect(readdirSync(folder.file('out'))).toHaveLength(before);
});

test('without a token, only what this machine’s user sent is taken', async () => {
  const url = `http://127.0.0.1:${ingest.whipPort}/whip/nobody`;
  const post = async (headers: Record<string, string>): Promise<number> => {
    const all = { 'content-type': 'application/sdp', ...headers };
    return (await fetch(url, { method: 'POST', headers: all, body: 'not an offer' })).status;
  };
  expect(await post({})).toBe(400);
  expect(await post({ origin: 'https://evil.example' })).toBe(401);
  expect(await post({ origin: 'null' })).toBe(401);
  expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(401);
  expect(await post({ 'x-forwarded-for': '203.0.113.9' })).toBe(401);
  const session = `${url}/some-session`;
  const foreign = { headers: { origin: 'https://evil.example' } };
  expect((await fetch(session, { ...foreign, method: 'DELETE' })).status).toBe(401);
  expect((await fetch(session, { method: 'DELETE' })).status).toBe(404);
});

test('with a token, nobody publishes without it: bearer by WHIP, part of the stream key by RTMP', async () => {
  const options = { folder: folder.file('guarded'), host: '127.0.0.1', whipPort: 0, rtmpPort: 0 };
  await using guarded = await Ingest.open({ ...options, token: TOKEN });
  const post = (authorization?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${guarded.whipPort}/whip/host`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', ...(authorization && { authorization }) },
      body: 'not an offer',
    });
  expect((await post()).status).toBe(401);
  expect((await post(`Bearer ${TOKEN}x`)).headers.get('www-authenticate')).toMatch(/^Bearer /);
  expect((await post(`Bearer ${TOKEN}`)).status).toBe(400);

  const key = `rtmp://127.0.0.1:${guarded.rtmpPort}/live/host`;
  await expect(RtmpClient.connect(key)).rejects.toThrow(/token/);
  await expect(RtmpClient.connect(`${key}?token=${TOKEN}x`)).rejects.toThrow(/token/);
  await (await RtmpClient.connect(`${key}?token=${TOKEN}`)).close();
});

test('listening beyond loopback takes a token, and one that is not short', async () => {
  const options = { folder: folder.file('open'), host: '0.0.0.0', rtmpPort: 0 };
  await expect(Ingest.open(options)).rejects.toThrow(InvalidOptionError);
  await expect(Ingest.open({ ...options, token: 'short' })).rejects.toThrow(/at least 16 characters/);
  await (await Ingest.open({ ...options, token: TOKEN })).close();
});

test('the command makes a token beyond loopback and prints it with the addresses', async () => {
  const args = ['--import', 'tsx', 'bin/dev.js', 'ingest', '--out', folder.file('made'), '--rtmp-port', '0'];
  await using program = Program.start(process.execPath, [...args, '--host', '0.0.0.0']);
  const address = await waitFor('the address', () => /rtmp:\S+NAME\?token=\S+/.exec(program.stderr)?.[0], {
    timeoutMs: 30_000,
    state: () => program.stderr,
  });
  await expect(RtmpClient.connect(address.replace(/\?.*/, ''))).rejects.toThrow(/token/);
  await (await RtmpClient.connect(address.replace('NAME', 'host'))).close();
}, 60_000);
