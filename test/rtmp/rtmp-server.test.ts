import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DestinationError } from '../../src/base/errors.js';
import { FlvMuxer } from '../../src/container/flv/muxer.js';
import { TagType } from '../../src/container/flv/tag.js';
import type { AccessUnit, AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { ProgramUnit } from '../../src/media/program-sink.js';
import { RtmpClient } from '../../src/rtmp/rtmp-client.js';
import { RtmpServer, type RtmpPublication } from '../../src/rtmp/rtmp-server.js';
import { program } from '../container/units.js';
import { probe } from '../peers/judge.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';

/** Short limits, so that the tests that wait for them do not take long. */
const LIMIT_MS = 300;
/** The source's own times are exact; FLV rounds them, and ffmpeg's first one decides how. */
const FLV_ROUNDING_MS = 1;

let server: RtmpServer;
let seen: { publication: RtmpPublication; units: AccessUnit[]; ended: string | undefined }[];

beforeEach(async () => {
  seen = [];
  server = await RtmpServer.open({
    host: '127.0.0.1',
    port: 0,
    handshakeTimeoutMs: LIMIT_MS,
    publishTimeoutMs: LIMIT_MS * 2,
    idleTimeoutMs: LIMIT_MS * 2,
    maxConnections: 8,
    acceptApp: (app) => app === 'live',
    authorize: (_app, key) => ({ accept: key.startsWith('good'), reason: `no room for ${key}` }),
  });
  server.on('publish', (publication) => {
    const entry = { publication, units: [] as AccessUnit[], ended: undefined as string | undefined };
    seen.push(entry);
    publication.on('unit', (unit) => entry.units.push(unit));
    publication.on('closed', (reason) => (entry.ended = reason));
  });
});
afterEach(() => server.close());

const url = (key = 'good'): string => `rtmp://127.0.0.1:${server.port}/live/${key}`;

async function dialRaw(): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  return socket;
}

function send(client: RtmpClient, units: readonly ProgramUnit[], muxer = new FlvMuxer()): void {
  for (const unit of units) for (const tag of muxer.tags(unit)) client.write(tag);
}

async function serverStillWorks(): Promise<void> {
  const before = seen.length;
  const client = await RtmpClient.connect(url(`good-${before}`));
  send(client, program(0.2));
  await waitFor('units of a well-behaved publisher', () => (seen[before]?.units.length ?? 0) >= 15);
  await client.close();
}

