import { EventEmitter, once } from 'node:events';
import { isIPv4 } from 'node:net';
import { systemClock } from '../base/clock.js';
import { CancelledError, DestinationError } from '../base/errors.js';
import { createDtlsCertificate, type DtlsCertificate } from './dtls/werift-dtls.js';
import { IceClientAgent } from './ice/ice-client-agent.js';
import { candidateAddresses } from './ice/local-addresses.js';
import { mediaRoutes } from './media-routes.js';
import { readAnswer, writeOffer, type ClientAnswer, type ClientOffer } from './sdp/client-offer.js';
import { randomSsrcs } from './ssrc.js';
import { SecureSession } from './secure-session.js';
import type {
  CloseReason,
  MediaEvents,
  MediaKind,
  NegotiatedSession,
  OutgoingRtp,
  TransportStats,
} from './types.js';
import { WhipResource } from './whip-resource.js';

export interface RtcClientOptions {
  /** WHIP or WHEP endpoint. */
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string;
  /** Default true, both. */
  readonly audio?: boolean;
  readonly video?: boolean;
  /** Local address to bind; default all. */
  readonly host?: string;
  /** Time for the HTTP exchange, ICE and DTLS together. Default 10000 ms. */
  readonly timeoutMs?: number;
  /** A server that says nothing authentic for so long is gone. Default 5000 ms. */
  readonly livenessMs?: number;
  readonly signal?: AbortSignal;
}

const LIVENESS_CHECK_MS = 250;

