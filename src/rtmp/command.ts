import { MalformedMediaError } from '../base/errors.js';
import { amfEntries, decodeAmf0, encodeAmf0, type AmfObject, type AmfValue } from '../container/flv/amf0.js';
import { MessageType, type RtmpMessage } from './message.js';

/** A command message (§7.1.1): name, transaction, command object, and what follows. */
export interface RtmpCommand {
  readonly name: string;
  readonly transactionId: number;
  /** The command object first (null where there is none), then the other arguments. */
  readonly args: readonly AmfValue[];
}

/** Chunk stream of commands, as encoders in use have it. */
const COMMAND_CHUNK_STREAM = 3;

export function commandMessage(command: RtmpCommand, streamId = 0): RtmpMessage {
  return {
    chunkStreamId: COMMAND_CHUNK_STREAM,
    typeId: MessageType.command,
    streamId,
    timestamp: 0,
    payload: encodeAmf0([command.name, command.transactionId, ...command.args]),
  };
}

/**
 * The command of a message of type 20, or of type 17, which is the same behind one zero byte as everybody sends it.
 *
 * @throws MalformedMediaError when it holds no command
 */
export function parseCommand(message: RtmpMessage): RtmpCommand {
  const [name, transactionId, ...args] = decodeAmf0(amf0Payload(message));
  if (typeof name !== 'string')
    throw new MalformedMediaError('RTMP command: expected a name first', { offset: 0 });
  return { name, transactionId: typeof transactionId === 'number' ? transactionId : 0, args };
}

/** AMF0 within types 15 and 17 stands behind one byte of format selector. */
export function amf0Payload(message: RtmpMessage): Buffer {
  const isAmf3 = message.typeId === MessageType.commandAmf3 || message.typeId === MessageType.dataAmf3;
  return isAmf3 && message.payload[0] === 0 ? message.payload.subarray(1) : message.payload;
}

/** What `_result`, `_error` and `onStatus` say in their information object. */
export interface RtmpStatus {
  readonly level: string;
  readonly code: string;
  readonly description: string;
}

/** The last argument that is an object and tells a code. */
export function statusOf(command: RtmpCommand): RtmpStatus {
  for (const value of [...command.args].reverse()) {
    const entries: AmfObject = amfEntries(value);
    if (typeof entries['code'] === 'string') {
      return {
        level: text(entries['level']),
        code: entries['code'],
        description: text(entries['description']),
      };
    }
  }
  return { level: '', code: '', description: '' };
}

/** What a peer says goes into messages and logs: short, and in one line. */
function text(value: AmfValue): string {
  // eslint-disable-next-line no-control-regex -- these are what must not reach a terminal
  return typeof value === 'string' ? value.slice(0, 300).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ') : '';
}
