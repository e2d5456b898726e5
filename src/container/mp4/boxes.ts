/** The one place that touches mp4box: making, writing and reading single boxes (ISO/IEC 14496-12 §4.2). */
import { Box, BoxParser, DataStream, Log, MP4BoxBuffer, MultiBufferStream } from 'mp4box';
import { MalformedMediaError } from '../../base/errors.js';

// mp4box tells the console of damage; here damage is an error with its place, or a counter.
for (const level of ['debug', 'info', 'warn', 'error'] as const) Log[level] = () => undefined;

const registry = BoxParser.box;
type Registry = typeof registry;
export type BoxType = keyof Registry;
export type BoxOf<T extends BoxType> = InstanceType<Registry[T]>;

type Fields<T> = { [K in keyof T]?: T[K] };

/** A new box with these fields; mp4box names them as the specification does. */
export function box<T extends BoxType>(type: T, fields: Fields<BoxOf<T>> = {}): BoxOf<T> {
  const made = new (registry[type] as unknown as new () => BoxOf<T>)();
  return Object.assign(made, fields);
}

/** A box of boxes. */
export function container(type: BoxType, children: readonly Box[]): Box {
  const made: Box = box(type);
  for (const child of children) made.addBox(child);
  return made;
}

/** A box whose body is at hand. */
export function rawBox(type: BoxType, body: Buffer): Box {
  const made = type === 'esds' ? box('esds') : new Box();
  if (made.type !== type) made.type = type;
  // mp4box writes the array's whole underlying buffer, and a Buffer's may be Node's shared pool.
  made.data = new Uint8Array(body);
  return made;
}

export type { Box };

/** The bytes of boxes, one after the other. */
export function serialise(boxes: readonly Box[]): Buffer {
  const stream = new DataStream();
  for (const one of boxes) one.write(stream);
  return Buffer.from(stream.buffer);
}

/** Where a box lies; offsets in bytes from the start of what was walked. */
export interface BoxPlace {
  readonly type: string;
  readonly start: number;
  /** First byte after the header. */
  readonly body: number;
  readonly end: number;
}

export const LONG_HEADER = 16;

/**
 * The header at `offset`, without checking that the box ends within `bytes`.
 *
 * @param limit where the enclosing box or file ends; a size of 0 reaches to it
 * @returns undefined when fewer bytes are left than the header needs
 * @throws MalformedMediaError when the size is smaller than the header
 */
export function boxHeader(bytes: Buffer, offset: number, limit: number): BoxPlace | undefined {
  if (offset + 8 > bytes.length) return undefined;
  let size = bytes.readUInt32BE(offset);
  const type = bytes.toString('latin1', offset + 4, offset + 8);
  let body = offset + 8;
  if (size === 1) {
    if (offset + LONG_HEADER > bytes.length) return undefined;
    size = Number(bytes.readBigUInt64BE(offset + 8));
    body = offset + LONG_HEADER;
  } else if (size === 0) size = limit - offset;
  if (size < body - offset || !Number.isSafeInteger(offset + size)) {
    throw new MalformedMediaError(`MP4 box ${JSON.stringify(type)}: impossible size ${size}`, { offset });
  }
  return { type, start: offset, body, end: offset + size };
}

/**
 * Boxes in [from, to) of `bytes`.
 *
 * @throws MalformedMediaError when one reaches past `to`
 */
export function walkBoxes(bytes: Buffer, from = 0, to = bytes.length): BoxPlace[] {
  const places: BoxPlace[] = [];
  let offset = from;
  // QuickTime ends some containers with a 32-bit zero.
  while (to - offset >= 8) {
    const place = boxHeader(bytes, offset, to);
    if (place === undefined || place.end > to) {
      throw new MalformedMediaError(
        `MP4 box ${JSON.stringify(place?.type ?? '')}: reaches past its container of ${to - from} bytes`,
        { offset },
      );
    }
    places.push(place);
    offset = place.end;
  }
  return places;
}

/** @returns the first box of `type` inside `parent` */
export function childBox(bytes: Buffer, parent: BoxPlace, type: string): BoxPlace | undefined {
  return walkBoxes(bytes, parent.body, parent.end).find((place) => place.type === type);
}

/** Entries of one table or run: 100 hours at 60 pictures a second. */
const MAX_ENTRIES = 21_600_000;
/** Samples of one run: nobody writes fragments of minutes with thousands of samples a second. */
const MAX_RUN = 100_000;

/**
 * Reads one box without children (or an stsd) with mp4box.
 *
 * @throws MalformedMediaError when it is cut short or declares more entries than it can hold
 */
export function parseBox<T extends BoxType>(type: T, bytes: Buffer, place: BoxPlace): BoxOf<T> {
  if (type === 'stsz' || type === 'trun') checkCount(type, bytes, place);
  const copy = new Uint8Array(bytes.subarray(place.start, place.end)).buffer;
  const stream = new MultiBufferStream(MP4BoxBuffer.fromArrayBuffer(copy, 0));
  const parsed = new (registry[type] as unknown as new (size: number) => BoxOf<T>)(copy.byteLength);
  parsed.hdr_size = place.body - place.start;
  parsed.start = 0;
  stream.seek(parsed.hdr_size);
  try {
    parsed.parse(stream);
  } catch (cause) {
    throw new MalformedMediaError(`MP4 box ${type}: cut short or damaged`, { offset: place.start, cause });
  }
  return parsed;
}

/** Counts that mp4box follows without reading a byte for each entry. */
function checkCount(type: string, bytes: Buffer, place: BoxPlace): void {
  const at = place.body + (type === 'stsz' ? 8 : 4);
  if (at + 4 > place.end)
    throw new MalformedMediaError(`MP4 box ${type}: cut short`, { offset: place.start });
  const count = bytes.readUInt32BE(at);
  const max = type === 'stsz' ? MAX_ENTRIES : MAX_RUN;
  if (count > max) {
    throw new MalformedMediaError(`MP4 box ${type}: expected at most ${max} entries, got ${count}`, {
      offset: place.start,
    });
  }
}
