import { asAnchorNetError, DestinationError } from '../base/errors.js';
import type { AmfValue } from '../container/flv/amf0.js';
import { closeCause, closedCommand, refusal } from './client-failure.js';
import { commandMessage, parseCommand, type RtmpCommand } from './command.js';
import type { RtmpConnection } from './connection.js';
import { MessageType, type RtmpMessage } from './message.js';
import type { RtmpAddress } from './url.js';

/**
 * The commands of a client (§7.2): each with its transaction, answers brought back to who asked. When the connection
 * ends, nobody is left waiting. To be made before whoever else listens to the connection, and before it starts.
 */
export class CommandChannel {
  readonly #connection: RtmpConnection;
  readonly #address: RtmpAddress;
  readonly #transactions = new Map<number, (command: RtmpCommand) => void>();
  #transactionId = 0;
  /** Hears `onStatus`, and a stand-in for it of level error when the connection ends. */
  onStatus: ((command: RtmpCommand) => void) | undefined;

  constructor(connection: RtmpConnection, address: RtmpAddress) {
    this.#connection = connection;
    this.#address = address;
    connection.on('message', (message) => this.#receive(message));
    connection.on('closed', (reason) => {
      const stand = closedCommand(closeCause(address, reason));
      for (const settle of [...this.#transactions.values()]) settle(stand);
      this.onStatus?.(stand);
    });
  }

  /** @throws DestinationError when the server refuses the application, or the connection ends first */
  async connect(more: Readonly<Record<string, AmfValue>>): Promise<void> {
    const { app, tcUrl } = this.#address;
    await this.#call('connect', [{ app, ...more, tcUrl }]);
  }

  /**
   * @returns the number of the new message stream
   * @throws DestinationError when the server refuses, or the connection ends first
   */
  async createStream(): Promise<number> {
    const created = await this.#call('createStream', [null]);
    const streamId = created.args.find((value) => typeof value === 'number');
    if (streamId === undefined) throw new DestinationError('createStream: the server told no stream');
    return streamId;
  }

  /**
   * Sends a command whose answer is not waited for, or is an `onStatus`.
   *
   * @returns its transaction
   */
  send(name: string, args: readonly AmfValue[], streamId = 0): number {
    const transactionId = ++this.#transactionId;
    this.#connection.send(commandMessage({ name, transactionId, args }, streamId));
    return transactionId;
  }

  #call(name: string, args: readonly AmfValue[]): Promise<RtmpCommand> {
    return new Promise((resolve, reject) => {
      const transactionId = this.send(name, args);
      this.#transactions.set(transactionId, (command) => {
        this.#transactions.delete(transactionId);
        if (command.name === '_result') resolve(command);
        else reject(refusal(name, command));
      });
    });
  }

  #receive(message: RtmpMessage): void {
    if (message.typeId !== MessageType.command && message.typeId !== MessageType.commandAmf3) return;
    let command: RtmpCommand;
    try {
      command = parseCommand(message);
    } catch (error) {
      this.#connection.destroy(asAnchorNetError(error));
      return;
    }
    if (command.name === 'onStatus') this.onStatus?.(command);
    else if (command.name === '_result' || command.name === '_error') {
      this.#transactions.get(command.transactionId)?.(command);
    } else if (command.name === 'close') {
      this.#connection.destroy(new DestinationError('the server asked to close'));
    }
  }
}
