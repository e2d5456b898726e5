import { InvalidOptionError, MalformedMediaError } from '../../base/errors.js';

/**
 * Action Message Format 0, the values of FLV script tags and RTMP commands (Adobe, "Action Message Format -- AMF 0",
 * December 2007). Numbers are doubles, dates are UTC, objects have no prototype so that no key is special.
 */
export type AmfValue =
  number | boolean | string | null | undefined | Date | AmfObject | EcmaArray | AmfValue[];
export interface AmfObject {
  [key: string]: AmfValue;
}

/** An associative array (§2.10): what `onMetaData` is by custom. Its count on the wire is a hint only. */
export class EcmaArray {
  constructor(readonly entries: AmfObject) {}
}

/** §2.1 */
const Marker = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xml: 0x0f,
  typedObject: 0x10,
} as const;

/** Nesting and number of values of one message: commands in use have depth 2 and fewer than 50 values. */
const MAX_DEPTH = 16;
const MAX_VALUES = 4096;
const MAX_SHORT_STRING = 0xffff;

/** An object, an associative array or neither, as its entries. */
export function amfEntries(value: AmfValue): AmfObject {
  if (value instanceof EcmaArray) return value.entries;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date) return {};
  return value;
}

/**
 * All values of a message, one after the other.
 *
 * @throws MalformedMediaError when one is cut short, of an unknown type, or nested or numerous beyond reason
 */
export function decodeAmf0(data: Buffer): AmfValue[] {
  const reader = new AmfReader(data);
  const values: AmfValue[] = [];
  while (!reader.atEnd) values.push(reader.value(0));
  return values;
}

class AmfReader {
  #offset = 0;
  #values = 0;
  readonly #references: AmfValue[] = [];

  constructor(readonly data: Buffer) {}

  get atEnd(): boolean {
    return this.#offset >= this.data.length;
  }

  value(depth: number): AmfValue {
    const at = this.#offset;
    if (depth > MAX_DEPTH)
      throw new MalformedMediaError(`AMF0: nested deeper than ${MAX_DEPTH}`, { offset: at });
    if (++this.#values > MAX_VALUES) {
      throw new MalformedMediaError(`AMF0: more than ${MAX_VALUES} values`, { offset: at });
    }
    const marker = this.data.readUInt8(this.#take(1));
    switch (marker) {
      case Marker.number:
        return this.data.readDoubleBE(this.#take(8));
      case Marker.boolean:
        return this.data.readUInt8(this.#take(1)) !== 0;
      case Marker.string:
        return this.#text(this.data.readUInt16BE(this.#take(2)));
      case Marker.longString:
      case Marker.xml:
        return this.#text(this.data.readUInt32BE(this.#take(4)));
      case Marker.null:
        return null;
      case Marker.undefined:
      case Marker.unsupported:
        return undefined;
      case Marker.reference:
        return this.#reference(at);
      case Marker.typedObject:
        this.#text(this.data.readUInt16BE(this.#take(2)));
        return this.#object(depth);
      case Marker.object:
        return this.#object(depth);
      case Marker.ecmaArray:
        this.#take(4);
        return this.#ecmaArray(depth);
      case Marker.strictArray:
        return this.#array(depth);
      case Marker.date: {
        const time = this.data.readDoubleBE(this.#take(8));
        this.#take(2); // time zone, "should not be filled nor used" (§2.13)
        return new Date(time);
      }
      default:
        throw new MalformedMediaError(`AMF0: unknown type marker 0x${marker.toString(16)}`, { offset: at });
    }
  }

  #take(bytes: number): number {
    const at = this.#offset;
    if (bytes > this.data.length - at) {
      throw new MalformedMediaError(`AMF0: expected ${bytes} more bytes, got ${this.data.length - at}`, {
        offset: at,
      });
    }
    this.#offset += bytes;
    return at;
  }

  #text(length: number): string {
    const at = this.#take(length);
    return this.data.toString('utf8', at, at + length);
  }

  #reference(at: number): AmfValue {
    const index = this.data.readUInt16BE(this.#take(2));
    if (index >= this.#references.length) {
      throw new MalformedMediaError(`AMF0: reference to object ${index} of ${this.#references.length}`, {
        offset: at,
      });
    }
    return this.#references[index];
  }

  #object(depth: number): AmfObject {
    const object = emptyObject();
    this.#references.push(object);
    this.#properties(object, depth);
    return object;
  }

  #ecmaArray(depth: number): EcmaArray {
    const array = new EcmaArray(emptyObject());
    this.#references.push(array);
    this.#properties(array.entries, depth);
    return array;
  }

