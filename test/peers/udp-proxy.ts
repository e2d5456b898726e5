import { createSocket, type Socket } from 'node:dgram';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** How one direction of the link treats datagrams. */
export interface Impairment {
  /** Probability of loss, 0…1. */
  readonly loss?: number;
  readonly delayMs?: number;
  /** A random delay from 0 to this is added to each; the order stays. */
  readonly jitterMs?: number;
  /** Probability that a datagram is held back by {@link reorderMs} while later ones pass it. */
  readonly reorder?: number;
  readonly reorderMs?: number;
  /** Probability that a datagram arrives twice. */
  readonly duplicate?: number;
  /** Probability that a copy with some of its bytes changed goes before it, from the same address. */
  readonly damagedCopy?: number;
}

export interface UdpProxyOptions {
  /** UDP port of the server on 127.0.0.1. */
  readonly serverPort: number;
  /** Base address of the server's HTTP, to be reached through {@link UdpProxy.httpUrl} with its answers rewritten. */
  readonly httpServer?: string;
  readonly toServer?: Impairment;
  readonly toClient?: Impairment;
  /** The same seed gives the same losses for the same datagrams. */
  readonly seed?: number;
}

export interface LinkCounters {
  passed: number;
  lost: number;
}

/**
 * A bad network between WebRTC clients and a server on this machine. Datagrams go through {@link udpPort}; so that ICE
 * goes there, the SDP answers of the server have their candidates rewritten: by {@link rewriteSdp}, or by using
 * {@link httpUrl} in place of the server's own address.
 */
export class UdpProxy {
  readonly #front: Socket;
  readonly #options: UdpProxyOptions;
  readonly #clients = new Map<string, Socket>();
  readonly #flows = new Map<string, DelayLine>();
  readonly #random: () => number;
  readonly #http: Server | undefined;
  #toServer: Impairment;
  #toClient: Impairment;
  #closed = false;
  readonly towardsServer: LinkCounters = { passed: 0, lost: 0 };
  readonly towardsClient: LinkCounters = { passed: 0, lost: 0 };

  private constructor(front: Socket, http: Server | undefined, options: UdpProxyOptions) {
    this.#front = front;
    this.#http = http;
    this.#options = options;
    this.#toServer = options.toServer ?? {};
    this.#toClient = options.toClient ?? {};
    this.#random = seededRandom(options.seed ?? 1);
    front.on('message', (datagram, from) => this.#fromClient(datagram, from.address, from.port));
    http?.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#forward(request, response),
    );
  }

