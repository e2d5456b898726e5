import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeError, UnsupportedMediaError } from '../../../base/errors.js';
import { Mp4Reader } from '../../../container/mp4/reader.js';
import { transportStreamToFlv } from '../../../ffmpeg/transport-stream.js';
import type { CaptureEvent } from '../event.js';
import { FlvEvents } from '../flv.js';
import { mp4Events } from '../mp4.js';

const TS_SYNC = 0x47;

/**
 * One segment by itself: fragmented MP4 by way of a file, TS by way of ffmpeg.
 *
 * @param bytes initialisation section and segment
 * @returns all its events; indices count from the segment's beginning
 * @throws MalformedMediaError, UnsupportedMediaError when it cannot be read
 */
export async function readSegment(bytes: Buffer): Promise<CaptureEvent[]> {
  if (bytes[0] === TS_SYNC) return [...new FlvEvents().push(await intoFlv(bytes))];
  if (!/^(ftyp|styp|moov|moof|sidx|emsg)$/.test(bytes.toString('latin1', 4, 8))) {
    throw new UnsupportedMediaError(
      'HLS: segments that are neither fragmented MP4 nor TS are not supported here',
    );
  }
  await using reader = await openBytes(bytes);
  const events: CaptureEvent[] = [];
  const options = { rewritten: true, onRead: (): void => undefined };
  for await (const event of mp4Events(reader, options)) events.push(event);
  return events;
}

/** The file has no name any more once it is open: a watch that is killed leaves nothing. */
async function openBytes(bytes: Buffer): Promise<Mp4Reader> {
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-hls-'));
  try {
    const path = join(folder, 'segment.mp4');
    await writeFile(path, bytes);
    return await Mp4Reader.open(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function intoFlv(segment: Buffer): Promise<Buffer> {
  try {
    return await transportStreamToFlv(segment);
  } catch (cause) {
    if (!(cause instanceof NativeError)) throw cause;
    throw new UnsupportedMediaError(
      `HLS: a TS segment of something else than H.264 and AAC: ${cause.message}`,
      {
        cause,
      },
    );
  }
}