  #properties(into: AmfObject, depth: number): void {
    for (;;) {
      const key = this.#text(this.data.readUInt16BE(this.#take(2)));
      if (key === '' && this.data[this.#offset] === Marker.objectEnd) {
        this.#offset++;
        return;
      }
      into[key] = this.value(depth + 1);
    }
  }

  #array(depth: number): AmfValue[] {
    const count = this.data.readUInt32BE(this.#take(4));
    const array: AmfValue[] = [];
    this.#references.push(array);
    for (let i = 0; i < count; i++) array.push(this.value(depth + 1));
    return array;
  }
}

function emptyObject(): AmfObject {
  return Object.create(null) as AmfObject;
}

/** @throws InvalidOptionError when a key is longer than 65535 bytes or values are nested too deep */
export function encodeAmf0(values: readonly AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) writeValue(parts, value, 0);
  return Buffer.concat(parts);
}

function writeValue(parts: Buffer[], value: AmfValue, depth: number): void {
  if (depth > MAX_DEPTH) throw new InvalidOptionError(`AMF0: nested deeper than ${MAX_DEPTH}`);
  if (typeof value === 'number') parts.push(withDouble(Marker.number, value));
  else if (typeof value === 'boolean') parts.push(Buffer.from([Marker.boolean, value ? 1 : 0]));
  else if (typeof value === 'string') writeString(parts, value);
  else if (value === null) parts.push(Buffer.from([Marker.null]));
  else if (value === undefined) parts.push(Buffer.from([Marker.undefined]));
  else if (value instanceof Date) parts.push(withDouble(Marker.date, value.getTime()), Buffer.alloc(2));
  else if (Array.isArray(value)) {
    parts.push(withCount(Marker.strictArray, value.length));
    for (const item of value) writeValue(parts, item, depth + 1);
  } else if (value instanceof EcmaArray) {
    parts.push(withCount(Marker.ecmaArray, Object.keys(value.entries).length));
    writeProperties(parts, value.entries, depth);
  } else {
    parts.push(Buffer.from([Marker.object]));
    writeProperties(parts, value, depth);
  }
}

function writeProperties(parts: Buffer[], object: AmfObject, depth: number): void {
  for (const [key, value] of Object.entries(object)) {
    const text = Buffer.from(key);
    if (text.length > MAX_SHORT_STRING) {
      throw new InvalidOptionError(`AMF0: expected a key of at most 65535 bytes, got ${text.length}`);
    }
    parts.push(Buffer.from([text.length >> 8, text.length & 0xff]), text);
    writeValue(parts, value, depth + 1);
  }
  parts.push(Buffer.from([0, 0, Marker.objectEnd]));
}

function writeString(parts: Buffer[], value: string): void {
  const text = Buffer.from(value);
  if (text.length <= MAX_SHORT_STRING) {
    parts.push(Buffer.from([Marker.string, text.length >> 8, text.length & 0xff]), text);
  } else {
    parts.push(withCount(Marker.longString, text.length), text);
  }
}

function withDouble(marker: number, value: number): Buffer {
  const out = Buffer.allocUnsafe(9);
  out[0] = marker;
  out.writeDoubleBE(value, 1);
  return out;
}

function withCount(marker: number, count: number): Buffer {
  const out = Buffer.allocUnsafe(5);
  out[0] = marker;
  out.writeUInt32BE(count, 1);
  return out;
}
