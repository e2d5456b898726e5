import { MalformedMediaError } from '../base/errors.js';
import {
  EXTENDED_TIMESTAMP,
  INITIAL_CHUNK_SIZE,
  MAX_MESSAGE_BYTES,
  MessageType,
  type RtmpMessage,
} from './message.js';

export interface ChunkReaderLimits {
  /** Longest message taken, in bytes. */
  readonly maxMessageBytes: number;
  /** Chunk streams remembered; each costs its last header. */
  readonly maxChunkStreams: number;
  /** Bytes of messages under way on all chunk streams together. */
  readonly maxPartialBytes: number;
}

/** A 4K IDR at 50 Mb/s stays under 4 MB; encoders in use keep fewer than ten chunk streams. */
const defaultChunkLimits: ChunkReaderLimits = {
  maxMessageBytes: 8 * 2 ** 20,
  maxChunkStreams: 64,
  maxPartialBytes: 16 * 2 ** 20,
};

/** Memory is taken as bytes come, not as a header promises. */
const FIRST_ALLOCATION = 64 * 1024;
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

interface ChunkStream {
  readonly id: number;
  /** As in the last header: a time or a delta, and whether it stood in the extended field. */
  field: number;
  isExtended: boolean;
  timestamp: number;
  length: number;
  typeId: number;
  streamId: number;
  /** The message under way. */
  buffer: Buffer | undefined;
  filled: number;
}

/** Bytes after the handshake, in pieces of any size → messages (§5.3). */
export class ChunkReader {
  readonly #limits: ChunkReaderLimits;
  readonly #streams = new Map<number, ChunkStream>();
  #chunkSize = INITIAL_CHUNK_SIZE;
  #pending = Buffer.alloc(0);
  /** The chunk whose payload comes next. */
  #current: { stream: ChunkStream; left: number } | undefined;
  #partialBytes = 0;
  #offset = 0;

  constructor(limits: Partial<ChunkReaderLimits> = {}) {
    this.#limits = { ...defaultChunkLimits, ...limits };
  }

  /** What the peer's chunks may carry at most, in bytes. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /**
   * Set Chunk Size and Abort are obeyed here, and given out like the rest.
   *
   * @throws MalformedMediaError when the bytes are no chunks or go beyond the limits; nothing can be read from here on
   */
  push(bytes: Buffer): RtmpMessage[] {
    const data = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const messages: RtmpMessage[] = [];
    let at = 0;
    for (;;) {
      if (this.#current === undefined) {
        const used = this.#readHeader(data, at);
        if (used === undefined) break;
        at += used;
        this.#offset += used;
      } else if (this.#current.left > 0) {
        if (at >= data.length) break;
        const used = this.#copyPayload(this.#current, data, at);
        at += used;
        this.#offset += used;
      }
      if (this.#current?.left === 0) {
        const message = this.#endChunk(this.#current.stream);
        if (message !== undefined) messages.push(message);
      }
    }
    this.#pending = at === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(at));
    return messages;
  }

