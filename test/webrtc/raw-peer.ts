import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { buildBindingRequest, parseStun, StunClass } from '../../src/webrtc/ice/stun.js';

/** A bare UDP socket with STUN: an attacker, or a peer that does strange things. */
export class RawPeer {
  readonly #socket: Socket;
  readonly #serverPort: number;
  readonly received: Buffer[] = [];

  private constructor(socket: Socket, serverPort: number) {
    this.#socket = socket;
    this.#serverPort = serverPort;
    socket.on('message', (datagram) => this.received.push(datagram));
  }

  static async open(serverPort: number): Promise<RawPeer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new RawPeer(socket, serverPort);
  }

  get successes(): number {
    return this.received.filter((datagram) => parseStun(datagram)?.type === StunClass.success).length;
  }

  send(datagram: Buffer): Promise<void> {
    return new Promise((resolve) =>
      this.#socket.send(datagram, this.#serverPort, '127.0.0.1', () => resolve()),
    );
  }

  /** A check with USE-CANDIDATE, authentic when the password is right. */
  nominate(username: string, password: string): Promise<void> {
    return this.send(
      buildBindingRequest({
        transactionId: randomBytes(12),
        username,
        password,
        priority: 1,
        tieBreaker: randomBytes(8),
        useCandidate: true,
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
