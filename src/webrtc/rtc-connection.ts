import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { DtlsCertificate } from './dtls/werift-dtls.js';
import { IceLiteAgent } from './ice/ice-lite-agent.js';
import type { Path } from './ice/path.js';
import type { StunMessage } from './ice/stun.js';
import { mediaRoutes, type MediaRoutes } from './media-routes.js';
import { writeAnswer, writeRestartFragment, type LocalCandidate } from './sdp/answer.js';
import { parseFragment } from './sdp/fragment.js';
import type { OfferPlan } from './sdp/offer-policy.js';
import { SecureSession } from './secure-session.js';
import type {
  CloseReason,
  Direction,
  MediaEvents,
  NegotiatedSession,
  OutgoingRtp,
  TransportStats,
} from './types.js';

/** What a trickle PATCH (RFC 9725 §4.3) came to. `restarted`: answer 200 with the body and the new ETag. */
export type PatchResult =
  { readonly kind: 'trickled' } | { readonly kind: 'restarted'; readonly sdpFragment: string };

export interface RtcConnectionOptions {
  readonly direction: Direction;
  readonly plan: OfferPlan;
  readonly certificate: DtlsCertificate;
  readonly candidates: readonly LocalCandidate[];
  readonly nowUs: number;
  /** The routing tables of the server that owns the sockets. */
  readonly routing: ConnectionRouting;
}

/** How long a connection may be silent, in µs. */
export interface ConnectionLimits {
  readonly publisherLivenessUs: number;
  readonly playerLivenessUs: number;
  readonly handshakeUs: number;
}

export interface ConnectionRouting {
  readonly addUfrag: (ufrag: string, connection: RtcConnection) => void;
  readonly removeUfrag: (ufrag: string) => void;
  /** False when the path is another connection's, which is alive. */
  readonly addPath: (path: Path, connection: RtcConnection) => boolean;
  readonly removePath: (path: Path, connection: RtcConnection) => void;
  readonly removeConnection: (connection: RtcConnection) => void;
}

/** Longer than any peer is silent while it sends media or feedback. */
const ALIVE_US = 2_000_000;

/** One peer of a server: a WHIP publisher or a WHEP player. Made by `WebRtcServer.answer`. */
export class RtcConnection extends EventEmitter<MediaEvents> {
  /** Unguessable: fit for the path of a session's URL. */
  readonly id = randomBytes(16).toString('hex');
  readonly direction: Direction;
  readonly media: NegotiatedSession;
  readonly #options: RtcConnectionOptions;
  readonly #routes: MediaRoutes;
  readonly #ice: IceLiteAgent;
  readonly #session: SecureSession;
  readonly #ufrags = new Set<string>();
  #state: 'connecting' | 'connected' | 'closed' = 'connecting';
  /** System clock: when the peer last proved to be there, or when the connection was made. */
  #heardUs: number;

