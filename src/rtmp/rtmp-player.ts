import type { Socket } from 'node:net';
import { asAnchorNetError, type AnchorNetError } from '../base/errors.js';
import type { ReceivedTag } from '../container/flv/tag-reader.js';
import { TagType } from '../container/flv/tag.js';
import { splitAggregate } from './aggregate.js';
import { closeCause, named, refusal } from './client-failure.js';
import { CommandChannel } from './command-channel.js';
import { amf0Payload, statusOf, type RtmpCommand } from './command.js';
import { RtmpConnection } from './connection.js';
import { MessageType, UserControlEvent, userControlMessage, type RtmpMessage } from './message.js';
import { openSession, type OpenSessionOptions } from './open-session.js';
import { parseRtmpUrl, type RtmpAddress } from './url.js';

/** With more than this waiting to be taken, the connection is not read: the server has to wait. */
const MAX_QUEUED_BYTES = 8 * 2 ** 20;
/** What players in use tell; servers use it to begin at the last IDR. */
const BUFFER_MS = 3000;
/** How players in use present themselves; some servers look for these. */
const introduction = {
  flashVer: 'LNX 9,0,124,2 (compatible; AnchorNet)',
  fpad: false,
  capabilities: 15,
  audioCodecs: 4071,
  videoCodecs: 252,
  videoFunction: 1,
} as const;
/** Statuses by which a server says that the stream is over. */
const endings: readonly string[] = [
  'NetStream.Play.Stop',
  'NetStream.Play.Complete',
  'NetStream.Play.UnpublishNotify',
];

/** A connection that plays one stream of an RTMP(S) server. Whoever takes its tags slowly slows the server down. */
export class RtmpPlayer {
  readonly address: RtmpAddress;
  readonly #connection: RtmpConnection;
  readonly #commands: CommandChannel;
  readonly #queue: ReceivedTag[] = [];
  #queuedBytes = 0;
  #over: { readonly failure: AnchorNetError | undefined } | undefined;
  #wake: (() => void) | undefined;

  /**
   * Connects and asks for the stream. Whether it is there, {@link next} tells.
   *
   * @throws InvalidOptionError when the address is not of the form
   * @throws DestinationError when the server cannot be reached, refuses (with what it said), or takes too long
   * @throws CancelledError when the signal aborts
   */
  static async connect(url: string, options: OpenSessionOptions = {}): Promise<RtmpPlayer> {
    const address = parseRtmpUrl(url);
    return openSession(address, options, async (socket) => {
      const player = new RtmpPlayer(socket, address);
      await player.#play();
      return player;
    });
  }

  private constructor(socket: Socket, address: RtmpAddress) {
    this.address = address;
    this.#connection = new RtmpConnection(socket);
    this.#commands = new CommandChannel(this.#connection, address);
    this.#connection.on('message', (message) => this.#receive(message));
    this.#connection.on('closed', (reason) => this.#end(closeCause(address, reason)));
    this.#connection.start();
  }

  /**
   * The next audio, video or data message as a tag; undefined when the stream has ended, or after {@link close}. To be
   * called again only after it has settled.
   *
   * @throws DestinationError when the server refuses to play, or the connection breaks
   */
  async next(): Promise<ReceivedTag | undefined> {
    while (this.#queue.length === 0 && this.#over === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const tag = this.#queue.shift();
    if (tag === undefined) {
      if (this.#over?.failure !== undefined) throw this.#over.failure;
      return undefined;
    }
    this.#queuedBytes -= tag.body.length;
    if (this.#queuedBytes <= MAX_QUEUED_BYTES) this.#connection.resume();
    return tag;
  }

  /** Ends at once. Idempotent. */
  close(): void {
    this.#end(undefined);
    this.#connection.destroy();
  }

  async #play(): Promise<void> {
    await this.#commands.connect(introduction);
    const streamId = await this.#commands.createStream();
    this.#commands.onStatus = (command): void => this.#status(command);
    this.#commands.send('play', [null, this.address.streamKey], streamId);
    this.#connection.send(userControlMessage(UserControlEvent.setBufferLength, streamId, BUFFER_MS));
  }

  #status(command: RtmpCommand): void {
    // Told as a status too; the connection's own event knows more.
    if (this.#connection.isClosed) return;
    const { level, code } = statusOf(command);
    if (level === 'error') this.#end(refusal('play', command));
    else if (endings.includes(code)) this.#end(undefined);
  }

  #end(failure: AnchorNetError | undefined): void {
    this.#over ??= { failure: failure && named(this.address, failure) };
    this.#wake?.();
  }

  #receive(message: RtmpMessage): void {
    if (this.#over !== undefined) return;
    try {
      for (const tag of this.#tagsOf(message)) this.#take(tag);
    } catch (error) {
      this.#connection.destroy(asAnchorNetError(error));
    }
  }

  #tagsOf(message: RtmpMessage): readonly ReceivedTag[] {
    const { typeId, timestamp, payload } = message;
    switch (typeId) {
      case MessageType.audio:
      case MessageType.video:
        return [{ type: typeId, timestamp, body: payload }];
      case MessageType.data:
      case MessageType.dataAmf3:
        return [{ type: TagType.script, timestamp, body: amf0Payload(message) }];
      case MessageType.aggregate:
        return splitAggregate(message);
      case MessageType.userControl:
        if (payload.readUInt16BE(0) === UserControlEvent.streamEof) this.#end(undefined);
        return [];
      default:
        return [];
    }
  }

  #take(tag: ReceivedTag): void {
    this.#queue.push(tag);
    this.#queuedBytes += tag.body.length;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#connection.pause();
    this.#wake?.();
  }
}
