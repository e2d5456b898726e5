import { MalformedMediaError } from '../base/errors.js';

/**
 * One frame of the pipe between the main and a room process:
 * `u32 total length` (of what follows), `u32 header length`, header as JSON, payload. Integers are big-endian.
 */
export interface Frame {
  readonly header: unknown;
  readonly payload: Buffer;
}

/** No unit comes near this; more means that the two ends no longer agree where frames begin. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export function encodeFrame(header: unknown, payload?: Buffer): Buffer[] {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.allocUnsafe(8);
  prefix.writeUInt32BE(4 + json.length + (payload?.length ?? 0), 0);
  prefix.writeUInt32BE(json.length, 4);
  const head = Buffer.concat([prefix, json]);
  return payload === undefined ? [head] : [head, payload];
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /**
   * @param chunk the next bytes; kept until their frames are complete
   * @returns the frames that became complete, payloads copied
   * @throws MalformedMediaError when the lengths contradict each other
   */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    while (this.#bytes >= 8) {
      const first = this.#head(8);
      const length = first.readUInt32BE(0);
      const headerLength = first.readUInt32BE(4);
      if (length > MAX_FRAME_BYTES || headerLength + 4 > length) {
        throw new MalformedMediaError(`room pipe: header of ${headerLength} bytes in a frame of ${length}`);
      }
      if (this.#bytes < 4 + length) break;
      const whole = this.#head(4 + length);
      const header: unknown = JSON.parse(whole.toString('utf8', 8, 8 + headerLength));
      frames.push({ header, payload: Buffer.from(whole.subarray(8 + headerLength, 4 + length)) });
      this.#skip(4 + length);
    }
    return frames;
  }

  /** The first bytes in one piece; at least `bytes` of them. */
  #head(bytes: number): Buffer {
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    if (first.length >= bytes) return first;
    let gathered = 0;
    let count = 0;
    while (gathered < bytes) gathered += this.#chunks[count++]?.length ?? bytes;
    const joined = Buffer.concat(this.#chunks.splice(0, count));
    this.#chunks.unshift(joined);
    return joined;
  }

  #skip(bytes: number): void {
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    this.#bytes -= bytes;
    if (first.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(bytes);
  }
}
