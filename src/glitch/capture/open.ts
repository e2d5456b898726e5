import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AnchorNetError, MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { openInput } from '../../base/input-file.js';
import type { Mp4Reader } from '../../container/mp4/reader.js';
import { AdtsEvents } from './adts.js';
import type { Capture, CaptureEvent } from './event.js';
import { FlvEvents } from './flv.js';
import { mp4Events } from './mp4.js';
import { wavEvents } from './wav.js';

const LOOK_BYTES = 16;
const READ_BYTES = 256 * 1024;

export interface OpenCaptureOptions {
  /** Makes an MP4 of a file of any other kind; by ffmpeg, unless it is left to somebody else. */
  readonly bringIn?: (source: string, target: string) => Promise<void>;
}

/**
 * A file as a stream of events. What it is, its first bytes tell, not its name: FLV, MP4, ADTS and WAV are read as they
 * are; whatever else ffmpeg reads is brought into MP4 first.
 *
 * @throws InvalidOptionError when the file cannot be opened
 * @throws MalformedMediaError when it is empty or damaged at its head
 * @throws UnsupportedMediaError when there is nothing in it to analyse
 * @throws NativeError when ffmpeg fails
 */
export async function openCapture(path: string, options: OpenCaptureOptions = {}): Promise<Capture> {
  const file = await openInput(path);
  try {
    const { size } = await file.stat();
    if (size === 0) throw new MalformedMediaError(`${path}: is empty`, { offset: 0 });
    const head = Buffer.alloc(LOOK_BYTES);
    await file.read(head, 0, LOOK_BYTES, 0);
    const format = formatOf(head);
    if (format === 'flv') return fileCapture(file, { format, size, events: flvFile });
    if (format === 'adts') return fileCapture(file, { format, size, events: adtsFile });
    if (format === 'wav') return fileCapture(file, { format, size, events: wavEvents });
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return (
    (await openMp4(path)) ??
    rewrite(path, options.bringIn ?? (await import('../../ffmpeg/bring-in.js')).bringIntoMp4)
  );
}

function formatOf(head: Buffer): 'flv' | 'wav' | 'adts' | undefined {
  if (head.toString('latin1', 0, 3) === 'FLV') return 'flv';
  if (head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WAVE') return 'wav';
  // Layer 0 tells ADTS from MP3.
  if (head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0) return 'adts';
  return undefined;
}

function fileCapture(
  file: FileHandle,
  options: {
    readonly format: string;
    readonly size: number;
    readonly events: (file: FileHandle, onRead: (bytes: number) => void) => AsyncGenerator<CaptureEvent>;
  },
): Capture {
  let read = 0;
  return {
    format: options.format,
    rewritten: false,
    bytes: options.size,
    bytesRead: () => read,
    events: () => options.events(file, (bytes) => (read = bytes)),
    close: () => file.close(),
  };
}

async function* chunksOf(file: FileHandle, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    // A buffer of its own each time: tag bodies are views of it.
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    onRead(position);
    yield buffer.subarray(0, bytesRead);
  }
}

function flvFile(file: FileHandle, onRead: (bytes: number) => void): AsyncGenerator<CaptureEvent> {
  return flvEvents(chunksOf(file, onRead));
}

/** FLV from a file or an address: damage ends it, as an event; an end within a tag is damage too. */
export async function* flvEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<CaptureEvent> {
  const flv = new FlvEvents();
  let units = 0;
  try {
    for await (const chunk of chunks) {
      for (const event of flv.push(chunk)) {
        units++;
        yield event;
      }
    }
  } catch (error) {
    if (!(error instanceof MalformedMediaError) || units === 0) throw error;
    yield torn(flv.byteOffset, 0, `nothing after it can be read: ${error.message}`);
    return;
  }
  if (flv.pendingBytes > 0 && units > 0) {
    yield torn(flv.byteOffset, flv.pendingBytes, 'the input ends within a tag');
  }
}

async function* adtsFile(file: FileHandle, onRead: (bytes: number) => void): AsyncGenerator<CaptureEvent> {
  const adts = new AdtsEvents();
  for await (const chunk of chunksOf(file, onRead)) yield* adts.push(chunk);
  yield* adts.end();
  if (adts.pendingBytes > 0) yield torn(adts.byteOffset, adts.pendingBytes, 'the input ends within a frame');
}

function torn(byteOffset: number, bytes: number, message: string): CaptureEvent {
  return { type: 'damage', medium: 'audio', place: { index: -1, byteOffset }, bytes, message, fatal: true };
}

/** @returns undefined when it is no MP4, or holds only codecs that have to be converted */
async function openMp4(path: string, rewritten = false): Promise<Capture | undefined> {
  // Takes longer to load than all that the other formats need.
  const mp4 = await import('../../container/mp4/reader.js');
  let reader: Mp4Reader;
  try {
    reader = await mp4.Mp4Reader.open(path);
  } catch (error) {
    if (!rewritten && (error instanceof UnsupportedMediaError || error instanceof MalformedMediaError)) {
      return undefined;
    }
    throw error;
  }
  const file = await open(path);
  const { size } = await file.stat();
  await file.close();
  let read = 0;
  return {
    format: 'mp4',
    rewritten,
    bytes: size,
    bytesRead: () => read,
    events: () => mp4Events(reader, { rewritten, onRead: (bytes) => (read = Math.max(read, bytes)) }),
    close: () => reader.close(),
  };
}

async function rewrite(path: string, bringIn: NonNullable<OpenCaptureOptions['bringIn']>): Promise<Capture> {
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-glitch-'));
  try {
    const target = join(folder, 'brought-in.mp4');
    await bringIn(resolve(path), target);
    const capture = await openMp4(target, true);
    if (capture === undefined)
      throw new UnsupportedMediaError(`${path}: neither pictures nor sound to analyse`);
    return capture;
  } catch (error) {
    if (error instanceof AnchorNetError) throw error;
    throw new MalformedMediaError(`${path}: cannot be read`, { cause: error });
  } finally {
    // It stays readable while it is open, and an analysis that is killed leaves nothing.
    await rm(folder, { recursive: true, force: true });
  }
}