describe('ffmpeg publishing to the RTMP server', () => {
  let folder: TempDir;
  let source: string;
  beforeAll(async () => {
    folder = await TempDir.open('rtmp-server');
    source = folder.file('source.mp4');
    await Program.run('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30'],
      ...['-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-t', '4', '-c:v', 'libx264', '-preset', 'veryfast'],
      ...['-bf', '3', '-g', '30', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2', source],
    ]);
  });
  afterAll(() => folder.close());

  test('every picture with B-frames and every audio frame arrives, with the times of the source', async () => {
    await Program.run('ffmpeg', ['-v', 'error', '-i', source, '-c', 'copy', '-f', 'flv', url()]);
    const entry = await waitFor('the end of the publication', () =>
      seen.find(({ ended }) => ended !== undefined),
    );
    const flv = folder.file('expected.flv');
    await Program.run('ffmpeg', ['-v', 'error', '-i', source, '-c', 'copy', '-f', 'flv', flv]);
    const [expected, exact] = [await probe(flv), await probe(source)];
    const video = entry.units.filter((unit): unit is VideoUnit => unit.kind === 'video');
    const audio = entry.units.filter((unit): unit is AudioUnit => unit.kind === 'audio');
    expect(video.map((unit) => [unit.pts / 90, unit.dts / 90, unit.isIdr])).toEqual(
      expected.videoPackets.map(({ ptsMs, dtsMs, isKey }) => [ptsMs, dtsMs, isKey]),
    );
    expect(video.some((unit) => unit.pts > unit.dts)).toBe(true);
    expect(video[0]?.config).toMatchObject({ width: 640, height: 360 });
    expect(audio.map((unit) => unit.data.length)).toEqual(expected.audioPackets.map(({ bytes }) => bytes));
    expect(audio.every((unit, i) => i === 0 || unit.pts - (audio[i - 1]?.pts ?? 0) === 1024)).toBe(true);
    // Presentation against the untouched source: one constant offset, within rounding, for both tracks.
    const offset = (video[0]?.pts ?? 0) / 90 - (exact.videoPackets[0]?.ptsMs ?? 0);
    video.forEach((unit, i) => {
      expect(Math.abs(unit.pts / 90 - offset - (exact.videoPackets[i]?.ptsMs ?? 0))).toBeLessThanOrEqual(
        FLV_ROUNDING_MS,
      );
    });
    audio.forEach((unit, i) => {
      expect(Math.abs(unit.pts / 48 - offset - (exact.audioPackets[i]?.ptsMs ?? 0))).toBeLessThanOrEqual(
        FLV_ROUNDING_MS,
      );
    });
    expect(entry.ended).toBe('unpublished');
    expect(entry.publication.metadata['width']).toBe(640);
    expect(entry.publication.stats).toMatchObject({
      damaged: 0,
      droppedPictures: 0,
      audioGaps: 0,
      restarts: 0,
    });
  });

  test('a wrong key and a wrong application are refused and ffmpeg ends with an error', async () => {
    for (const target of [url('bad'), url().replace('/live/', '/other/')]) {
      const result = await Program.start('ffmpeg', [
        '-v',
        'error',
        '-i',
        source,
        '-c',
        'copy',
        '-f',
        'flv',
        target,
      ]).result();
      expect(result.code).not.toBe(0);
    }
    expect(seen).toEqual([]);
  });

  test('a codec that is not supported ends the publication and nothing else', async () => {
    const args = [
      '-v',
      'error',
      '-i',
      source,
      '-c:v',
      'copy',
      '-c:a',
      'libmp3lame',
      '-ar',
      '44100',
      '-f',
      'flv',
      url(),
    ];
    const result = await Program.start('ffmpeg', args).result();
    await waitFor('its end', () => seen[0]?.ended);
    expect(seen[0]?.ended).toBe('unsupported');
    expect(seen[0]?.units.some((unit) => unit.kind === 'audio')).toBe(false);
    expect(result.stderr).not.toBe('');
    await serverStillWorks();
  });
});

