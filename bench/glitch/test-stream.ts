import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAudioBody, parseVideoBody } from '../../src/container/flv/body.js';
import { flvFileHeader, serialiseTag, TagType } from '../../src/container/flv/tag.js';
import { FlvTagReader, type ReceivedTag } from '../../src/container/flv/tag-reader.js';
import { writeWav } from '../../src/container/wav/wav.js';
import { RATE, type Stereo } from './sounds.js';

export const PICTURE_RATE = 30;
/** Of an IDR to the next. */
export const GROUP_MS = 2000;
export const SOUND_BPS = 128_000;

export interface TestStreamOptions {
  readonly sound: Stereo;
  /** Of the picture, 16 to 9. */
  readonly width: number;
}

/** A moving test picture with sound, as an RTMP encoder sends it: no B-frames, AAC-LC. */
export async function testStream({ sound, width }: TestStreamOptions): Promise<ReceivedTag[]> {
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-test-stream-'));
  try {
    const [wav, flv] = [join(folder, 'sound.wav'), join(folder, 'stream.flv')];
    await writeFile(wav, writeWav({ sampleRate: RATE, pts: 0, channels: sound }));
    const picture = `testsrc2=size=${width}x${(width * 9) / 16}:rate=${PICTURE_RATE}`;
    const group = String((GROUP_MS * PICTURE_RATE) / 1000);
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', picture, '-i', wav, '-shortest'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', group, '-sc_threshold', '0'],
      ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', String(SOUND_BPS), flv],
    ]);
    return new FlvTagReader().push(await readFile(flv));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function writeFlv(tags: readonly ReceivedTag[]): Buffer {
  return Buffer.concat([
    flvFileHeader({ audio: true, video: true }),
    ...tags.map(({ type, timestamp, body }) =>
      serialiseTag({ type, timestampMs: timestamp, isSequenceHeader: false, body }),
    ),
  ]);
}

export function isFrame({ type, body }: ReceivedTag): boolean {
  return type === TagType.audio && parseAudioBody(body).kind === 'frame';
}

export function isPicture({ type, body }: ReceivedTag): boolean {
  return type === TagType.video && parseVideoBody(body).kind === 'picture';
}

export function isKeyframe({ type, body }: ReceivedTag): boolean {
  if (type !== TagType.video) return false;
  const parsed = parseVideoBody(body);
  return parsed.kind === 'picture' && parsed.isKeyframe;
}
