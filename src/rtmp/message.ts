/** RTMP messages (Adobe, "RTMP specification" 1.0, §5.4, §6, §7.1). */
export const MessageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  /** Its payload begins with one of {@link UserControlEvent}. */
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const;

/** User control events (§7.1.7). */
export const UserControlEvent = {
  streamEof: 1,
  setBufferLength: 3,
  pingRequest: 6,
  pingResponse: 7,
} as const;

export interface RtmpMessage {
  /** Which chunk stream carries it, 2…65599. */
  readonly chunkStreamId: number;
  readonly typeId: number;
  /** Which message stream it belongs to; 0 is the connection itself. */
  readonly streamId: number;
  /** Milliseconds. Received: modulo 2^32. To be sent: may be larger, is wrapped on the wire. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

/** Chunk stream of protocol control messages (§5.4). */
export const CONTROL_CHUNK_STREAM = 2;
/** The largest length that a message header tells, 24 bits. */
export const MAX_MESSAGE_BYTES = 0xffffff;
/** Timestamps from here on stand in the extended field (§5.3.1.3). */
export const EXTENDED_TIMESTAMP = 0xffffff;
/** Chunk size of both ends until they say otherwise (§5.4.1). */
export const INITIAL_CHUNK_SIZE = 128;

/** A protocol control message of one 32-bit number: types 1, 2, 3 and 5. */
export function controlMessage(typeId: number, value: number): RtmpMessage {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value >>> 0);
  return { chunkStreamId: CONTROL_CHUNK_STREAM, typeId, streamId: 0, timestamp: 0, payload };
}

/** A user control message: its event, and one or two 32-bit numbers. */
export function userControlMessage(event: number, ...values: readonly number[]): RtmpMessage {
  const payload = Buffer.allocUnsafe(2 + 4 * values.length);
  payload.writeUInt16BE(event, 0);
  for (const [index, value] of values.entries()) payload.writeUInt32BE(value, 2 + 4 * index);
  return {
    chunkStreamId: CONTROL_CHUNK_STREAM,
    typeId: MessageType.userControl,
    streamId: 0,
    timestamp: 0,
    payload,
  };
}