  /** @returns bytes of the header, or undefined while it is not all there */
  #readHeader(data: Buffer, start: number): number | undefined {
    let at = start;
    const available = data.length - start;
    if (available < 1) return undefined;
    const first = data.readUInt8(at++);
    const format = (first >> 6) as 0 | 1 | 2 | 3;
    let id = first & 0x3f;
    if (id < 2) {
      const bytes = id + 1;
      if (available < 1 + bytes) return undefined;
      id = 64 + data.readUInt8(at) + (bytes === 2 ? data.readUInt8(at + 1) * 256 : 0);
      at += bytes;
    }
    const headerBytes = MESSAGE_HEADER_BYTES[format];
    if (data.length - at < headerBytes) return undefined;
    const known = this.#streams.get(id);
    if (known === undefined && format !== 0) this.#firstHeader(format, id);
    const field = format === 3 ? (known?.field ?? 0) : data.readUIntBE(at, 3);
    const isExtended = format === 3 ? (known?.isExtended ?? false) : field === EXTENDED_TIMESTAMP;
    const message = at;
    at += headerBytes;
    let time = field;
    if (isExtended) {
      if (data.length - at < 4) return undefined;
      const extended = data.readUInt32BE(at);
      // Some writers leave the extended field out of type 3 chunks: it is there only when it repeats.
      if (format !== 3 || extended === field) {
        at += 4;
        time = extended;
      }
    }
    const stream = known ?? this.#open(id);
    if (stream.buffer === undefined) this.#beginMessage(stream, { format, time, isExtended, data, message });
    else if (format !== 3) this.#restate(stream, { format, data, message });
    this.#current = { stream, left: Math.min(this.#chunkSize, stream.length - stream.filled) };
    return at - start;
  }

  /** Some writers begin a chunk stream with type 1, its time counted from 0; types 2 and 3 have no length to go by. */
  #firstHeader(format: number, id: number): void {
    if (format === 1) return;
    throw new MalformedMediaError(
      `RTMP chunk stream ${id}: expected a full header first, got type ${format}`,
      {
        offset: this.#offset,
      },
    );
  }

  #open(id: number): ChunkStream {
    if (this.#streams.size >= this.#limits.maxChunkStreams) {
      throw new MalformedMediaError(`RTMP: more than ${this.#limits.maxChunkStreams} chunk streams`, {
        offset: this.#offset,
      });
    }
    const stream: ChunkStream = {
      id,
      field: 0,
      isExtended: false,
      timestamp: 0,
      length: 0,
      typeId: 0,
      streamId: 0,
      buffer: undefined,
      filled: 0,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #beginMessage(
    stream: ChunkStream,
    header: { format: 0 | 1 | 2 | 3; time: number; isExtended: boolean; data: Buffer; message: number },
  ): void {
    const { format, time, data, message } = header;
    stream.field = time;
    stream.isExtended = header.isExtended;
    // A type 3 chunk that begins a message repeats the last time or delta as a delta (§5.3.1.2.4).
    stream.timestamp = format === 0 ? time : (stream.timestamp + time) % 2 ** 32;
    if (format <= 1) {
      stream.length = data.readUIntBE(message + 3, 3);
      stream.typeId = data.readUInt8(message + 6);
    }
    if (format === 0) stream.streamId = data.readUInt32LE(message + 7);
    if (stream.length > this.#limits.maxMessageBytes) {
      throw new MalformedMediaError(
        `RTMP message: expected at most ${this.#limits.maxMessageBytes} bytes, got ${stream.length}`,
        { offset: this.#offset },
      );
    }
    stream.filled = 0;
    stream.buffer = Buffer.allocUnsafe(Math.min(stream.length, FIRST_ALLOCATION));
  }

  /** A message goes on behind a header of type 0…2: taken as type 3 when it tells the same length, else it is damage. */
  #restate(stream: ChunkStream, header: { format: 0 | 1 | 2 | 3; data: Buffer; message: number }): void {
    if (header.format === 2) return;
    const length = header.data.readUIntBE(header.message + 3, 3);
    if (length === stream.length) return;
    throw new MalformedMediaError(
      `RTMP chunk stream ${stream.id}: a message of ${length} bytes begins within one of ${stream.length}`,
      { offset: this.#offset },
    );
  }

  #copyPayload(current: { stream: ChunkStream; left: number }, data: Buffer, at: number): number {
    const { stream } = current;
    const bytes = Math.min(current.left, data.length - at);
    this.#partialBytes += bytes;
    if (this.#partialBytes > this.#limits.maxPartialBytes) {
      throw new MalformedMediaError(
        `RTMP: more than ${this.#limits.maxPartialBytes} bytes of unfinished messages`,
        {
          offset: this.#offset,
        },
      );
    }
    let buffer = stream.buffer ?? Buffer.alloc(0);
    if (stream.filled + bytes > buffer.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(stream.length, Math.max(2 * buffer.length, stream.filled + bytes)),
      );
      buffer.copy(larger, 0, 0, stream.filled);
      buffer = stream.buffer = larger;
    }
    data.copy(buffer, stream.filled, at, at + bytes);
    stream.filled += bytes;
    current.left -= bytes;
    return bytes;
  }

  #endChunk(stream: ChunkStream): RtmpMessage | undefined {
    this.#current = undefined;
    if (stream.filled < stream.length) return undefined;
    const payload = stream.buffer ?? Buffer.alloc(0);
    this.#forget(stream);
    const message: RtmpMessage = {
      chunkStreamId: stream.id,
      typeId: stream.typeId,
      streamId: stream.streamId,
      timestamp: stream.timestamp,
      payload,
    };
    this.#obey(message);
    return message;
  }

  #forget(stream: ChunkStream): void {
    this.#partialBytes -= stream.filled;
    stream.buffer = undefined;
    stream.filled = 0;
  }

  /** §5.4.1, §5.4.2 */
  #obey(message: RtmpMessage): void {
    if (message.typeId !== MessageType.setChunkSize && message.typeId !== MessageType.abort) return;
    if (message.payload.length < 4) {
      throw new MalformedMediaError(
        `RTMP control message ${message.typeId}: expected 4 bytes, got ${message.payload.length}`,
        { offset: this.#offset },
      );
    }
    const value = message.payload.readUInt32BE(0);
    if (message.typeId === MessageType.abort) {
      const aborted = this.#streams.get(value);
      if (aborted?.buffer !== undefined) this.#forget(aborted);
      return;
    }
    if (value < 1 || value > 0x7fffffff) {
      throw new MalformedMediaError(`RTMP chunk size: expected 1…2147483647, got ${value}`, {
        offset: this.#offset,
      });
    }
    this.#chunkSize = Math.min(value, MAX_MESSAGE_BYTES);
  }
}
