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

test('a browser is recorded as it publishes: H.264 and Opus', async () => {
  const url = `http://127.0.0.1:${ingest.whipPort}/whip/browser`;
  const pages = createServer((_request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><link rel="icon" href="data:,">');
  });
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  const chromium = await Chromium.open();
  try {
    const page = await chromium.page(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    const done = once(ingest, 'finished') as Promise<[IngestedParticipant]>;
    await page.evaluate(async (whip) => {
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
        headers: { 'content-type': 'application/sdp' },
        body: connection.localDescription?.sdp ?? '',
      });
      await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      (window as unknown as { location_: string | null }).location_ = response.headers.get('location');
    }, url);
    await waitFor(
      'three seconds',
      () => ingest.participants.some((one) => one.recording.durationMs > 3_000),
      {
        state: () => ingest.participants,
      },
    );
    await page.evaluate((origin) => {
      const { location_ } = window as unknown as { location_: string };
      return fetch(origin + location_, { method: 'DELETE' });
    }, `http://127.0.0.1:${ingest.whipPort}`);
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

test('with a token, nobody publishes without it: bearer by WHIP, part of the stream key by RTMP', async () => {
  const token = 'sixteen-characters-or-more';
  const options = { folder: folder.file('guarded'), host: '127.0.0.1', whipPort: 0, rtmpPort: 0 };
  await using guarded = await Ingest.open({ ...options, token });
  const post = (authorization?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${guarded.whipPort}/whip/host`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', ...(authorization && { authorization }) },
      body: 'not an offer',
    });
  expect((await post()).status).toBe(401);
  expect((await post(`Bearer ${token}x`)).headers.get('www-authenticate')).toMatch(/^Bearer /);
  expect((await post(`Bearer ${token}`)).status).toBe(400);

  const key = `rtmp://127.0.0.1:${guarded.rtmpPort}/live/host`;
  await expect(RtmpClient.connect(key)).rejects.toThrow(/token/);
  await expect(RtmpClient.connect(`${key}?token=${token}x`)).rejects.toThrow(/token/);
  await (await RtmpClient.connect(`${key}?token=${token}`)).close();
});

test('listening beyond loopback takes a token, and one that is not short', async () => {
  const options = { folder: folder.file('open'), host: '0.0.0.0', rtmpPort: 0 };
  await expect(Ingest.open(options)).rejects.toThrow(InvalidOptionError);
  await expect(Ingest.open({ ...options, token: 'short' })).rejects.toThrow(/at least 16 characters/);
  await (await Ingest.open({ ...options, token: 'sixteen-characters-or-more' })).close();
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
