import type { RemoteInfo } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { systemClock } from '../base/clock.js';
import { InvalidStateError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { createDtlsCertificate, type DtlsCertificate } from './dtls/werift-dtls.js';
import { TooManyConnectionsError } from './errors.js';
import { candidateAddresses, otherFamily } from './ice/local-addresses.js';
import type { Path } from './ice/path.js';
import { looksLikeStun, parseStun } from './ice/stun.js';
import { TcpPort } from './ice/tcp-port.js';
import { UdpPort, udpPathKey } from './ice/udp-port.js';
import { RtcConnection, type ConnectionRouting } from './rtc-connection.js';
import type { LocalCandidate } from './sdp/answer.js';
import { planOffer } from './sdp/offer-policy.js';
import type { Direction } from './types.js';

export interface WebRtcServerOptions {
  /** Address to bind; `0.0.0.0` for all of IPv4, `::` for all of both families. Default `127.0.0.1`. */
  readonly host?: string;
  /** UDP port of every connection; 0 takes a free one. Default 0. */
  readonly udpPort?: number;
  /** ICE-TCP (RFC 6544) listens here; 0 takes a free port; absent means no ICE-TCP. */
  readonly tcpPort?: number;
  /** Addresses named in answers instead of the bound ones (NAT, port forwarding). */
  readonly advertisedAddresses?: readonly string[];
  /** Also bind IPv6 on the same port, beside an IPv4 `host`. */
  readonly ipv6?: boolean;
  /** Default 1000. */
  readonly maxConnections?: number;
  /** Connections of one `source` that have not connected yet. Default 32. */
  readonly maxPendingPerSource?: number;
  /** A connected publisher that sends nothing authentic for so long is gone. Default 4500 ms. */
  readonly livenessMs?: number;
  /**
   * The same for players, who may have nothing to send but a consent check every 4–6 s (RFC 7675 §5.1) while their
   * source rests. Default 10000 ms.
   */
  readonly playerLivenessMs?: number;
  /** Time from the answer to the end of the DTLS handshake. Default 15000 ms. */
  readonly handshakeTimeoutMs?: number;
  readonly logger?: Logger;
}

export interface AnswerOptions {
  readonly direction: Direction;
  /** Who asked, e.g. the HTTP client's address; counts against `maxPendingPerSource`. */
  readonly source?: string;
  /** Sending: the H.264 profile-level-id of the stream, so that the nearest offered one is chosen. */
  readonly profileLevelId?: string;
  /** Closes the connection when aborted. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly answerSdp: string;
  readonly connection: RtcConnection;
}

const TIMEOUT_CHECK_MS = 250;
const FAILURE_LOG_INTERVAL_US = 1_000_000;

/** Media of many peers on one UDP port (and one TCP port): ICE-lite, DTLS, SRTP. */
export class WebRtcServer {
  readonly #options: Required<Omit<WebRtcServerOptions, 'tcpPort'>>;
  readonly #certificate: DtlsCertificate;
  readonly #connections = new Set<RtcConnection>();
  readonly #byUfrag = new Map<string, RtcConnection>();
  readonly #byPath = new Map<string, RtcConnection>();
  readonly #pendingBySource = new Map<string, number>();
  readonly #udp: UdpPort[] = [];
  #tcp: TcpPort | undefined;
  #candidates: readonly LocalCandidate[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #failureLoggedUs = -FAILURE_LOG_INTERVAL_US;

  private constructor(options: WebRtcServerOptions, certificate: DtlsCertificate) {
    const host = options.host ?? '127.0.0.1';
    this.#certificate = certificate;
    this.#options = {
      host,
      udpPort: options.udpPort ?? 0,
      advertisedAddresses: options.advertisedAddresses ?? [],
      ipv6: isIPv6(host) || (options.ipv6 ?? false),
      maxConnections: options.maxConnections ?? 1000,
      maxPendingPerSource: options.maxPendingPerSource ?? 32,
      livenessMs: options.livenessMs ?? 4_500,
      playerLivenessMs: options.playerLivenessMs ?? 10_000,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 15_000,
      logger: options.logger ?? silentLogger,
    };
  }

  /** @throws DestinationError when a port cannot be bound, InvalidOptionError for a bad advertised address */
  static async open(options: WebRtcServerOptions = {}): Promise<WebRtcServer> {
    const server = new WebRtcServer(options, await createDtlsCertificate());
    try {
      await server.#bind(options.tcpPort);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  get udpPort(): number {
    return this.#udp[0]?.port ?? 0;
  }

  get tcpPort(): number | undefined {
    return this.#tcp?.port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Entries of the routing tables, to see that nothing stays behind: connections, fragments, paths, sources. */
  get tableSizes(): readonly [number, number, number, number] {
    return [this.#connections.size, this.#byUfrag.size, this.#byPath.size, this.#pendingBySource.size];
  }

  /**
   * Answers a WHIP (`receive`) or WHEP (`send`) offer. The connection then waits for the peer's ICE checks.
   *
   * @throws OversizedOfferError (413), MalformedMediaError (400), UnsupportedMediaError naming what is supported (4xx),
   *   TooManyConnectionsError (503)
   */
  // eslint-disable-next-line @typescript-eslint/require-await -- callers need not know that nothing has to be awaited
  async answer(offerSdp: string, options: AnswerOptions): Promise<Answer> {
    if (this.#closed) throw new InvalidStateError('the WebRTC server is closed');
    const plan = planOffer(offerSdp, options);
    options.signal?.throwIfAborted();
    const release = this.#admit(options.source);
    const connection = new RtcConnection({
      direction: options.direction,
      plan,
      certificate: this.#certificate,
      candidates: this.#candidates,
      nowUs: systemClock.nowUs(),
      routing: this.#routing,
    });
    this.#connections.add(connection);
    const abort = (): void => connection.close();
    options.signal?.addEventListener('abort', abort, { once: true });
    const log = this.#options.logger.child({ connection: connection.id.slice(0, 8), to: options.direction });
    connection.once('connected', () => {
      release();
      log.debug({ remote: connection.remoteAddress }, 'webrtc connected');
    });
    connection.once('closed', (reason) => {
      release();
      options.signal?.removeEventListener('abort', abort);
      log.debug({ reason }, 'webrtc closed');
    });
    return { answerSdp: connection.answerSdp, connection };
  }

  /** Closes every connection and the sockets. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close();
    await Promise.all([this.#tcp?.close(), ...this.#udp.map((port) => port.close())]);
  }

  async #bind(tcpPort: number | undefined): Promise<void> {
    const { host, ipv6, udpPort } = this.#options;
    const addresses = candidateAddresses(this.#options);
    const open = async (address: string, port: number): Promise<UdpPort> => {
      const family = isIPv6(address) ? 6 : 4;
      const onDatagram = (datagram: Buffer, from: RemoteInfo): void => this.#receiveUdp(udp, datagram, from);
      const udp: UdpPort = await UdpPort.open({ host: address, port, family, onDatagram });
      this.#udp.push(udp);
      return udp;
    };
    const first = await open(host, udpPort);
    const twin = otherFamily({ host, ipv6 });
    if (twin !== undefined) await open(twin, first.port);
    if (tcpPort !== undefined) {
      this.#tcp = await TcpPort.open({
        host,
        port: tcpPort,
        onDatagram: (datagram, path) => this.#receiveSafely(datagram, path.key, () => path),
        onPathClosed: (path) => this.#byPath.get(path.key)?.pathClosed(path),
      });
    }
    const tcp = this.#tcp;
    this.#candidates = [
      ...addresses.map((address) => ({ address, port: first.port, transport: 'udp' as const })),
      ...(tcp === undefined
        ? []
        : addresses
            .filter((address) => host === '::' || isIPv6(address) === isIPv6(host))
            .map((address) => ({ address, port: tcp.port, transport: 'tcp' as const }))),
    ];
    const limits = {
      publisherLivenessUs: this.#options.livenessMs * 1000,
      playerLivenessUs: this.#options.playerLivenessMs * 1000,
      handshakeUs: this.#options.handshakeTimeoutMs * 1000,
    };
    this.#timer = setInterval(() => {
      const nowUs = systemClock.nowUs();
      for (const connection of this.#connections) connection.checkTimeouts(nowUs, limits);
    }, TIMEOUT_CHECK_MS);
  }

  #receiveUdp(udp: UdpPort, datagram: Buffer, from: RemoteInfo): void {
    const { address, port } = from;
    this.#receiveSafely(datagram, udpPathKey(address, port), () => udp.path(address, port));
  }

  /** A defect in whoever listens to a connection costs one datagram, not the service. */
  #receiveSafely(datagram: Buffer, pathKey: string, makePath: () => Path): boolean {
    try {
      return this.#receive(datagram, pathKey, makePath);
    } catch (error) {
      const nowUs = systemClock.nowUs();
      if (nowUs - this.#failureLoggedUs > FAILURE_LOG_INTERVAL_US) {
        this.#failureLoggedUs = nowUs;
        this.#options.logger.error({ err: error }, 'webrtc datagram handler failed');
      }
      return true;
    }
  }

  /** Returns whether the sender is known. A stranger's datagram leaves nothing behind unless it is authentic STUN. */
  #receive(datagram: Buffer, pathKey: string, makePath: () => Path): boolean {
    const nowUs = systemClock.nowUs();
    if (!looksLikeStun(datagram)) {
      const connection = this.#byPath.get(pathKey);
      connection?.receive(datagram, nowUs);
      return connection !== undefined;
    }
    const message = parseStun(datagram);
    const ufrag = message?.username?.split(':', 1)[0];
    if (message === undefined || ufrag === undefined) return this.#byPath.has(pathKey);
    const connection = this.#byUfrag.get(ufrag);
    return connection?.receiveStun(datagram, message, makePath(), nowUs) ?? false;
  }

  readonly #routing: ConnectionRouting = {
    addUfrag: (ufrag, connection) => void this.#byUfrag.set(ufrag, connection),
    removeUfrag: (ufrag) => void this.#byUfrag.delete(ufrag),
    addPath: (path, connection) => {
      const former = this.#byPath.get(path.key);
      if (former?.isAlive(systemClock.nowUs()) === true) return false;
      this.#byPath.set(path.key, connection);
      // A peer that begins anew from the same address: the address is the new session's.
      former?.pathClosed(path);
      return true;
    },
    removePath: (path, connection) => {
      if (this.#byPath.get(path.key) === connection) this.#byPath.delete(path.key);
    },
    removeConnection: (connection) => void this.#connections.delete(connection),
  };

  /** Counts a connection against the limits until the returned function is called. */
  #admit(source: string | undefined): () => void {
    const { maxConnections, maxPendingPerSource } = this.#options;
    if (this.#connections.size >= maxConnections)
      throw new TooManyConnectionsError(`expected at most ${maxConnections} WebRTC connections`);
    if (source === undefined) return () => undefined;
    const pending = this.#pendingBySource.get(source) ?? 0;
    if (pending >= maxPendingPerSource)
      throw new TooManyConnectionsError(
        `expected at most ${maxPendingPerSource} connections from ${source} that have not connected yet`,
      );
    this.#pendingBySource.set(source, pending + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = (this.#pendingBySource.get(source) ?? 1) - 1;
      if (left === 0) this.#pendingBySource.delete(source);
      else this.#pendingBySource.set(source, left);
    };
  }
}
