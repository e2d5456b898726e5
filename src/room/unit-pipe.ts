import type { Duplex } from 'node:stream';
import type { AccessUnit } from '../media/access-unit.js';
import { FrameReader } from './frame.js';
import { MessageReader, MessageWriter } from './wire.js';

export interface Message {
  readonly type: string;
  readonly unit?: AccessUnit;
  /** Units of one id are one stream: when it has to drop, it drops to that stream's next IDR. */
  readonly id?: string;
}

export interface UnitPipeOptions<In> {
  readonly onMessage: (message: In) => void;
  /** The stream no longer makes sense; the pipe is destroyed. */
  readonly onBroken: (error: Error) => void;
  /** Bytes that may wait for the other end before units are dropped. */
  readonly maxQueuedBytes?: number;
}

const DEFAULT_MAX_QUEUED_BYTES = 8 * 1024 * 1024;

/**
 * Messages over a duplex byte stream. Control messages always go; units are dropped, video to the next IDR, while the
 * other end does not read.
 */
export class UnitPipe<Out extends Message, In extends { readonly type: string }> {
  /** Units that were not sent because the other end did not read. */
  droppedUnits = 0;
  readonly #stream: Duplex;
  readonly #writer = new MessageWriter();
  readonly #maxQueuedBytes: number;
  readonly #waitingForIdr = new Set<string>();

  constructor(stream: Duplex, options: UnitPipeOptions<In>) {
    this.#stream = stream;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES;
    const frames = new FrameReader();
    const messages = new MessageReader<In>();
    stream.on('error', options.onBroken);
    const parse = (chunk: Buffer): In[] => {
      try {
        return frames
          .push(chunk)
          .map((frame) => messages.decode(frame))
          .filter((message) => message !== undefined);
      } catch (error) {
        stream.destroy();
        options.onBroken(error instanceof Error ? error : new Error(String(error)));
        return [];
      }
    };
    // What the receiver throws is its own affair, not the pipe's.
    stream.on('data', (chunk: Buffer) => parse(chunk).forEach((message) => options.onMessage(message)));
  }

  send(message: Out): void {
    if (!this.#stream.writable) return;
    if (message.unit !== undefined && !this.#mayPass(message.unit, message.id ?? '')) {
      this.droppedUnits++;
      return;
    }
    this.#stream.cork();
    for (const part of this.#writer.encode(message)) this.#stream.write(part);
    this.#stream.uncork();
  }

  /** Everything sent before is still delivered. */
  end(): void {
    this.#stream.end();
  }

  #mayPass(unit: AccessUnit, id: string): boolean {
    const full = this.#stream.writableLength > this.#maxQueuedBytes;
    if (unit.kind === 'audio') return !full;
    if (full) {
      this.#waitingForIdr.add(id);
      return false;
    }
    if (unit.isIdr) this.#waitingForIdr.delete(id);
    return !this.#waitingForIdr.has(id);
  }
}
