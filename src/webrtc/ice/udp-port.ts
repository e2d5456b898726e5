import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { DestinationError } from '../../base/errors.js';
import type { Path } from './path.js';

/** Room for a burst of keyframes from many publishers while the event loop is busy. */
const SOCKET_BUFFER_BYTES = 4 << 20;

export interface UdpPortOptions {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly onDatagram: (datagram: Buffer, from: RemoteInfo) => void;
}

/** One bound UDP socket. */
export class UdpPort {
  readonly #socket: Socket;
  readonly port: number;
  #closed: Promise<void> | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
  }

  /** @throws DestinationError when the address cannot be bound */
  static async open(options: UdpPortOptions): Promise<UdpPort> {
    const socket = createSocket({
      type: options.family === 4 ? 'udp4' : 'udp6',
      ipv6Only: options.family === 6,
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses are always numeric here: answering at once spares each packet a turn of the event loop.
      lookup: (address, _options, done) => done(null, address, options.family),
    });
    try {
      // With such a lookup the socket may listen before bind() returns.
      const listening = once(socket, 'listening');
      socket.bind(options.port, options.host);
      await listening;
    } catch (cause) {
      socket.close();
      throw new DestinationError(
        `UDP cannot bind ${options.host}:${options.port}: ${(cause as Error).message}`,
        {
          hint: 'Choose another UDP port, or end what is listening there.',
          cause,
        },
      );
    }
    // Later errors (an unreachable peer's ICMP answer) concern one datagram, not the socket.
    socket.on('error', () => undefined);
    socket.on('message', options.onDatagram);
    return new UdpPort(socket);
  }

  path(address: string, port: number): Path {
    return new UdpPath(this.#socket, address, port);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closed;
  }
}

export function udpPathKey(address: string, port: number): string {
  return `${address}|${port}`;
}

class UdpPath implements Path {
  readonly key: string;
  readonly #socket: Socket;

  constructor(
    socket: Socket,
    readonly address: string,
    readonly port: number,
  ) {
    this.key = udpPathKey(address, port);
    this.#socket = socket;
  }

  send(datagram: Buffer): void {
    try {
      this.#socket.send(datagram, this.port, this.address);
    } catch {
      // The socket is closing: the datagram is lost like any other.
    }
  }
}