  constructor(options: RtcConnectionOptions) {
    super();
    this.#options = options;
    this.#heardUs = options.nowUs;
    this.direction = options.direction;
    const taken = options.plan.sections.flatMap(({ media }) => (media === undefined ? [] : [media]));
    const audio = taken.find(({ kind }) => kind === 'audio');
    const video = taken.find(({ kind }) => kind === 'video');
    this.media = { ...(audio && { audio }), ...(video && { video }) };
    this.#routes = mediaRoutes(this.media);
    this.#ice = new IceLiteAgent(options.plan.remoteUfrag, {
      onPathAdded: (path) => options.routing.addPath(path, this),
      onPathRemoved: (path) => options.routing.removePath(path, this),
    });
    this.#registerUfrags();
    this.#session = new SecureSession({
      role: 'server',
      certificate: options.certificate,
      fingerprints: options.plan.fingerprints,
      send: (datagram) => this.#ice.selected?.send(datagram),
      onConnected: () => this.#connected(),
      onEnded: (end) => this.#close(end),
      onRtp: (packet, arrivalUs) => {
        const route = this.#routes[packet.payloadType];
        if (route !== undefined) this.emit('rtp', packet, route.kind, route.isRtx, arrivalUs);
      },
      onRtcp: (compound, arrivalUs) => this.emit('rtcp', compound, arrivalUs),
    });
  }

  /** Entity tag of the ICE session, quotes included (RFC 9725 §4.3.1). Changes at an ICE restart. */
  get etag(): string {
    return `"${this.#ice.local.ufrag}"`;
  }

  get state(): 'connecting' | 'connected' | 'closed' {
    return this.#state;
  }

  get answerSdp(): string {
    return writeAnswer(this.#answerParts());
  }

  /** Address of the peer on the path in use, `undefined` before its first nomination. */
  get remoteAddress(): string | undefined {
    return this.#ice.selected?.address;
  }

  /**
   * Applies a trickle ICE fragment (RFC 8840). Candidates need nothing done: the peer checks us, not we the peer.
   * Other credentials than the session's are an ICE restart.
   *
   * @throws MalformedMediaError when it is not one
   */
  patch(sdpFragment: string): PatchResult {
    const { ufrag } = parseFragment(sdpFragment);
    if (this.#state === 'closed' || ufrag === this.#ice.remoteUfrag) return { kind: 'trickled' };
    this.#ice.restart(ufrag);
    this.#registerUfrags();
    return { kind: 'restarted', sdpFragment: writeRestartFragment(this.#answerParts()) };
  }

  /** Encrypts and sends one packet; drops it silently unless connected. */
  sendRtp(packet: OutgoingRtp): void {
    this.#session.sendRtp(packet);
  }

  /** Encrypts and sends one compound RTCP packet; drops it silently unless connected. */
  sendRtcp(compound: Buffer): void {
    this.#session.sendRtcp(compound);
  }

  stats(): TransportStats {
    return this.#session.stats();
  }

  /** Says goodbye and frees everything. Idempotent. Emits 'closed' once. */
  close(): void {
    this.#close('closed-locally');
  }

  /** @internal A STUN message for one of our fragments. Returns whether it was authentic. */
  receiveStun(datagram: Buffer, message: StunMessage, path: Path, arrivalUs: number): boolean {
    if (this.#state === 'closed') return false;
    const authentic = this.#ice.receive(datagram, message, path);
    if (authentic && this.#state === 'connected') this.#heardUs = arrivalUs;
    return authentic;
  }

  /** @internal A datagram from a path this connection opened. */
  receive(datagram: Buffer, arrivalUs: number): void {
    if (this.#session.receive(datagram, arrivalUs)) this.#heardUs = arrivalUs;
  }

  /** @internal The socket of a path is gone. */
  pathClosed(path: Path): void {
    this.#ice.removePath(path);
  }

  /** @internal Whether the peer has proved to be there a moment ago. */
  isAlive(nowUs: number): boolean {
    return this.#state === 'connected' && nowUs - this.#heardUs < ALIVE_US;
  }

  /** @internal Called a few times a second. */
  checkTimeouts(nowUs: number, limits: ConnectionLimits): void {
    const silentUs = nowUs - this.#heardUs;
    const { publisherLivenessUs, playerLivenessUs, handshakeUs } = limits;
    const livenessUs = this.direction === 'receive' ? publisherLivenessUs : playerLivenessUs;
    if (this.#state === 'connected' && silentUs > livenessUs) this.#close('silent');
    if (this.#state === 'connecting' && silentUs > handshakeUs) this.#close('handshake-timeout');
  }

  #connected(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'connected';
    this.#heardUs = Number(process.hrtime.bigint() / 1000n);
    this.emit('connected');
  }

  #close(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#session.close();
    this.#ice.close();
    for (const ufrag of this.#ufrags) this.#options.routing.removeUfrag(ufrag);
    this.#options.routing.removeConnection(this);
    this.emit('closed', reason);
  }

  #registerUfrags(): void {
    const current = this.#ice.localUfrags;
    for (const ufrag of this.#ufrags) {
      if (current.includes(ufrag)) continue;
      this.#ufrags.delete(ufrag);
      this.#options.routing.removeUfrag(ufrag);
    }
    for (const ufrag of current) {
      this.#ufrags.add(ufrag);
      this.#options.routing.addUfrag(ufrag, this);
    }
  }

  #answerParts(): Parameters<typeof writeAnswer>[0] {
    return {
      sessionId: BigInt(`0x${this.id.slice(0, 15)}`).toString(),
      direction: this.direction,
      sections: this.#options.plan.sections,
      candidates: this.#options.candidates,
      credentials: this.#ice.local,
      fingerprint: this.#options.certificate.fingerprint,
    };
  }
}
