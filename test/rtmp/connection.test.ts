import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MalformedMediaError } from '../../src/base/errors.js';
import { FlvMuxer } from '../../src/container/flv/muxer.js';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { ChunkReader } from '../../src/rtmp/chunk-reader.js';
import { ChunkWriter } from '../../src/rtmp/chunk-writer.js';
import { RtmpConnection } from '../../src/rtmp/connection.js';
import { controlMessage, MessageType, type RtmpMessage } from '../../src/rtmp/message.js';
import { RtmpClient } from '../../src/rtmp/rtmp-client.js';
import { RtmpServer } from '../../src/rtmp/rtmp-server.js';
import { program } from '../container/units.js';
import { waitFor } from '../peers/wait-for.js';

let listener: Server;
let peer: Socket;
let connection: RtmpConnection;
let heard: RtmpMessage[];
const writer = (): ChunkWriter => new ChunkWriter();

beforeEach(async () => {
  listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  peer = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  peer.on('error', () => undefined);
  const [socket] = (await once(listener, 'connection')) as [Socket];
  connection = new RtmpConnection(socket);
  connection.start();
  heard = [];
  const reader = new ChunkReader();
  peer.on('data', (data) => heard.push(...reader.push(data)));
});
afterEach(async () => {
  peer.destroy();
  connection.destroy();
  await new Promise((resolve) => listener.close(resolve));
});

const say = (message: RtmpMessage, by = writer()): void => {
  for (const piece of by.write(message)) peer.write(piece);
};
const userControl = (event: number, value: number): RtmpMessage => {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(event);
  payload.writeUInt32BE(value, 2);
  return { chunkStreamId: 2, typeId: MessageType.userControl, streamId: 0, timestamp: 0, payload };
};

describe('an RTMP connection', () => {
  test('acknowledges what it has received once per window that the peer told', async () => {
    say(controlMessage(MessageType.windowAckSize, 1000));
    const media: RtmpMessage = {
      chunkStreamId: 4,
      typeId: 8,
      streamId: 1,
      timestamp: 0,
      payload: Buffer.alloc(5000),
    };
    say(media);
    const ack = await waitFor('an acknowledgement', () =>
      heard.findLast(
        ({ typeId, payload }) => typeId === MessageType.acknowledgement && payload.readUInt32BE(0) > 5000,
      ),
    );
    expect(ack.payload.readUInt32BE(0)).toBe(connection.bytesIn);
  });

  test('answers a ping with its own value and a bandwidth with its window', async () => {
    say(userControl(6, 0xdeadbeef));
    say(controlMessage(MessageType.setPeerBandwidth, 70_000));
    await waitFor('both answers', () => heard.length >= 2);
    expect(heard.map(({ typeId, payload }) => [typeId, payload.toString('hex')])).toEqual([
      [MessageType.userControl, '0007deadbeef'],
      [MessageType.windowAckSize, '00011170'],
    ]);
  });

  test('remembers what the peer acknowledges, and counts what has gone out', async () => {
    connection.send({
      chunkStreamId: 4,
      typeId: 8,
      streamId: 1,
      timestamp: 0,
      payload: Buffer.alloc(10_000),
    });
    await waitFor('the message', () => heard.length === 1);
    expect(connection.bytesFlushed).toBe(peer.bytesRead);
    expect(connection.pendingBytes).toBe(0);
    say(controlMessage(MessageType.acknowledgement, 10_000));
    await waitFor('the acknowledgement', () => connection.bytesAcknowledged === 10_000);
  });

  test('ends with what was wrong when the bytes are no chunks', async () => {
    const closed = once(connection, 'closed');
    peer.write(Buffer.from([0xc9, 0xff]));
    expect((await closed)[0]).toBeInstanceOf(MalformedMediaError);
  });

  test('a peer that asks and never reads cannot make it hold more than a bounded number of answers', async () => {
    peer.pause();
    const ping = Buffer.concat(writer().write(userControl(6, 1)));
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => ping));
    for (let i = 0; i < 40; i++) if (!peer.write(flood)) await once(peer, 'drain');
    await waitFor('all to be read', () => connection.bytesIn === 40 * flood.length);
    expect(connection.pendingBytes).toBeLessThan(1.1 * 2 ** 20);
  });
});

describe('times over RTMP', () => {
  test.each([
    ['past 24 bits', 2 ** 24 / 1000 - 1],
    ['past 32 bits', 2 ** 32 / 1000 - 1],
  ])('go on %s', async (_name, startSeconds) => {
    const start = Math.floor(startSeconds);
    const server = await RtmpServer.open({ host: '127.0.0.1', port: 0, authorize: () => true });
    try {
      const units: AccessUnit[] = [];
      server.on('publish', (publication) => publication.on('unit', (unit) => units.push(unit)));
      const client = await RtmpClient.connect(`rtmp://127.0.0.1:${server.port}/live/key`);
      const sent = program(3, { startSeconds: start, bytes: 9000 });
      const muxer = new FlvMuxer();
      for (const unit of sent) for (const tag of muxer.tags(unit)) client.write(tag);
      await client.close();
      await waitFor('all units', () => units.length === sent.length);
      const first = units[0]?.kind === 'video' ? units[0].dts : 0;
      const video = units.flatMap((unit) => (unit.kind === 'video' ? [(unit.dts - first) / 90] : []));
      expect(video).toEqual(Array.from({ length: 90 }, (_, i) => Math.round((i * 100) / 3)));
      const audio = units.flatMap((unit) => (unit.kind === 'audio' ? [unit.pts] : []));
      expect(new Set(audio.slice(1).map((pts, i) => pts - (audio[i] ?? 0)))).toEqual(new Set([1024]));
    } finally {
      await server.close();
    }
  });
});
