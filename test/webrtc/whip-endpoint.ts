import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MalformedMediaError } from '../../src/base/errors.js';
import type { RtcConnection } from '../../src/webrtc/rtc-connection.js';
import type { WebRtcServer } from '../../src/webrtc/webrtc-server.js';

const PAGE = '<!doctype html><title>peer</title><video id="video" autoplay muted playsinline></video>';

/** The smallest WHIP and WHEP over HTTP: enough for real peers to reach a {@link WebRtcServer}. */
export class WhipEndpoint {
  readonly connections: RtcConnection[] = [];
  readonly offers: string[] = [];
  /** Changes the answer on its way to the peer. */
  rewriteAnswer: (sdp: string) => string = (sdp) => sdp;
  /** Called before the answer is sent, so that no event is missed. */
  onConnection: (connection: RtcConnection) => void = () => undefined;
  readonly #http: Server;
  readonly #server: WebRtcServer;

  private constructor(http: Server, server: WebRtcServer) {
    this.#http = http;
    this.#server = server;
    http.on('request', (request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        response.statusCode = error instanceof MalformedMediaError ? 400 : 422;
        response.end(String(error));
      });
    });
  }

  static async open(server: WebRtcServer): Promise<WhipEndpoint> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new WhipEndpoint(http, server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (request.method === 'POST') {
      const direction = path.startsWith('/whip') ? 'receive' : 'send';
      const { answerSdp, connection } = await this.#server.answer(body, { direction });
      this.connections.push(connection);
      this.offers.push(body);
      this.onConnection(connection);
      response.writeHead(201, { 'content-type': 'application/sdp', location: `/session/${connection.id}` });
      response.end(this.rewriteAnswer(answerSdp));
      return;
    }
    const connection = this.connections.find(({ id }) => path === `/session/${id}`);
    if (request.method === 'DELETE') connection?.close();
    if (request.method === 'PATCH') {
      const result = connection!.patch(body);
      response.statusCode = result.kind === 'restarted' ? 200 : 204;
      response.end(result.kind === 'restarted' ? result.sdpFragment : undefined);
      return;
    }
    response.setHeader('content-type', 'text/html');
    response.end(request.method === 'GET' ? PAGE : undefined);
  }
}
