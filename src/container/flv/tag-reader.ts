import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { ByteQueue } from './byte-queue.js';
import { FILE_HEADER_BYTES, PREVIOUS_TAG_SIZE_BYTES, TAG_HEADER_BYTES, TagType } from './tag.js';

/** A tag as it came: its time still wraps. */
export interface ReceivedTag {
  readonly type: TagType;
  /** Milliseconds modulo 2^32. */
  readonly timestamp: number;
  /** May be a view of what was pushed. */
  readonly body: Buffer;
}

/** A data offset far past the header is damage, not a header of the future. */
const MAX_DATA_OFFSET = 1024;
/** The filter bit of a tag type: the body is encrypted (E.4.1). */
const FILTER = 0x20;

/** FLV bytes, in pieces of any size → tags. A tag that the stream ends within is not given out. */
export class FlvTagReader {
  readonly #queue = new ByteQueue();
  #offset = 0;
  /** Bytes between the file header and the first tag; undefined until the header is in. */
  #toSkip: number | undefined;
  #head: { type: TagType; timestamp: number; size: number } | undefined;

  /** Bytes that wait for the rest of their tag. */
  get pendingBytes(): number {
    return this.#queue.length;
  }

  /**
   * @throws MalformedMediaError when the bytes are no FLV; nothing can be read from here on
   * @throws UnsupportedMediaError when they are encrypted
   */
  push(chunk: Buffer): ReceivedTag[] {
    this.#queue.push(chunk);
    const tags: ReceivedTag[] = [];
    for (;;) {
      if (this.#toSkip === undefined) {
        const header = this.#take(FILE_HEADER_BYTES);
        if (header === undefined) return tags;
        this.#toSkip = this.#readFileHeader(header);
      }
      if (this.#toSkip > 0) {
        if (this.#take(this.#toSkip) === undefined) return tags;
        this.#toSkip = 0;
      }
      if (this.#head === undefined) {
        const header = this.#take(TAG_HEADER_BYTES);
        if (header === undefined) return tags;
        this.#head = this.#readTagHeader(header);
      }
      const { type, timestamp, size } = this.#head;
      // PreviousTagSize is taken with the body and not looked at: writers in use get it wrong.
      const rest = this.#take(size + PREVIOUS_TAG_SIZE_BYTES);
      if (rest === undefined) return tags;
      this.#head = undefined;
      tags.push({ type, timestamp, body: rest.subarray(0, size) });
    }
  }

  #take(bytes: number): Buffer | undefined {
    const taken = this.#queue.take(bytes);
    if (taken !== undefined) this.#offset += bytes;
    return taken;
  }

  #readFileHeader(header: Buffer): number {
    const dataOffset = header.readUInt32BE(5);
    if (
      header.toString('latin1', 0, 3) !== 'FLV' ||
      dataOffset < FILE_HEADER_BYTES ||
      dataOffset > MAX_DATA_OFFSET
    ) {
      throw new MalformedMediaError(`FLV header: expected "FLV", got ${header.toString('hex')}`, {
        offset: 0,
      });
    }
    return dataOffset - FILE_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES;
  }

  #readTagHeader(header: Buffer): { type: TagType; timestamp: number; size: number } {
    const offset = this.#offset - TAG_HEADER_BYTES;
    const first = header.readUInt8(0);
    if ((first & FILTER) !== 0) throw new UnsupportedMediaError('encrypted FLV is not supported here');
    if (first !== TagType.audio && first !== TagType.video && first !== TagType.script) {
      throw new MalformedMediaError(`FLV tag: expected type 8, 9 or 18, got ${first}`, { offset });
    }
    const timestamp = header.readUIntBE(4, 3) + header.readUInt8(7) * 2 ** 24;
    return { type: first, timestamp, size: header.readUIntBE(1, 3) };
  }
}
