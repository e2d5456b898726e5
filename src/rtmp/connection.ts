import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { type AnchorNetError, asAnchorNetError, DestinationError } from '../base/errors.js';
import { ChunkReader, type ChunkReaderLimits } from './chunk-reader.js';
import { ChunkWriter } from './chunk-writer.js';
import {
  controlMessage,
  MessageType,
  UserControlEvent,
  userControlMessage,
  type RtmpMessage,
} from './message.js';

/** Acknowledged after so many bytes until the peer tells a window; what ffmpeg and nginx use is close to it. */
const DEFAULT_WINDOW_BYTES = 2_500_000;
/** A peer that makes us answer and does not read the answers is cut off beyond this. */
const MAX_UNREAD_REPLIES_BYTES = 1 << 20;
/** How long a peer may take to close after all has gone out; closing first could cut off what it has not read. */
const PEER_GOODBYE_MS = 500;
const WINDOW_WRAP = 2 ** 32;

export interface RtmpConnectionOptions {
  readonly limits?: Partial<ChunkReaderLimits>;
}

interface RtmpConnectionEvents {
  /** All but what the connection deals with by itself (chunk size, abort, acknowledgements, windows, pings). */
  message: [RtmpMessage];
  /** The operating system has taken another message. */
  flushed: [];
  /** Once. Undefined after an orderly end. */
  closed: [AnchorNetError | undefined];
}

/** A socket after its handshake: chunks in both directions, acknowledgements, windows, pings. Client or server. */
export class RtmpConnection extends EventEmitter<RtmpConnectionEvents> {
  readonly #socket: Socket;
  readonly #reader: ChunkReader;
  readonly #writer = new ChunkWriter();
  #bytesIn = 0;
  #acknowledgedIn = 0;
  #peerWindow = DEFAULT_WINDOW_BYTES;
  #bytesOut = 0;
  #bytesFlushed = 0;
  #acknowledgedOut = 0;
  #failure: AnchorNetError | undefined;
  #isClosed = false;

  constructor(socket: Socket, options: RtmpConnectionOptions = {}) {
    super();
    this.#socket = socket;
    this.#reader = new ChunkReader(options.limits);
    socket.on('error', (error) => {
      this.#failure ??= new DestinationError(error.message, { cause: error });
    });
    socket.on('close', () => this.#closed());
  }

  /** Begins to read. Listeners are in place by now. */
  start(): void {
    this.#socket.on('data', (data: Buffer) => this.#receive(data));
    // The handshake left the socket paused.
    this.#socket.resume();
    if (this.#socket.destroyed) this.#closed();
  }

  /** Stops reading, so that the peer has to wait, until {@link resume}. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** Bytes received, handshake excluded. */
  get bytesIn(): number {
    return this.#bytesIn;
  }
  /** Bytes written, sent or not. */
  get bytesOut(): number {
    return this.#bytesOut;
  }
  /** Bytes that the operating system has taken. What stands still here while bytes are pending is a stalled peer. */
  get bytesFlushed(): number {
    return this.#bytesFlushed;
  }
  /** Bytes that the peer says it has received, modulo 2^32; 0 from peers that never say. */
  get bytesAcknowledged(): number {
    return this.#acknowledgedOut;
  }
  get pendingBytes(): number {
    return this.#bytesOut - this.#bytesFlushed;
  }
  get chunkSizeIn(): number {
    return this.#reader.chunkSize;
  }

  /** Hands the message to the socket at once, as one write. */
  send(message: RtmpMessage): void {
    if (this.#isClosed || !this.#socket.writable) return;
    const pieces = this.#writer.write(message);
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#bytesOut += bytes;
    this.#socket.cork();
    const last = pieces.length - 1;
    pieces.forEach((piece, index) => {
      if (index < last) this.#socket.write(piece);
      else {
        this.#socket.write(piece, (error) => {
          // What was under way when the socket was destroyed is reported without an error, but has not gone out.
          if (error || this.#socket.destroyed) return;
          this.#bytesFlushed += bytes;
          this.emit('flushed');
        });
      }
    });
    this.#socket.uncork();
  }

  ping(): void {
    this.#reply(userControlMessage(UserControlEvent.pingRequest, 0));
  }

  /** Ends after what was written has gone out and the peer has ended too; past the limit it is cut off. */
  end(limitMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      let timer = setTimeout(() => this.#socket.destroy(), limitMs);
      this.once('closed', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.end(() => {
        clearTimeout(timer);
        timer = setTimeout(() => this.#socket.destroy(), Math.min(limitMs, PEER_GOODBYE_MS));
      });
    });
  }

  /** Ends at once. */
  destroy(reason?: AnchorNetError): void {
    this.#failure ??= reason;
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.emit('closed', this.#failure);
  }

  #receive(data: Buffer): void {
    this.#bytesIn += data.length;
    try {
      for (const message of this.#reader.push(data)) {
        if (this.#socket.destroyed) return;
        if (!this.#answer(message)) this.emit('message', message);
      }
    } catch (error) {
      this.destroy(asAnchorNetError(error));
      return;
    }
    if (this.#bytesIn - this.#acknowledgedIn >= this.#peerWindow) {
      this.#acknowledgedIn = this.#bytesIn;
      this.#reply(controlMessage(MessageType.acknowledgement, this.#bytesIn % WINDOW_WRAP));
    }
  }

  /** @returns whether the message was for the connection itself */
  #answer({ typeId, payload }: RtmpMessage): boolean {
    switch (typeId) {
      case MessageType.setChunkSize:
      case MessageType.abort:
        return true;
      case MessageType.acknowledgement:
        if (payload.length >= 4) this.#acknowledgedOut = payload.readUInt32BE(0);
        return true;
      case MessageType.windowAckSize:
        if (payload.length >= 4) this.#peerWindow = payload.readUInt32BE(0) || DEFAULT_WINDOW_BYTES;
        return true;
      case MessageType.setPeerBandwidth:
        // We never wait for acknowledgements, so that a bandwidth only calls for telling our window (§5.4.5).
        if (payload.length >= 4)
          this.#reply(controlMessage(MessageType.windowAckSize, payload.readUInt32BE(0)));
        return true;
      case MessageType.userControl:
        if (payload.length < 6) return true;
        if (payload.readUInt16BE(0) !== UserControlEvent.pingRequest) return false;
        this.#reply(userControlMessage(UserControlEvent.pingResponse, payload.readUInt32BE(2)));
        return true;
      default:
        return false;
    }
  }

  #reply(message: RtmpMessage): void {
    // Media under way may fill the socket; then answers that nobody waits for are left out.
    if (this.pendingBytes > MAX_UNREAD_REPLIES_BYTES) return;
    this.send(message);
  }
}
