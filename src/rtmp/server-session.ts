import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.js';
import {
  asAnchorNetError,
  InternalError,
  MalformedMediaError,
  UnsupportedMediaError,
  type AnchorNetError,
} from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { amfEntries, type AmfValue } from '../container/flv/amf0.js';
import { TagType } from '../container/flv/tag.js';
import { amf0Payload, parseCommand, type RtmpCommand } from './command.js';
import { RtmpConnection } from './connection.js';
import { handshakeAsServer } from './handshake.js';
import { IdleWatch } from './idle-watch.js';
import { MessageType, type RtmpMessage } from './message.js';
import { RtmpPublication, type PublicationEnd } from './publication.js';
import { parseApp, parseStreamKey, type PublishDecision, type PublishRequest } from './publish-request.js';
import { connected, connectRejected, resultMessage, statusMessage } from './server-answers.js';

/** What a session asks of its server. */
export interface ServerSessionHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
  readonly publishTimeoutMs: number;
  readonly idleTimeoutMs: number;
  authorize(request: PublishRequest): PublishDecision | Promise<PublishDecision>;
  acceptApp(app: string): boolean;
  /** The publication begins: ends another one of the same key, then tells the world. */
  published(publication: RtmpPublication): void;
}

/** createStream is answered that often on one connection; encoders ask once. */
const MAX_STREAMS = 16;
/** How long a refused client has to read why. */
const GOODBYE_MS = 500;

/** One client of our server, from its handshake to its end. */
export class ServerSession {
  readonly #socket: Socket;
  readonly #host: ServerSessionHost;
  readonly remoteAddress: string;
  #connection: RtmpConnection | undefined;
  #app: string | undefined;
  #streams = 0;
  #publication: RtmpPublication | undefined;
  #publishStream = 0;
  #isDeciding = false;
  #endReason: PublicationEnd | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #idle: IdleWatch | undefined;
  #finished: () => void = () => undefined;
  /** Resolves when the socket is closed. */
  readonly finished: Promise<void>;

  constructor(socket: Socket, host: ServerSessionHost) {
    this.#socket = socket;
    this.#host = host;
    this.remoteAddress = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    this.finished = new Promise((resolve) => (this.#finished = resolve));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed());
    this.#within(host.handshakeTimeoutMs, 'handshake');
  }

  /** Never rejects: whatever a client does ends its own session at most. */
  async run(): Promise<void> {
    try {
      this.#socket.setNoDelay(true);
      await handshakeAsServer(this.#socket);
      this.#within(this.#host.publishTimeoutMs, 'publish');
      const connection = new RtmpConnection(this.#socket);
      this.#connection = connection;
      connection.on('message', (message) => this.#guard(() => this.#receive(message)));
      connection.on('closed', (reason) => {
        if (reason instanceof MalformedMediaError) this.#fail(reason);
      });
      connection.start();
    } catch (error) {
      this.#fail(asAnchorNetError(error));
    }
    await this.finished;
  }

  /** Ends the connection. */
  end(reason: PublicationEnd): void {
    this.#endReason ??= reason;
    this.#endPublication(this.#endReason);
    if (this.#connection === undefined) this.#socket.destroy();
    else void this.#connection.end(GOODBYE_MS);
  }

  #closed(): void {
    clearTimeout(this.#deadline);
    this.#idle?.stop();
    this.#endPublication(this.#endReason ?? 'disconnected');
    this.#finished();
  }

  #within(limitMs: number, stage: string): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      this.#host.logger.debug({ remote: this.remoteAddress, stage }, 'RTMP client took too long');
      this.#socket.destroy();
    }, limitMs);
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(asAnchorNetError(error));
    }
  }

  #fail(error: AnchorNetError): void {
    const level = error instanceof InternalError ? 'error' : 'info';
    this.#host.logger[level]({ remote: this.remoteAddress, app: this.#app, err: error }, 'RTMP client ended');
    if (error instanceof UnsupportedMediaError && this.#publication !== undefined) {
      this.#status('error', 'NetStream.Publish.Rejected', error.message);
      this.end('unsupported');
      return;
    }
    this.#endReason ??= 'malformed';
    this.#socket.destroy();
  }

  #receive(message: RtmpMessage): void {
    switch (message.typeId) {
      case MessageType.command:
      case MessageType.commandAmf3:
        this.#obey(parseCommand(message), message.streamId);
        break;
      case MessageType.audio:
      case MessageType.video:
        this.#media(message.typeId, message);
        break;
      case MessageType.data:
      case MessageType.dataAmf3:
        this.#media(TagType.script, { ...message, payload: amf0Payload(message) });
        break;
      default:
    }
  }

