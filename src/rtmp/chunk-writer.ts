import { InvalidOptionError } from '../base/errors.js';
import {
  EXTENDED_TIMESTAMP,
  INITIAL_CHUNK_SIZE,
  MAX_MESSAGE_BYTES,
  MessageType,
  type RtmpMessage,
} from './message.js';

interface LastHeader {
  readonly timestamp: number;
  /** Undefined after a full header: a type 3 chunk would then repeat the time itself. */
  readonly delta: number | undefined;
  readonly length: number;
  readonly typeId: number;
  readonly streamId: number;
}

/** Messages → chunks (§5.3), each header as short as what went before on its chunk stream allows. */
export class ChunkWriter {
  readonly #last = new Map<number, LastHeader>();
  #chunkSize = INITIAL_CHUNK_SIZE;

  get chunkSize(): number {
    return this.#chunkSize;
  }

  /**
   * @returns the bytes to send in order; payload pieces are views of the message. After a Set Chunk Size message the
   *   following ones use the new size.
   * @throws InvalidOptionError when the message is longer than 16777215 bytes
   */
  write(message: RtmpMessage): Buffer[] {
    const { payload } = message;
    if (payload.length > MAX_MESSAGE_BYTES) {
      throw new InvalidOptionError(
        `RTMP message: expected at most ${MAX_MESSAGE_BYTES} bytes, got ${payload.length}`,
      );
    }
    const { header, continuation } = this.#headers(message);
    const pieces = [header];
    for (let at = 0; at < payload.length; at += this.#chunkSize) {
      if (at > 0) pieces.push(continuation);
      pieces.push(payload.subarray(at, at + this.#chunkSize));
    }
    if (message.typeId === MessageType.setChunkSize) this.#chunkSize = payload.readUInt32BE(0);
    return pieces;
  }

  #headers(message: RtmpMessage): { header: Buffer; continuation: Buffer } {
    const { chunkStreamId, typeId, streamId, payload } = message;
    const timestamp = message.timestamp % 2 ** 32;
    const last = this.#last.get(chunkStreamId);
    const delta = last === undefined ? undefined : timestamp - last.timestamp;
    let format = 0;
    let field = timestamp;
    if (last !== undefined && delta !== undefined && last.streamId === streamId && delta >= 0) {
      // A delta that needs the extended field is rare and read in several ways: a full header says it plainly.
      if (delta < EXTENDED_TIMESTAMP) {
        field = delta;
        format = 1;
        if (last.length === payload.length && last.typeId === typeId) format = last.delta === delta ? 3 : 2;
      }
    }
    const isExtended = field >= EXTENDED_TIMESTAMP;
    this.#last.set(chunkStreamId, {
      timestamp,
      delta: format === 0 ? undefined : field,
      length: payload.length,
      typeId,
      streamId,
    });
    const basic = basicHeader(format, chunkStreamId);
    const head = Buffer.alloc([11, 7, 3, 0][format] ?? 0);
    if (format <= 2) head.writeUIntBE(Math.min(field, EXTENDED_TIMESTAMP), 0, 3);
    if (format <= 1) {
      head.writeUIntBE(payload.length, 3, 3);
      head[6] = typeId;
    }
    if (format === 0) head.writeUInt32LE(streamId, 7);
    const extended = Buffer.alloc(isExtended ? 4 : 0);
    if (isExtended) extended.writeUInt32BE(field);
    return {
      header: Buffer.concat([basic, head, extended]),
      continuation: Buffer.concat([basicHeader(3, chunkStreamId), extended]),
    };
  }
}

/** §5.3.1.1 */
function basicHeader(format: number, id: number): Buffer {
  if (id < 64) return Buffer.from([(format << 6) | id]);
  const rest = id - 64;
  if (rest < 256) return Buffer.from([format << 6, rest]);
  return Buffer.from([(format << 6) | 1, rest & 0xff, rest >> 8]);
}
