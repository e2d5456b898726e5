import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { asAnchorNetError, CancelledError, DestinationError, type AnchorNetError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { encodeAmf0, type AmfValue } from '../container/flv/amf0.js';
import { metadataValues, type FlvMetadata } from '../container/flv/muxer.js';
import { TagType, type FlvTag } from '../container/flv/tag.js';
import { commandMessage, parseCommand, statusOf, type RtmpCommand } from './command.js';
import { RtmpConnection } from './connection.js';
import { dial, NO_ANSWER_HINT } from './dial.js';
import { handshakeAsClient } from './handshake.js';
import { controlMessage, MessageType, type RtmpMessage } from './message.js';
import { parseRtmpUrl, withoutSecrets, type RtmpAddress } from './url.js';

export interface RtmpClientOptions {
  /** When the key is not part of the address. */
  readonly streamKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
  /** Limit of everything until the server takes media, in milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** Certificates (PEM) trusted for RTMPS instead of the system's. */
  readonly ca?: string | Buffer | readonly string[] | undefined;
}

interface RtmpClientEvents {
  /** Once, whoever ended it. Undefined after our own {@link RtmpClient.close}. */
  closed: [AnchorNetError | undefined];
  /** The operating system has taken another message. */
  flushed: [];
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** How long an orderly goodbye may take. */
const CLOSE_LIMIT_MS = 3_000;
/** As ffmpeg: few headers, while one chunk holds up no other for long. */
const CHUNK_SIZE = 60_000;
/** Chunk streams of media, apart from each other so that headers stay short. */
const chunkStreams = { [TagType.audio]: 4, [TagType.video]: 6, [TagType.script]: 5 } as const;

/** A connection that publishes one stream to an RTMP or RTMPS server. */
export class RtmpClient extends EventEmitter<RtmpClientEvents> {
  readonly address: RtmpAddress;
  readonly #connection: RtmpConnection;
  readonly #logger: Logger;
  readonly #transactions = new Map<number, (command: RtmpCommand) => void>();
  #transactionId = 0;
  #streamId = 0;
  #onStatus: ((command: RtmpCommand) => void) | undefined;
  #isPublishing = false;
  #closing: Promise<void> | undefined;

  /**
   * Connects and publishes: the server takes media when this resolves.
   *
   * @throws InvalidOptionError when the address is not of the form
   * @throws DestinationError when the server cannot be reached, refuses (with what it said), or takes too long
   * @throws CancelledError when the signal aborts
   */
  static async connect(url: string, options: RtmpClientOptions = {}): Promise<RtmpClient> {
    const address = parseRtmpUrl(url, options.streamKey);
    const limitMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs);
    const signal =
      options.signal === undefined ? limit.signal : AbortSignal.any([options.signal, limit.signal]);
    let socket: Socket | undefined;
    const abort = (): void => void socket?.destroy();
    try {
      socket = await dial(address, { signal, ca: options.ca });
      socket.on('error', () => undefined);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      await handshakeAsClient(socket);
      const client = new RtmpClient(socket, address, options.logger ?? silentLogger);
      await client.#publish();
      return client;
    } catch (error) {
      socket?.destroy();
      if (options.signal?.aborted) throw new CancelledError('cancelled', { cause: error });
      if (limit.signal.aborted) {
        throw new DestinationError(`${address.shown}: no answer within ${limitMs} ms`, {
          cause: error,
          hint: NO_ANSWER_HINT,
        });
      }
      throw named(address, error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  private constructor(socket: Socket, address: RtmpAddress, logger: Logger) {
    super();
    this.address = address;
    this.#logger = logger;
    this.#connection = new RtmpConnection(socket);
    this.#connection.on('message', (message) => this.#receive(message));
    this.#connection.on('flushed', () => this.emit('flushed'));
    this.#connection.on('closed', (reason) => {
      const ours = this.#closing !== undefined;
      const cause = reason ?? new DestinationError(`${address.shown}: the server closed the connection`);
      for (const settle of [...this.#transactions.values()]) settle(closedCommand(cause));
      this.#onStatus?.(closedCommand(cause));
      this.emit('closed', ours ? undefined : named(address, cause));
    });
    this.#connection.start();
  }

  /** Bytes written, sent or not. */
  get bytesOut(): number {
    return this.#connection.bytesOut;
  }
  /** Bytes that the operating system has taken. */
  get bytesFlushed(): number {
    return this.#connection.bytesFlushed;
  }
  /** Written and not yet taken by the operating system. */
  get pendingBytes(): number {
    return this.#connection.pendingBytes;
  }
  get isClosed(): boolean {
    return this.#connection.isClosed;
  }

  /** Hands a tag to the socket at once. The caller watches {@link pendingBytes}: nothing is dropped here. */
  write(tag: FlvTag): void {
    if (!this.#isPublishing) return;
    const payload = tag.type === TagType.script ? Buffer.concat([setDataFrame, tag.body]) : tag.body;
    this.#sendMedia(tag.type, tag.timestampMs, payload);
  }

  writeMetadata(metadata: FlvMetadata): void {
    const payload = Buffer.concat([setDataFrame, encodeAmf0(['onMetaData', metadataValues(metadata)])]);
    this.#sendMedia(TagType.script, 0, payload);
  }

  /** Takes leave of the server. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  /** Ends at once, for a peer that does not answer any more. */
  destroy(reason?: AnchorNetError): void {
    this.#connection.destroy(reason);
  }

  #sendMedia(type: TagType, timestamp: number, payload: Buffer): void {
    this.#connection.send({
      chunkStreamId: chunkStreams[type],
      typeId: type,
      streamId: this.#streamId,
      timestamp,
      payload,
    });
  }

  async #leave(): Promise<void> {
    if (this.#isPublishing) {
      this.#isPublishing = false;
      this.#send('FCUnpublish', [null, this.address.streamKey]);
      this.#send('deleteStream', [null, this.#streamId]);
    }
    await this.#connection.end(CLOSE_LIMIT_MS);
  }

  async #publish(): Promise<void> {
    const { app, tcUrl, streamKey } = this.address;
    const flashVer = 'FMLE/3.0 (compatible; AnchorNet)';
    await this.#call('connect', [{ app, type: 'nonprivate', flashVer, tcUrl }]);
    this.#connection.send(controlMessage(MessageType.setChunkSize, CHUNK_SIZE));
    this.#send('releaseStream', [null, streamKey]);
    this.#send('FCPublish', [null, streamKey]);
    const created = await this.#call('createStream', [null]);
    const streamId = created.args.find((value) => typeof value === 'number');
    if (streamId === undefined) throw new DestinationError('createStream: the server told no stream');
    this.#streamId = streamId;
    await this.#startPublishing(streamKey);
    this.#isPublishing = true;
  }

  #startPublishing(streamKey: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onStatus = (command): void => {
        const status = statusOf(command);
        if (status.code === 'NetStream.Publish.Start') {
          this.#onStatus = (later): void => this.#statusWhilePublishing(later);
          resolve();
        } else if (status.level === 'error') {
          reject(refusal('publish', command));
        }
      };
      const payload = commandMessage(
        { name: 'publish', transactionId: ++this.#transactionId, args: [null, streamKey, 'live'] },
        this.#streamId,
      );
      this.#connection.send(payload);
    });
  }

  #statusWhilePublishing(command: RtmpCommand): void {
    const { level, code, description } = statusOf(command);
    const said = withoutSecrets(description, this.address);
    this.#logger.debug({ server: this.address.shown, status: level, code, said }, 'RTMP server status');
    if (level === 'error') this.destroy(refusal('publishing', command));
  }

  #call(name: string, args: AmfValue[]): Promise<RtmpCommand> {
    return new Promise((resolve, reject) => {
      const transactionId = this.#send(name, args);
      this.#transactions.set(transactionId, (command) => {
        this.#transactions.delete(transactionId);
        if (command.name === '_result') resolve(command);
        else reject(refusal(name, command));
      });
    });
  }

  #send(name: string, args: AmfValue[]): number {
    const transactionId = ++this.#transactionId;
    this.#connection.send(commandMessage({ name, transactionId, args }));
    return transactionId;
  }

  #receive(message: RtmpMessage): void {
    if (message.typeId !== MessageType.command && message.typeId !== MessageType.commandAmf3) return;
    let command: RtmpCommand;
    try {
      command = parseCommand(message);
    } catch (error) {
      this.destroy(asAnchorNetError(error));
      return;
    }
    if (command.name === 'onStatus') this.#onStatus?.(command);
    else if (command.name === '_result' || command.name === '_error') {
      this.#transactions.get(command.transactionId)?.(command);
    } else if (command.name === 'close') {
      this.destroy(new DestinationError('the server asked to close'));
    }
  }
}

