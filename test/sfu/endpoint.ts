import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '../../src/base/logger.js';
import type { PacketSource } from '../../src/sfu/packet-source.js';
import type { Publication } from '../../src/sfu/publication.js';
import { Sfu } from '../../src/sfu/sfu.js';
import type { Subscription } from '../../src/sfu/subscription.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';

export interface EndpointOptions {
  /** Applied to offers before they reach the SFU. */
  readonly rewriteOffer?: (sdp: string) => string;
}

/** A bare WHIP and WHEP endpoint over the SFU: POST /whip, POST /whep/<name of a source>, an empty page at /. */
export class Endpoint {
  readonly publications: Publication[] = [];
  readonly subscriptions: Subscription[] = [];
  /** What viewers can ask for by name. `latest` is the newest publication. */
  readonly sources = new Map<string, PacketSource>();

  private constructor(
    readonly webrtc: WebRtcServer,
    readonly sfu: Sfu,
    readonly http: Server,
    readonly options: EndpointOptions,
  ) {}

  static async open(options: EndpointOptions = {}): Promise<Endpoint> {
    const webrtc = await WebRtcServer.open({ host: '127.0.0.1' });
    const sfu = Sfu.open({ webrtc, logger: silentLogger });
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const endpoint = new Endpoint(webrtc, sfu, http, options);
    http.on('request', (request, response) => void endpoint.#answer(request, response));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await this.sfu.close();
    await this.webrtc.close();
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => this.http.close(() => resolve()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '/';
    response.setHeader('access-control-allow-origin', '*');
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-headers', '*');
      response.end();
      return;
    }
    if (request.method !== 'POST') {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>sfu</title><video id="v" autoplay muted playsinline></video>');
      return;
    }
    try {
      const offer = (this.options.rewriteOffer ?? ((sdp) => sdp))(Buffer.concat(chunks).toString());
      const sdp = path.startsWith('/whip') ? await this.#publish(offer) : await this.#subscribe(offer, path);
      response.writeHead(201, { 'content-type': 'application/sdp', location: `${path}/session` });
      response.end(sdp);
    } catch (error) {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.end(String(error));
    }
  }

  async #publish(offer: string): Promise<string> {
    const { answerSdp, publication } = await this.sfu.publish(offer);
    this.publications.push(publication);
    this.sources.set('latest', publication);
    return answerSdp;
  }

  async #subscribe(offer: string, path: string): Promise<string> {
    const source = this.sources.get(path.split('/')[2] ?? 'latest');
    if (!source) throw new Error(`no source ${path}`);
    const { answerSdp, subscription } = await this.sfu.subscribe(offer, source);
    this.subscriptions.push(subscription);
    return answerSdp;
  }
}