/** A WebRTC offerer without a browser: publishes by WHIP or plays by WHEP. Resolves once media can flow. */
export class RtcClient extends EventEmitter<MediaEvents> {
  /** What both ends agreed on; for a publisher with `ssrc` and `rtxSsrc` to send on. */
  readonly media: NegotiatedSession;
  readonly #ice: IceClientAgent;
  readonly #session: SecureSession;
  readonly #resource: WhipResource;
  #state: 'connecting' | 'connected' | 'closed' = 'connecting';
  #heardUs = systemClock.nowUs();
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(parts: {
    readonly answer: ClientAnswer;
    readonly certificate: DtlsCertificate;
    readonly ice: IceClientAgent;
    readonly resource: WhipResource;
    readonly livenessMs: number;
  }) {
    super();
    this.media = parts.answer.media;
    this.#ice = parts.ice;
    this.#resource = parts.resource;
    const routes = mediaRoutes(this.media);
    this.#session = new SecureSession({
      role: parts.answer.role,
      certificate: parts.certificate,
      fingerprints: parts.answer.fingerprints,
      send: (datagram) => this.#ice.selected?.send(datagram),
      onConnected: () => this.#connected(parts.livenessMs),
      onEnded: (end) => this.#end(end),
      onRtp: (packet, arrivalUs) => {
        const route = routes[packet.payloadType];
        if (route !== undefined) this.emit('rtp', packet, route.kind, route.isRtx, arrivalUs);
      },
      onRtcp: (compound, arrivalUs) => this.emit('rtcp', compound, arrivalUs),
    });
  }

  /** @throws DestinationError when the endpoint refuses or nothing connects in time, CancelledError */
  static publish(options: RtcClientOptions): Promise<RtcClient> {
    return RtcClient.#open(options, 'sendonly');
  }

  /** @throws DestinationError when the endpoint refuses or nothing connects in time, CancelledError */
  static play(options: RtcClientOptions): Promise<RtcClient> {
    return RtcClient.#open(options, 'recvonly');
  }

  static async #open(options: RtcClientOptions, direction: 'sendonly' | 'recvonly'): Promise<RtcClient> {
    const deadline = AbortSignal.timeout(options.timeoutMs ?? 10_000);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const certificate = await createDtlsCertificate();
    let client: RtcClient | undefined;
    const ice = await IceClientAgent.open(options.host, {
      onSelected: () => {
        if (client !== undefined) client.#session.start();
      },
      onDatagram: (datagram, arrivalUs) => {
        if (client !== undefined) client.#receive(datagram, arrivalUs);
      },
    });
    try {
      const offer = describeOffer(options, { direction, certificate, ice });
      const { resource, answerSdp } = await WhipResource.create({
        url: options.url,
        ...(options.token === undefined ? {} : { token: options.token }),
        offerSdp: writeOffer(offer),
        signal,
      });
      try {
        const answer = readAnswer(answerSdp, offer);
        const livenessMs = options.livenessMs ?? 5_000;
        client = new RtcClient({ answer, certificate, ice, resource, livenessMs });
        ice.start(answer.credentials, answer.candidates);
        await client.#untilConnected(signal);
        return client;
      } catch (error) {
        await (client?.close() ?? resource.delete());
        throw error;
      }
    } catch (error) {
      await ice.close();
      if (options.signal?.aborted === true) throw new CancelledError('cancelled', { cause: error });
      if (deadline.aborted)
        throw new DestinationError(`${options.url}: no connection in time`, { cause: error });
      throw error;
    }
  }

  get state(): 'connecting' | 'connected' | 'closed' {
    return this.#state;
  }

  sendRtp(packet: OutgoingRtp): void {
    this.#session.sendRtp(packet);
  }

  sendRtcp(compound: Buffer): void {
    this.#session.sendRtcp(compound);
  }

  /** Asks the sender of `mediaSsrc` for an IDR (PLI, RFC 4585 §6.3.1). */
  requestKeyframe(mediaSsrc: number): void {
    const pli = Buffer.alloc(12);
    pli[0] = 0x81;
    pli[1] = 206;
    pli.writeUInt16BE(2, 2);
    pli.writeUInt32BE(1, 4);
    pli.writeUInt32BE(mediaSsrc, 8);
    this.sendRtcp(pli);
  }

  stats(): TransportStats {
    return this.#session.stats();
  }

  /** Ends the session at the endpoint (DELETE) and frees everything. Idempotent. Emits 'closed' once. */
  async close(): Promise<void> {
    this.#end('closed-locally');
    await this.#closing;
  }

  #receive(datagram: Buffer, arrivalUs: number): void {
    if (this.#session.receive(datagram, arrivalUs)) this.#heardUs = arrivalUs;
  }

  #connected(livenessMs: number): void {
    this.#state = 'connected';
    this.#timer = setInterval(() => {
      const heardUs = Math.max(this.#heardUs, this.#ice.heardUs);
      if (systemClock.nowUs() - heardUs > livenessMs * 1000) this.#end('silent');
    }, LIVENESS_CHECK_MS);
    this.emit('connected');
  }

  async #untilConnected(signal: AbortSignal): Promise<void> {
    if (this.#state === 'connected') return;
    const failed = new AbortController();
    const onClosed = (reason: CloseReason): void =>
      failed.abort(new DestinationError(`WebRTC connection failed: ${reason}`));
    this.once('closed', onClosed);
    try {
      await once(this, 'connected', { signal: AbortSignal.any([signal, failed.signal]) });
    } catch (error) {
      throw failed.signal.aborted ? failed.signal.reason : error;
    } finally {
      this.off('closed', onClosed);
    }
  }

  #end(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#timer);
    this.#session.close();
    this.#closing = Promise.all([this.#resource.delete(), this.#ice.close()]).then(() => undefined);
    this.emit('closed', reason);
  }
}

function describeOffer(
  options: RtcClientOptions,
  parts: {
    readonly direction: 'sendonly' | 'recvonly';
    readonly certificate: DtlsCertificate;
    readonly ice: IceClientAgent;
  },
): ClientOffer {
  const kinds: MediaKind[] = [];
  if (options.audio ?? true) kinds.push('audio');
  if (options.video ?? true) kinds.push('video');
  const { v4, v6 } = parts.ice.localPorts;
  const addresses = candidateAddresses({
    host: options.host ?? '0.0.0.0',
    ipv6: v6 !== undefined,
    advertisedAddresses: [],
  });
  return {
    direction: parts.direction,
    kinds,
    credentials: parts.ice.local,
    fingerprint: parts.certificate.fingerprint,
    candidates: addresses.flatMap((address) => {
      const port = isIPv4(address) ? v4 : v6;
      return port === undefined ? [] : [{ address, port }];
    }),
    ssrcs: { audio: randomSsrcs(), video: randomSsrcs() },
  };
}