const setDataFrame = encodeAmf0(['@setDataFrame']);

/** Stands for an answer that will not come. */
function closedCommand(cause: AnchorNetError): RtmpCommand {
  return {
    name: '_error',
    transactionId: 0,
    args: [{ level: 'error', code: 'closed', description: cause.message }],
  };
}

function refusal(what: string, command: RtmpCommand): DestinationError {
  const { code, description } = statusOf(command);
  if (code === 'closed') return new DestinationError(`${what}: ${description}`);
  const said = [code, description].filter((part) => part !== '').join(': ');
  return new DestinationError(`the server refused to ${what}: ${said || 'no reason told'}`, {
    ...(code === 'NetStream.Publish.BadName' && {
      hint: 'The stream key is wrong, or somebody publishes with it already.',
    }),
  });
}

/** The error with the address (never the key) in front, as one of the taxonomy. */
function named(address: RtmpAddress, thrown: unknown): AnchorNetError {
  const error = asAnchorNetError(thrown);
  if (error instanceof CancelledError || error.message.startsWith(address.shown)) return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  const message = withoutSecrets(error.message, address);
  // A cause is logged with its error: one that repeats a secret is left out.
  const cause = message === error.message ? { cause: error } : {};
  return new DestinationError(`${address.shown}: ${message}`, { ...cause, ...hint });
}
