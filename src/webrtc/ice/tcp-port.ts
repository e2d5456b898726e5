import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { DestinationError } from '../../base/errors.js';
import { looksLikeStun } from './stun.js';
import type { Path } from './path.js';

/** Connections that have not shown an authentic STUN request yet. */
const MAX_STRANGERS = 64;
const STRANGER_TIMEOUT_MS = 5_000;
/** What may wait in a socket before media is dropped: about a second of a 5 Mb/s stream. */
const MAX_QUEUED_BYTES = 640_000;

export interface TcpPortOptions {
  readonly host: string;
  readonly port: number;
  /** `path` is one per TCP connection. Returns whether the sender is known by now. */
  readonly onDatagram: (datagram: Buffer, path: Path) => boolean;
  readonly onPathClosed: (path: Path) => void;
}

/** Passive ICE-TCP (RFC 6544): datagrams behind a length in 16 bits (RFC 4571). */
export class TcpPort {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @throws DestinationError when the address cannot be bound */
  static async open(options: TcpPortOptions): Promise<TcpPort> {
    const server = createServer({ noDelay: true });
    try {
      server.listen(options.port, options.host);
      await once(server, 'listening');
    } catch (cause) {
      throw new DestinationError(
        `TCP cannot bind ${options.host}:${options.port}: ${(cause as Error).message}`,
        {
          hint: 'Choose another TCP port, or end what is listening there.',
          cause,
        },
      );
    }
    server.on('error', () => undefined);
    const port = new TcpPort(server);
    port.#accept(options);
    return port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(options: TcpPortOptions): void {
    let strangers = 0;
    this.#server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy());
      if (strangers >= MAX_STRANGERS || socket.remoteAddress === undefined) {
        socket.destroy();
        return;
      }
      strangers++;
      this.#sockets.add(socket);
      let known = false;
      const becomeKnown = (): void => {
        if (known) return;
        known = true;
        strangers--;
        clearTimeout(timer);
      };
      const timer = setTimeout(() => socket.destroy(), STRANGER_TIMEOUT_MS);
      const path = new TcpPath(socket);
      readFrames(socket, (frame) => {
        if (!known && !looksLikeStun(frame)) socket.destroy();
        else if (options.onDatagram(frame, path)) becomeKnown();
      });
      socket.on('close', () => {
        becomeKnown();
        this.#sockets.delete(socket);
        options.onPathClosed(path);
      });
    });
  }
}

class TcpPath implements Path {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    // A socket of both families tells IPv4 peers by mapped addresses; the peer knows itself by its own.
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/, '');
    this.port = socket.remotePort ?? 0;
    this.key = `tcp|${this.address}|${this.port}`;
  }

  send(datagram: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableLength > MAX_QUEUED_BYTES) return;
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(datagram.length, 0);
    this.#socket.cork();
    this.#socket.write(length);
    this.#socket.write(datagram);
    this.#socket.uncork();
  }
}

/** Calls back for each frame; holds at most one incomplete frame of 64 KiB. */
function readFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && !socket.destroyed) {
      const end = 2 + pending.readUInt16BE(0);
      if (pending.length < end) break;
      const frame = pending.subarray(2, end);
      pending = pending.subarray(end);
      if (frame.length > 0) onFrame(frame);
    }
  });
}