  #media(type: TagType, message: RtmpMessage): void {
    this.#publication?.receive({ type, timestamp: message.timestamp, body: message.payload });
  }

  #obey(command: RtmpCommand, streamId: number): void {
    const { name, transactionId, args } = command;
    if (this.#app === undefined && name !== 'connect') {
      throw new MalformedMediaError(`RTMP: expected connect first, got ${JSON.stringify(name.slice(0, 64))}`);
    }
    switch (name) {
      case 'connect':
        this.#connect(command);
        break;
      case 'createStream':
        if (++this.#streams > MAX_STREAMS)
          throw new MalformedMediaError(`RTMP: more than ${MAX_STREAMS} streams`);
        this.#result(transactionId, [null, this.#streams]);
        break;
      case 'releaseStream':
      case 'FCPublish':
        this.#result(transactionId, [null, undefined]);
        break;
      case 'publish':
        this.#publish(args[1], streamId);
        break;
      case 'FCUnpublish':
      case 'deleteStream':
      case 'closeStream':
        this.#unpublish();
        break;
      case 'play':
      case 'play2':
        this.#status('error', 'NetStream.Play.Failed', 'this server only takes publishers', streamId);
        break;
      default:
        // _checkbw, getStreamLength and the like: nobody waits for an answer.
        this.#host.logger.debug(
          { remote: this.remoteAddress, name: name.slice(0, 64) },
          'RTMP command not known',
        );
    }
  }

  #connect({ transactionId, args }: RtmpCommand): void {
    const app = parseApp(amfEntries(args[0])['app']);
    if (app === undefined || !this.#host.acceptApp(app)) {
      this.#connection?.send(connectRejected(transactionId));
      this.end('closed');
      return;
    }
    this.#app = app;
    for (const message of connected(transactionId)) this.#connection?.send(message);
  }

  #publish(name: AmfValue, streamId: number): void {
    const key = parseStreamKey(name);
    if (key === undefined) {
      this.#refuse('the stream key is missing or too long', streamId);
      return;
    }
    if (this.#publication !== undefined || this.#isDeciding) {
      this.#refuse('this connection publishes already', streamId);
      return;
    }
    const request = { app: this.#app ?? '', ...key, remoteAddress: this.remoteAddress };
    this.#isDeciding = true;
    void Promise.resolve()
      .then(() => this.#host.authorize(request))
      .catch((error: unknown) => {
        this.#host.logger.error({ err: error, app: request.app }, 'RTMP authorization failed');
        return { accept: false, reason: 'the server could not check the stream key' };
      })
      .then((decision) => {
        this.#isDeciding = false;
        if (this.#socket.destroyed || this.#endReason !== undefined) return;
        const { accept, reason } =
          typeof decision === 'boolean' ? { accept: decision, reason: undefined } : decision;
        if (accept) this.#begin(request, streamId);
        else this.#refuse(reason ?? 'the stream key is not known here', streamId);
      });
  }

  #begin(request: PublishRequest, streamId: number): void {
    clearTimeout(this.#deadline);
    const { app, streamKey } = request;
    this.#publishStream = streamId;
    this.#publication = new RtmpPublication(app, streamKey, this.remoteAddress, {
      clock: this.#host.clock,
      end: (reason, said): Promise<void> => {
        if (this.#publication !== undefined) this.#status('status', 'NetStream.Unpublish.Success', said);
        this.end(reason);
        return this.finished;
      },
    });
    this.#watchIdle();
    this.#host.published(this.#publication);
    this.#status('status', 'NetStream.Publish.Start', 'Publishing.');
  }

  #watchIdle(): void {
    this.#idle?.stop();
    if (this.#connection === undefined) return;
    this.#idle = new IdleWatch(this.#connection, this.#host.idleTimeoutMs, () => {
      this.#endReason ??= 'timed-out';
      this.#socket.destroy();
    });
  }

  #unpublish(): void {
    if (this.#publication === undefined) return;
    this.#status('status', 'NetStream.Unpublish.Success', 'Unpublished.');
    this.#endPublication('unpublished');
    this.#idle?.stop();
    this.#within(this.#host.publishTimeoutMs, 'publish again');
  }

  #endPublication(reason: PublicationEnd): void {
    const publication = this.#publication;
    this.#publication = undefined;
    publication?.ended(reason);
  }

  #refuse(reason: string, streamId: number): void {
    this.#status('error', 'NetStream.Publish.Denied', reason, streamId);
    this.end('closed');
  }

  #status(
    level: 'status' | 'error',
    code: string,
    description: string,
    streamId = this.#publishStream,
  ): void {
    this.#connection?.send(statusMessage(level, code, description, streamId));
  }

  #result(transactionId: number, args: AmfValue[]): void {
    this.#connection?.send(resultMessage(transactionId, args));
  }
}
