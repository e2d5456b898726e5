import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { systemClock } from '../../base/clock.js';
import { randomCredentials, type IceCredentials } from './credentials.js';
import type { Path } from './path.js';
import {
  buildBindingRequest,
  buildBindingSuccess,
  looksLikeStun,
  parseStun,
  StunClass,
  verifyIntegrity,
  type StunMessage,
} from './stun.js';
import { UdpPort, udpPathKey } from './udp-port.js';

/** Pace of checks until one succeeds: fast enough that lost ones hardly delay the start. */
const CHECK_INTERVAL_MS = 50;
/** Pace of consent checks (RFC 7675 §5.1 allows 5 s; servers notice the silent sooner than that). */
const CONSENT_INTERVAL_MS = 1_000;
/** Checks are paced through the list; more candidates than this only delay the start. */
const MAX_CANDIDATES = 16;
/** Checks whose answer may still come. */
const MAX_OUTSTANDING = 64;
/** Type preference 110 (peer reflexive), RFC 8445 §7.1.1. */
const CHECK_PRIORITY = 110 * 2 ** 24 + 65_535 * 256 + 255;

export interface RemoteCandidate {
  readonly address: string;
  readonly port: number;
}

export interface IceClientEvents {
  /** A path is nominated and the peer agreed: data can flow. */
  readonly onSelected: () => void;
  /** A datagram that is not STUN, from the peer's address in use. */
  readonly onDatagram: (datagram: Buffer, arrivalUs: number) => void;
}

interface Check {
  readonly path: Path;
  readonly nominates: boolean;
}

/** A controlling ICE agent over UDP, for peers that can be reached: checks, one nomination, consent (RFC 8445, 7675). */
export class IceClientAgent {
  readonly local = randomCredentials();
  readonly #events: IceClientEvents;
  readonly #ports: { readonly v4?: UdpPort; readonly v6?: UdpPort };
  readonly #tieBreaker = randomBytes(8);
  readonly #checks = new Map<string, Check>();
  #remote: IceCredentials | undefined;
  #paths: readonly Path[] = [];
  /** The first path that answered: the one being nominated. */
  #chosen: Path | undefined;
  #selected: Path | undefined;
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;
  #heardUs = systemClock.nowUs();

  private constructor(events: IceClientEvents, ports: { v4?: UdpPort; v6?: UdpPort }) {
    this.#events = events;
    this.#ports = ports;
  }

  /**
   * Binds a free UDP port of each address family, or of `host` alone.
   *
   * @throws DestinationError when none can be bound
   */
  static async open(host: string | undefined, events: IceClientEvents): Promise<IceClientAgent> {
    const ports: { v4?: UdpPort; v6?: UdpPort } = {};
    const agent = new IceClientAgent(events, ports);
    const bind = (address: string, family: 4 | 6): Promise<UdpPort> =>
      UdpPort.open({
        host: address,
        port: 0,
        family,
        onDatagram: (datagram, from) => agent.#receive(datagram, from.address, from.port),
      });
    if (host !== undefined) {
      if (isIPv6(host)) ports.v6 = await bind(host, 6);
      else ports.v4 = await bind(host, 4);
      return agent;
    }
    ports.v4 = await bind('0.0.0.0', 4);
    // Many machines have no IPv6; then IPv4 has to do.
    await bind('::', 6).then(
      (port) => (ports.v6 = port),
      () => undefined,
    );
    return agent;
  }

  /** The bound ports by address family. */
  get localPorts(): { readonly v4: number | undefined; readonly v6: number | undefined } {
    return { v4: this.#ports.v4?.port, v6: this.#ports.v6?.port };
  }

  get selected(): Path | undefined {
    return this.#selected;
  }

  /** System clock of the last authentic STUN message. */
  get heardUs(): number {
    return this.#heardUs;
  }

  /** Begins to check the peer's candidates; those of a family without a socket are left out. */
  start(remote: IceCredentials, candidates: readonly RemoteCandidate[]): void {
    this.#remote = remote;
    this.#paths = candidates.slice(0, MAX_CANDIDATES).flatMap(({ address, port }) => {
      const path = this.#path(address, port);
      return path === undefined ? [] : [path];
    });
    this.#timer = setInterval(() => this.#checkNext(), CHECK_INTERVAL_MS);
    for (const path of this.#paths) this.#check(path, false);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all([this.#ports.v4?.close(), this.#ports.v6?.close()]);
  }

  #path(address: string, port: number): Path | undefined {
    return (isIPv6(address) ? this.#ports.v6 : this.#ports.v4)?.path(address, port);
  }

  #checkNext(): void {
    if (this.#chosen !== undefined) {
      this.#check(this.#chosen, true);
      return;
    }
    const path = this.#paths[this.#turn++ % this.#paths.length];
    if (path !== undefined) this.#check(path, false);
  }

  #check(path: Path, nominates: boolean): void {
    if (this.#remote === undefined) return;
    const transactionId = randomBytes(12);
    this.#checks.set(transactionId.toString('latin1'), { path, nominates });
    if (this.#checks.size > MAX_OUTSTANDING) {
      const [oldest] = this.#checks.keys();
      this.#checks.delete(oldest!);
    }
    path.send(
      buildBindingRequest({
        transactionId,
        username: `${this.#remote.ufrag}:${this.local.ufrag}`,
        password: this.#remote.password,
        priority: CHECK_PRIORITY,
        tieBreaker: this.#tieBreaker,
        useCandidate: nominates,
      }),
    );
  }

  #receive(datagram: Buffer, address: string, port: number): void {
    const nowUs = systemClock.nowUs();
    if (!looksLikeStun(datagram)) {
      if (this.#selected?.key === udpPathKey(address, port)) this.#events.onDatagram(datagram, nowUs);
      return;
    }
    const message = parseStun(datagram);
    if (message === undefined || this.#remote === undefined) return;
    if (message.type === StunClass.request) this.#answer(datagram, message, address, port);
    else this.#settle(datagram, message, this.#remote.password);
  }

  /** A full agent checks us too. */
  #answer(datagram: Buffer, message: StunMessage, address: string, port: number): void {
    if (message.username !== `${this.local.ufrag}:${this.#remote?.ufrag ?? ''}`) return;
    if (!verifyIntegrity(datagram, message, this.local.password)) return;
    this.#heardUs = systemClock.nowUs();
    const path = this.#path(address, port);
    path?.send(buildBindingSuccess(message, path, this.local.password));
  }

  #settle(datagram: Buffer, message: StunMessage, password: string): void {
    const id = message.transactionId.toString('latin1');
    const check = this.#checks.get(id);
    if (check === undefined || message.type !== StunClass.success) return;
    if (!verifyIntegrity(datagram, message, password)) return;
    this.#checks.delete(id);
    this.#heardUs = systemClock.nowUs();
    if (this.#chosen === undefined) {
      this.#chosen = check.path;
      this.#check(check.path, true);
      return;
    }
    if (!check.nominates || this.#selected !== undefined) return;
    this.#selected = check.path;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#check(check.path, true), CONSENT_INTERVAL_MS);
    this.#events.onSelected();
  }
}