  static async open(options: UdpProxyOptions): Promise<UdpProxy> {
    const front = createSocket('udp4');
    await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve));
    const http = options.httpServer === undefined ? undefined : createServer();
    if (http !== undefined) await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new UdpProxy(front, http, options);
  }

  /** Where clients must send their datagrams. */
  get udpPort(): number {
    return this.#front.address().port;
  }

  /** The server's HTTP, with this link as its only candidate. @throws Error when opened without `httpServer` */
  get httpUrl(): string {
    if (this.#http === undefined) throw new Error('the proxy was opened without httpServer');
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Changes the link from now on. */
  impair(toServer: Impairment, toClient: Impairment = {}): void {
    this.#toServer = toServer;
    this.#toClient = toClient;
  }

  /** An SDP whose only candidate is this link. */
  rewriteSdp(sdp: string): string {
    let seen = false;
    return sdp
      .split('\r\n')
      .flatMap((line) => {
        if (line.startsWith('m=')) seen = false;
        const match = /^(a=candidate:\S+ \d+) udp (\d+) \S+ \d+ typ host.*$/i.exec(line);
        if (match !== null && !seen) {
          seen = true;
          return [`${match[1]} udp ${match[2]} 127.0.0.1 ${this.udpPort} typ host`];
        }
        return line.startsWith('a=candidate:') ? [] : [line];
      })
      .join('\r\n');
  }

  /** Sends a datagram of another's making to the server from the addresses of all clients: a forger on their network. */
  forge(datagram: Buffer): void {
    for (const socket of this.#clients.values()) {
      socket.send(datagram, this.#options.serverPort, '127.0.0.1');
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const line of this.#flows.values()) line.close();
    for (const socket of [this.#front, ...this.#clients.values()]) {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    }
    this.#http?.closeAllConnections();
    await new Promise<void>((resolve) =>
      this.#http === undefined ? resolve() : this.#http.close(() => resolve()),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #fromClient(datagram: Buffer, address: string, port: number): void {
    const client = `${address}:${port}`;
    let socket = this.#clients.get(client);
    if (socket === undefined) {
      // A port of its own for each client, so that the server can tell them apart.
      socket = createSocket('udp4');
      socket.on('message', (answer) =>
        this.#pass(answer, this.#toClient, this.towardsClient, `<${client}`, (data) =>
          this.#front.send(data, port, address),
        ),
      );
      this.#clients.set(client, socket);
    }
    const upstream = socket;
    this.#pass(datagram, this.#toServer, this.towardsServer, `>${client}`, (data) =>
      upstream.send(data, this.#options.serverPort, '127.0.0.1'),
    );
  }

  #pass(
    datagram: Buffer,
    link: Impairment,
    counters: LinkCounters,
    flow: string,
    send: (data: Buffer) => void,
  ): void {
    if (this.#closed) return;
    if (this.#random() < (link.loss ?? 0)) {
      counters.lost++;
      return;
    }
    counters.passed++;
    if (this.#random() < (link.damagedCopy ?? 0)) send(this.#damage(datagram));
    const copies = this.#random() < (link.duplicate ?? 0) ? 2 : 1;
    const delayMs = (link.delayMs ?? 0) + this.#random() * (link.jitterMs ?? 0);
    const heldBack = this.#random() < (link.reorder ?? 0);
    let line = this.#flows.get(flow);
    if (line === undefined) this.#flows.set(flow, (line = new DelayLine()));
    const deliver = (): void => {
      for (let copy = 0; copy < copies && !this.#closed; copy++) send(datagram);
    };
    if (heldBack) line.overtaken(deliver, delayMs + (link.reorderMs ?? 10));
    else line.inOrder(deliver, delayMs);
  }

  /** Changes a few bytes anywhere, and sometimes the length. */
  #damage(datagram: Buffer): Buffer {
    const copy = Buffer.from(datagram);
    const bytes = 1 + Math.floor(this.#random() * 4);
    for (let i = 0; i < bytes; i++) {
      const at = Math.floor(this.#random() * copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 + Math.floor(this.#random() * 255));
    }
    return this.#random() < 0.2 ? copy.subarray(0, Math.floor(this.#random() * copy.length)) : copy;
  }

  /** Hands an HTTP request on, and its answer back; SDP has its candidates rewritten on the way. */
  #forward(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.#options.httpServer);
    const headers = { ...request.headers, host: url.host };
    const upstream = httpRequest(url, { method: request.method ?? 'GET', headers }, (answer) => {
      const isSdp = answer.headers['content-type']?.startsWith('application/sdp') === true;
      if (!isSdp) {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const body = Buffer.from(this.rewriteSdp(Buffer.concat(chunks).toString('utf8')));
        const answered: OutgoingHttpHeaders = { ...answer.headers, 'content-length': body.length };
        delete answered['transfer-encoding'];
        response.writeHead(answer.statusCode ?? 502, answered);
        response.end(body);
      });
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }
}

/** Deliveries of one flow that are due later. */
class DelayLine {
  readonly #queue: { readonly dueMs: number; readonly deliver: () => void }[] = [];
  readonly #heldBack = new Set<NodeJS.Timeout>();
  #timer: NodeJS.Timeout | undefined;
  #lastDueMs = 0;

  /** Delivers after `delayMs`, but not before what was put in before. */
  inOrder(deliver: () => void, delayMs: number): void {
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + delayMs);
    if (this.#queue.length === 0 && delayMs === 0) return deliver();
    this.#queue.push({ dueMs: this.#lastDueMs, deliver });
    this.#schedule();
  }

  /** Delivers after `delayMs`, whatever else goes by in the meantime. */
  overtaken(deliver: () => void, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#heldBack.delete(timer);
      deliver();
    }, delayMs);
    this.#heldBack.add(timer);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const timer of this.#heldBack) clearTimeout(timer);
  }

  #schedule(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        for (
          let next = this.#queue[0];
          next !== undefined && next.dueMs <= performance.now();
          next = this.#queue[0]
        ) {
          this.#queue.shift();
          next.deliver();
        }
        this.#schedule();
      },
      Math.max(0, first.dueMs - performance.now()),
    );
  }
}

/** mulberry32: small, fast and the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
