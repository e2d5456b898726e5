import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { DestinationError, MalformedMediaError } from '../base/errors.js';

/**
 * The simple handshake (§5.2). The four zero bytes after the time tell the peer that no digest is used; peers that
 * offer one all the same (Flash, ffmpeg) accept that, and their own digests are echoed unread.
 */
const VERSION = 3;
const PACKET_BYTES = 1536;

function packet(): Buffer {
  return Buffer.concat([Buffer.alloc(8), randomBytes(PACKET_BYTES - 8)]);
}

/** C1 or S1 given back: its time, the time it was read (left at 0), its random bytes (§5.2.4). */
function echo(received: Buffer): Buffer {
  const out = Buffer.from(received);
  out.writeUInt32BE(0, 4);
  return out;
}

/** @throws DestinationError when the server speaks another version, or the socket ends before it is done */
export async function handshakeAsClient(socket: Socket): Promise<void> {
  socket.write(Buffer.concat([Buffer.from([VERSION]), packet()]));
  const s0s1 = await readExactly(socket, 1 + PACKET_BYTES);
  if (s0s1[0] !== VERSION) {
    throw new DestinationError(`RTMP handshake: expected version 3, got ${s0s1[0]}`, {
      hint: 'Is this address an RTMP server?',
    });
  }
  socket.write(echo(s0s1.subarray(1)));
  await readExactly(socket, PACKET_BYTES);
}

/** @throws MalformedMediaError when the client does not speak RTMP */
export async function handshakeAsServer(socket: Socket): Promise<void> {
  // The version alone first: what is no RTMP is not waited for.
  const c0 = await readExactly(socket, 1);
  if (c0[0] !== VERSION) {
    throw new MalformedMediaError(`RTMP handshake: expected version 3, got ${c0[0]}`, { offset: 0 });
  }
  const c1 = await readExactly(socket, PACKET_BYTES);
  socket.write(Buffer.concat([Buffer.from([VERSION]), packet(), echo(c1)]));
  await readExactly(socket, PACKET_BYTES);
}

/** Reads so many bytes and not one more: what follows stays in the paused socket. */
function readExactly(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      socket.off('readable', tryRead).off('end', ended).off('close', ended).off('error', failed);
      outcome();
    };
    const tryRead = (): void => {
      const data = socket.read(bytes) as Buffer | null;
      if (data === null) return;
      // At its end a socket gives out whatever is left.
      if (data.length < bytes) ended();
      else settle(() => resolve(data));
    };
    const ended = (): void =>
      settle(() => reject(new DestinationError('RTMP handshake: the peer closed the connection')));
    const failed = (error: Error): void =>
      settle(() => reject(new DestinationError(`RTMP handshake: ${error.message}`, { cause: error })));
    socket.on('readable', tryRead).on('end', ended).on('close', ended).on('error', failed);
    if (socket.destroyed) ended();
    else tryRead();
  });
}
