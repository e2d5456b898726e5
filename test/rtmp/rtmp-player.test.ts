import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { TagType } from '../../src/container/flv/tag.js';
import { commandMessage, parseCommand } from '../../src/rtmp/command.js';
import { RtmpConnection } from '../../src/rtmp/connection.js';
import { handshakeAsServer } from '../../src/rtmp/handshake.js';
import { MessageType, UserControlEvent, userControlMessage } from '../../src/rtmp/message.js';
import { RtmpPlayer } from '../../src/rtmp/rtmp-player.js';
import { waitFor } from '../peers/wait-for.js';

const STREAM = 1;
const BIG_BYTES = 256 * 1024;
/** Well over what the player holds (8 MiB) and what the kernel holds for a connection on loopback. */
const BIG_COUNT = 160;
/** So often in a row nothing may move before the server counts as held up. */
const STILL_LOOKS = 10;

let server: Server | undefined;
let player: RtmpPlayer | undefined;
afterEach(async () => {
  player?.close();
  await new Promise((closed) => server?.close(closed) ?? closed(undefined));
});

/** A server that answers a player and then does what it is told. @returns its end, once the stream is asked for */
async function play(): Promise<RtmpConnection> {
  const asked = new Promise<RtmpConnection>((resolve, reject) => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      handshakeAsServer(socket).then(() => {
        const connection = new RtmpConnection(socket);
        connection.on('message', (message) => {
          if (message.typeId !== MessageType.command) return;
          const { name, transactionId } = parseCommand(message);
          const result = name === 'createStream' ? STREAM : { code: 'NetConnection.Connect.Success' };
          if (name === 'play') resolve(connection);
          else connection.send(commandMessage({ name: '_result', transactionId, args: [null, result] }));
        });
        connection.start();
      }, reject);
    });
  });
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
  const { port } = server?.address() as AddressInfo;
  player = await RtmpPlayer.connect(`rtmp://127.0.0.1:${port}/live/secret-name`);
  return asked;
}

const media = (typeId: number, timestamp: number, payload: Buffer) => ({
  chunkStreamId: 4,
  typeId,
  streamId: STREAM,
  timestamp,
  payload,
});

describe('an RTMP player', () => {
  test('gives out messages in order, and the end of the stream after them', async () => {
    const peer = await play();
    peer.send(media(MessageType.audio, 0, Buffer.from('sound')));
    peer.send(media(MessageType.video, 40, Buffer.from('picture')));
    peer.send(userControlMessage(UserControlEvent.streamEof, STREAM));
    expect(await player?.next()).toEqual({ type: TagType.audio, timestamp: 0, body: Buffer.from('sound') });
    expect(await player?.next()).toEqual({
      type: TagType.video,
      timestamp: 40,
      body: Buffer.from('picture'),
    });
    expect(await player?.next()).toBeUndefined();
  });

  test('takes an aggregate message apart, its times counted from the message’s own', async () => {
    const part = (type: number, time: number, body: string): Buffer => {
      const head = Buffer.alloc(11);
      head[0] = type;
      head.writeUIntBE(body.length, 1, 3);
      head.writeUIntBE(time, 4, 3);
      return Buffer.concat([head, Buffer.from(body), Buffer.alloc(4)]);
    };
    const peer = await play();
    const parts = Buffer.concat([part(TagType.audio, 500, 'sound'), part(TagType.video, 523, 'picture')]);
    peer.send(media(MessageType.aggregate, 9000, parts));
    expect(await player?.next()).toMatchObject({ type: TagType.audio, timestamp: 9000 });
    expect(await player?.next()).toMatchObject({ type: TagType.video, timestamp: 9023 });
  });

  test('that is not asked for more makes the server wait, and loses nothing', async () => {
    const peer = await play();
    for (let at = 0; at < BIG_COUNT; at++) {
      peer.send(media(MessageType.video, at, Buffer.alloc(BIG_BYTES, at)));
    }
    let last = -1;
    let still = 0;
    await waitFor(
      'the server to be held up',
      () => {
        still = peer.bytesFlushed === last && peer.pendingBytes > 0 ? still + 1 : 0;
        last = peer.bytesFlushed;
        return still >= STILL_LOOKS;
      },
      { state: () => peer.pendingBytes },
    );
    for (let at = 0; at < BIG_COUNT; at++) {
      const tag = await player?.next();
      expect([tag?.timestamp, tag?.body.length, tag?.body[0]]).toEqual([at, BIG_BYTES, at]);
    }
  });

  test('is told why the server will not play, without the name it asked for', async () => {
    const peer = await play();
    const info = {
      level: 'error',
      code: 'NetStream.Play.StreamNotFound',
      description: 'no secret-name here',
    };
    peer.send(commandMessage({ name: 'onStatus', transactionId: 0, args: [null, info] }, STREAM));
    await expect(player?.next()).rejects.toThrow(/refused to play: NetStream.Play.StreamNotFound: no … here/);
  });

  test('is told when the connection breaks, after what came before', async () => {
    const peer = await play();
    peer.send(media(MessageType.audio, 0, Buffer.from('sound')));
    await peer.end(1000);
    expect(await player?.next()).toMatchObject({ type: TagType.audio });
    await expect(player?.next()).rejects.toThrow(/the server closed the connection/);
  });
});