describe('publishers that are wrong, gone or hostile', () => {
  test('a refused client is told the code and the reason', async () => {
    await expect(RtmpClient.connect(url('bad'))).rejects.toThrow(
      /NetStream\.Publish\.Denied: no room for bad/,
    );
    await expect(RtmpClient.connect(url().replace('/live/', '/other/'))).rejects.toThrow(
      /NetConnection\.Connect\.Rejected/,
    );
    await expect(RtmpClient.connect(url('bad'))).rejects.toBeInstanceOf(DestinationError);
  });

  test('a codec by enhanced RTMP is refused by naming what is supported', async () => {
    const client = await RtmpClient.connect(url());
    const closed = once(client, 'closed');
    const body = Buffer.from([0x90, ...Buffer.from('hvc1'), 1, 2, 3]);
    client.write({ type: TagType.video, timestampMs: 0, isSequenceHeader: true, body });
    const [reason] = (await closed) as [Error];
    expect(reason.message).toMatch(
      /NetStream\.Publish\.Rejected: HEVC video is not supported here: send H\.264/,
    );
    await serverStillWorks();
  });

  test('a newcomer with the same key takes over, the older one is told', async () => {
    const older = await RtmpClient.connect(url());
    const closed = once(older, 'closed');
    const newer = await RtmpClient.connect(url());
    await closed;
    expect(seen.map(({ ended }) => ended)).toEqual(['replaced', undefined]);
    send(newer, program(0.5));
    await waitFor('units of the newcomer', () => (seen[1]?.units.length ?? 0) > 30);
    expect(server.publications).toHaveLength(1);
    await newer.close();
    await waitFor('the end of the newcomer', () => seen[1]?.ended);
    expect(seen[1]?.ended).toBe('unpublished');
  });

  test('damaged pictures are counted and left out to the next IDR; the publication goes on', async () => {
    const client = await RtmpClient.connect(url());
    const muxer = new FlvMuxer();
    send(client, program(1), muxer);
    const broken = Buffer.from([0x27, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x41]);
    client.write({ type: TagType.video, timestampMs: 1000, isSequenceHeader: false, body: broken });
    send(client, program(1, { startSeconds: 1 }).slice(2), muxer);
    await waitFor('the rest', () => (seen[0]?.publication.stats.videoUnits ?? 0) >= 45);
    expect(seen[0]?.publication.stats).toMatchObject({ damaged: 1, droppedPictures: 14 });
    expect(seen[0]?.ended).toBeUndefined();
    await client.close();
  });

  test('a publisher that lives but sends nothing is kept; one that answers no ping is taken for gone', async () => {
    const quiet = await RtmpClient.connect(url('good-quiet'));
    const stopped = Program.start('ffmpeg', [
      ...['-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-c:v', 'libx264'],
      ...['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-f', 'flv', url('good-stopped')],
    ]);
    await waitFor('pictures', () => (seen[1]?.units.length ?? 0) > 5);
    stopped.signal('SIGSTOP');
    await waitFor('its end', () => seen[1]?.ended);
    expect(seen.map(({ ended }) => ended)).toEqual([undefined, 'timed-out']);
    await stopped.close();
    await quiet.close();
  });

  test('garbage, slow handshakes, oversized chunks and early hang-ups end only their own connection', async () => {
    const handshake = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536 * 2)]);
    const attacks: Buffer[] = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([3, 1, 2]),
      Buffer.alloc(10_000, 0xff),
      Buffer.concat([handshake, Buffer.alloc(5000, 0xee)]),
      Buffer.concat([handshake, Buffer.from([3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0])]),
      Buffer.concat([handshake, Buffer.from([3, 0, 0, 0, 0, 0, 4, 20, 0, 0, 0, 0, 0x0a, 0xff, 0xff, 0xff])]),
      Buffer.concat([handshake, Buffer.from([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0])]),
    ];
    for (const bytes of attacks) {
      const socket = await dialRaw();
      const closed = once(socket, 'close');
      socket.write(bytes);
      await closed;
    }
    const early = await dialRaw();
    early.write(handshake.subarray(0, 700));
    early.resetAndDestroy();
    await waitFor('all to be gone', () => server.connections === 0);
    await serverStillWorks();
  });

  test('a client that never speaks, or never publishes, is cut off in time', async () => {
    const started = performance.now();
    const silent = await dialRaw();
    const idle = await dialRaw();
    idle.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536 * 2)]));
    await Promise.all([once(silent, 'close'), once(idle, 'close')]);
    expect(performance.now() - started).toBeLessThan(LIMIT_MS * 10);
  });

  test('connections over the limit are turned away and make room when they end', async () => {
    const sockets = [];
    for (let i = 0; i < 8; i++) sockets.push(await dialRaw());
    await waitFor('eight clients', () => server.connections === 8);
    const extra = await dialRaw();
    await once(extra, 'close');
    expect(server.turnedAway).toBe(1);
    for (const socket of sockets) socket.destroy();
    await waitFor('room', () => server.connections === 0);
    await serverStillWorks();
  });

  test('closing the server ends its publishers', async () => {
    const client = await RtmpClient.connect(url());
    const closed = once(client, 'closed');
    await server.close();
    await closed;
    expect(seen[0]?.ended).toBe('closed');
  });
});
