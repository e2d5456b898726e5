import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { AnchorNetError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { encodeAmf0 } from '../container/flv/amf0.js';
import { metadataValues, type FlvMetadata } from '../container/flv/muxer.js';
import { TagType, type FlvTag } from '../container/flv/tag.js';
import { closeCause, named, refusal } from './client-failure.js';
import { CommandChannel } from './command-channel.js';
import { statusOf, type RtmpCommand } from './command.js';
import { RtmpConnection } from './connection.js';
import { controlMessage, MessageType } from './message.js';
import { openSession, type OpenSessionOptions } from './open-session.js';
import { parseRtmpUrl, withoutSecrets, type RtmpAddress } from './url.js';

/** Its time limit is that of everything until the server takes media. */
export interface RtmpClientOptions extends OpenSessionOptions {
  /** When the key is not part of the address. */
  readonly streamKey?: string | undefined;
  readonly logger?: Logger | undefined;
}

interface RtmpClientEvents {
  /** Once, whoever ended it. Undefined after our own {@link RtmpClient.close}. */
  closed: [AnchorNetError | undefined];
  /** The operating system has taken another message. */
  flushed: [];
}

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
  readonly #commands: CommandChannel;
  #streamId = 0;
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
    return openSession(address, options, async (socket) => {
      const client = new RtmpClient(socket, address, options.logger ?? silentLogger);
      await client.#publish();
      return client;
    });
  }

  private constructor(socket: Socket, address: RtmpAddress, logger: Logger) {
    super();
    this.address = address;
    this.#logger = logger;
    this.#connection = new RtmpConnection(socket);
    this.#commands = new CommandChannel(this.#connection, address);
    this.#connection.on('flushed', () => this.emit('flushed'));
    this.#connection.on('closed', (reason) => {
      const ours = this.#closing !== undefined;
      this.emit('closed', ours ? undefined : named(address, closeCause(address, reason)));
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
      this.#commands.send('FCUnpublish', [null, this.address.streamKey]);
      this.#commands.send('deleteStream', [null, this.#streamId]);
    }
    await this.#connection.end(CLOSE_LIMIT_MS);
  }

  async #publish(): Promise<void> {
    const { streamKey } = this.address;
    await this.#commands.connect({ type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; AnchorNet)' });
    this.#connection.send(controlMessage(MessageType.setChunkSize, CHUNK_SIZE));
    this.#commands.send('releaseStream', [null, streamKey]);
    this.#commands.send('FCPublish', [null, streamKey]);
    this.#streamId = await this.#commands.createStream();
    await this.#startPublishing(streamKey);
    this.#isPublishing = true;
  }

  #startPublishing(streamKey: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#commands.onStatus = (command): void => {
        const status = statusOf(command);
        if (status.code === 'NetStream.Publish.Start') {
          this.#commands.onStatus = (later): void => this.#statusWhilePublishing(later);
          resolve();
        } else if (status.level === 'error') {
          reject(refusal('publish', command));
        }
      };
      this.#commands.send('publish', [null, streamKey, 'live'], this.#streamId);
    });
  }

  #statusWhilePublishing(command: RtmpCommand): void {
    const { level, code, description } = statusOf(command);
    const said = withoutSecrets(description, this.address);
    this.#logger.debug({ server: this.address.shown, status: level, code, said }, 'RTMP server status');
    if (level === 'error') this.destroy(refusal('publishing', command));
  }
}

const setDataFrame = encodeAmf0(['@setDataFrame']);
