import type { AmfValue } from '../container/flv/amf0.js';
import { commandMessage } from './command.js';
import { CONTROL_CHUNK_STREAM, controlMessage, MessageType, type RtmpMessage } from './message.js';

const WINDOW_BYTES = 2_500_000;
const CHUNK_SIZE = 4096;
/** "The peer should limit as it did, or as told now" (§5.4.5). */
const DYNAMIC_LIMIT = 2;

/** `_result` of a command (§7.2.1), its command object first. */
export function resultMessage(transactionId: number, args: readonly AmfValue[]): RtmpMessage {
  return commandMessage({ name: '_result', transactionId, args });
}

/** `onStatus` of a message stream (§7.2.2). */
export function statusMessage(
  level: 'status' | 'error',
  code: string,
  description: string,
  streamId: number,
): RtmpMessage {
  const args = [null, { level, code, description }];
  return commandMessage({ name: 'onStatus', transactionId: 0, args }, streamId);
}

/** What a server says to a `connect` that it takes: its limits, then the result (§7.2.1.1). */
export function connected(transactionId: number): RtmpMessage[] {
  const bandwidth = Buffer.alloc(5);
  bandwidth.writeUInt32BE(WINDOW_BYTES);
  bandwidth[4] = DYNAMIC_LIMIT;
  return [
    controlMessage(MessageType.windowAckSize, WINDOW_BYTES),
    {
      chunkStreamId: CONTROL_CHUNK_STREAM,
      typeId: MessageType.setPeerBandwidth,
      streamId: 0,
      timestamp: 0,
      payload: bandwidth,
    },
    controlMessage(MessageType.setChunkSize, CHUNK_SIZE),
    resultMessage(transactionId, [
      { fmsVer: 'FMS/3,0,1,123', capabilities: 31 },
      {
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'Connection succeeded.',
        objectEncoding: 0,
      },
    ]),
  ];
}

/** What it says to one of an application that is not here. */
export function connectRejected(transactionId: number): RtmpMessage {
  const info = {
    level: 'error',
    code: 'NetConnection.Connect.Rejected',
    description: 'no such application here',
  };
  return commandMessage({ name: '_error', transactionId, args: [null, info] });
}
