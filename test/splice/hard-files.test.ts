/** Files that break tools: FLV and MP4 as recorders leave them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DestinationError,
  InvalidOptionError,
  MalformedMediaError,
  UnsupportedMediaError,
} from '../../src/base/errors.js';
import { buildAsc } from '../../src/codec/aac/asc.js';
import { flvFileHeader, serialiseTag, TagType } from '../../src/container/flv/tag.js';
import { FlvTagReader, type ReceivedTag } from '../../src/container/flv/tag-reader.js';
import { splice } from '../../src/splice/offline.js';
import type { MediaIndex } from '../../src/splice/source/media-index.js';
import { SourceFile } from '../../src/splice/source/source-file.js';
import { TempDir } from '../peers/temp-dir.js';

const samples = fileURLToPath(new URL('../../samples/', import.meta.url));
const show = `${samples}show.flv`;
const UNITS = 376;
const FRAME = 1024;
let dir: TempDir;

beforeAll(async () => {
  dir = await TempDir.open('splice-files');
});
afterAll(() => dir.close());

/** Body of an AAC tag (E.4.2): 0 is a sequence header, 1 a frame. */
const isHeader = (tag: ReceivedTag): boolean => tag.type === TagType.audio && tag.body[1] === 0;
const isFrame = (tag: ReceivedTag): boolean => tag.type === TagType.audio && tag.body[1] === 1;

/** The sample's tags, changed and written to a file of that name. */
async function flv(name: string, change: (tags: ReceivedTag[]) => ReceivedTag[]): Promise<string> {
  const tags = change(new FlvTagReader().push(readFileSync(show)));
  const path = dir.file(name);
  const bytes = tags.map(({ type, timestamp, body }) =>
    serialiseTag({ type, timestampMs: timestamp, isSequenceHeader: false, body }),
  );
  await writeFile(path, Buffer.concat([flvFileHeader({ audio: true, video: true }), ...bytes]));
  return path;
}

async function indexOf(path: string): Promise<MediaIndex> {
  const source = await SourceFile.open(path, () => Promise.reject(new Error('not needed')));
  await source.close();
  return source.index;
}

const counts = ({ audio }: MediaIndex): number[] => audio!.runs.map(({ count }) => count);

describe('an FLV', () => {
  const audioOnly = (tags: ReceivedTag[]): ReceivedTag[] => tags.filter(({ type }) => type === TagType.audio);
  const at = (tag: ReceivedTag, timestamp: number): ReceivedTag => ({
    ...tag,
    timestamp: ((Math.round(timestamp) % 2 ** 32) + 2 ** 32) % 2 ** 32,
  });

  test('that begins with timestamp −1 is no 50 days long', async () => {
    let isFirst = true;
    const path = await flv('minus.flv', (tags) =>
      audioOnly(tags).map((tag) => {
        if (!isFrame(tag) || !isFirst) return tag;
        isFirst = false;
        return at(tag, -1);
      }),
    );
    const { audio } = await indexOf(path);
    // The stray time may leave a hole of a frame or two before the second frame.
    expect(Math.abs(audio!.to - audio!.from - UNITS * FRAME)).toBeLessThanOrEqual(3 * FRAME);
  });

  test('whose times wrap at 32 bits loses nothing', async () => {
    const path = await flv('wrap.flv', (tags) => tags.map((tag) => at(tag, tag.timestamp - 3_000)));
    const [wrapped, plain] = [await indexOf(path), await indexOf(show)];
    expect(counts(wrapped)).toEqual(counts(plain));
    expect(wrapped.audio!.to - wrapped.audio!.from).toBe(plain.audio!.to - plain.audio!.from);
    expect(wrapped.video!.to).toBe(plain.video!.to);
    expect(wrapped.video!.pts.length).toBe(plain.video!.pts.length);
  });

  test('that repeats its sequence header is one run', async () => {
    const path = await flv('repeated.flv', (tags) => {
      const header = tags.find(isHeader)!;
      return tags.flatMap((tag, i) => (i % 50 === 49 ? [at(header, tag.timestamp), tag] : [tag]));
    });
    expect(counts(await indexOf(path))).toEqual([UNITS]);
  });

  test('without an AAC sequence header is refused, and its sound not left out in silence', async () => {
    const path = await flv('headless.flv', (tags) => tags.filter((tag) => !isHeader(tag)));
    const error = await indexOf(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MalformedMediaError);
    expect((error as Error).message).toMatch(/headless\.flv.*sequence header/);
  });

  test('whose AAC sequence header changes to another rate is as long as its units are', async () => {
    const asc = buildAsc({ sampleRate: 24_000, channels: 2 });
    let frames = 0;
    const path = await flv('changed.flv', (tags) => {
      const header = tags.find(isHeader)!;
      return audioOnly(tags).flatMap((tag) => {
        if (!isFrame(tag) || frames++ !== 100) return [tag];
        return [
          { ...at(header, tag.timestamp), body: Buffer.concat([header.body.subarray(0, 2), asc]) },
          tag,
        ];
      });
    });
    const { audio } = await indexOf(path);
    const [first, second] = audio!.runs;
    expect(second!.config.sampleRate).toBe(24_000);
    const seconds = first!.count * (FRAME / 48_000) + second!.count * (FRAME / 24_000);
    // `to` is in samples of the first run's rate; runs begin on whole milliseconds.
    expect(Math.abs((audio!.to - first!.origin) / 48_000 - seconds)).toBeLessThan(0.05);
  });

  test('with doubled and reordered frames keeps each moment once', async () => {
    const path = await flv('doubled.flv', (tags) => {
      const sound = audioOnly(tags);
      [sound[200], sound[201]] = [sound[201]!, sound[200]!];
      sound.splice(100, 0, sound[100]!);
      return sound;
    });
    const { audio } = await indexOf(path);
    expect(Math.abs(audio!.to - audio!.from - UNITS * FRAME)).toBeLessThanOrEqual(FRAME);
  });

  test.each([
    ['lost', (sound: ReceivedTag[]) => sound.splice(150, 3)],
    ['doubled', (sound: ReceivedTag[]) => sound.splice(150, 0, sound[150]!)],
    ['reordered', (sound: ReceivedTag[]) => sound.splice(150, 2, sound[151]!, sound[150]!)],
  ] as const)('with frames %s right beside a seam is cut and joined there', async (name, damage) => {
    const path = await flv(`${name}.flv`, (tags) => {
      const [header, ...sound] = audioOnly(tags);
      damage(sound);
      return [header!, ...sound];
    });
    const cut = { samples: Math.round(149.5 * FRAME) };
    const output = dir.file(`${name}.m4a`);
    const pieces = [
      { path, out: cut },
      { path: show, in: { samples: 5 * 48_000 } },
      { path, in: cut },
    ];
    const result = await splice({ pieces, output });
    const decoded = execFileSync('ffmpeg', ['-v', 'error', '-i', output, '-f', 'null', '-']);
    expect(decoded.toString()).toBe('');
    expect(result.seams).toHaveLength(2);
    for (const { start, end, offsetSamples } of result.seams) {
      expect([start, end]).not.toContain('mismatched');
      expect(Math.abs(offsetSamples)).toBeLessThanOrEqual(FRAME / 2);
    }
    // The two files' frames lie on grids that differ: rescaling takes seconds of the first piece or of the second.
    expect(result.passedFrames).toBeGreaterThan(200);
  });

  test.each([200, -200])(
    'whose clock runs at %d ppm keeps all of its units, with a hole at most',
    async (ppm) => {
      const path = await flv('drift.flv', (tags) => {
        const sound = audioOnly(tags).filter(isFrame);
        const header = tags.find(isHeader)!;
        // A minute: 12 ms, far more than the rounding to milliseconds.
        const frames = Array.from({ length: 60 * 47 }, (_, i) =>
          at(sound[i % sound.length]!, (i * FRAME) / 48 / (1 - ppm / 1e6)),
        );
        return [header, ...frames];
      });
      const runs = counts(await indexOf(path));
      expect(runs.length).toBeLessThanOrEqual(2);
      expect(runs.reduce((sum, count) => sum + count, 0)).toBe(60 * 47);
    },
  );
});

describe('an MP4', () => {
  const ffmpeg = (...args: string[]): Buffer => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args]);

  test('whose sound begins later by an empty edit is silent until then', async () => {
    const path = dir.file('late-sound.mp4');
    const later = ['-itsoffset', '0.5', '-i', `${samples}show.mp4`];
    ffmpeg('-i', `${samples}show.mp4`, ...later, ...['-map', '0:v', '-map', '1:a', '-c', 'copy', path]);
    const { audio } = await indexOf(path);
    // Priming of one frame or two lies before what is presented.
    expect(audio!.runs[0]!.origin).toBeGreaterThan(24_000 - 3 * FRAME);
    expect(audio!.runs[0]!.origin).toBeLessThanOrEqual(24_000);
  });

  test('of several edits that rearrange it is brought in', async () => {
    const path = dir.file('edits.m4a');
    ffmpeg('-i', `${samples}voice.m4a`, '-c', 'copy', path);
    await writeFile(path, withSecondEdit(readFileSync(path)));
    let asked = false;
    const opened = SourceFile.open(path, () => {
      asked = true;
      return Promise.resolve(`${samples}voice.m4a`);
    });
    await (await opened).close();
    expect(asked).toBe(true);
  });
});

/** Presents the first half second, then what follows a second later; the moov lies behind the media. */
function withSecondEdit(bytes: Buffer): Buffer {
  const elst = bytes.lastIndexOf('elst', undefined, 'latin1');
  const entry = Buffer.from(bytes.subarray(elst + 12, elst + 24));
  const timescale = bytes.readUInt32BE(bytes.lastIndexOf('mvhd', undefined, 'latin1') + 16);
  const second = Buffer.from(entry);
  entry.writeUInt32BE(timescale >> 1, 0);
  second.writeUInt32BE(timescale, 0);
  second.writeInt32BE(entry.readInt32BE(4) + 3 * 48_000, 4);
  const out = Buffer.concat([bytes.subarray(0, elst + 12), entry, second, bytes.subarray(elst + 24)]);
  out.writeUInt32BE(2, elst + 8);
  for (const type of ['elst', 'edts', 'trak', 'moov']) {
    const size = bytes.lastIndexOf(type, undefined, 'latin1') - 4;
    out.writeUInt32BE(out.readUInt32BE(size) + entry.length, size);
  }
  return out;
}

describe('what cannot be done leaves nothing behind', () => {
  test('sound of an AAC object type that cannot be decoded', async () => {
    const asc = buildAsc({ objectType: 1, sampleRate: 48_000, channels: 2 });
    const path = await flv('main.flv', (tags) =>
      tags.map((tag) =>
        isHeader(tag) ? { ...tag, body: Buffer.concat([tag.body.subarray(0, 2), asc]) } : tag,
      ),
    );
    const error = await splice({ pieces: [{ path }], output: dir.file('main.mp4') }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UnsupportedMediaError);
    expect((error as Error).message).toContain('main.flv');
  });

  test('a folder in the place of a file', async () => {
    const error = await indexOf(dir.path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as Error).message).toContain(dir.path);
  });

  test('a full disk, where a small file system can be mounted', async (context) => {
    const mount = dir.file('tiny');
    await mkdir(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount], { stdio: 'ignore' });
    } catch {
      context.skip('this user may not mount');
    }
    try {
      const error = await splice({
        pieces: [{ path: `${samples}show.mp4` }],
        output: `${mount}/out.mp4`,
      }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DestinationError);
      expect((error as Error).message).toContain('full');
      expect(await readdir(mount)).toEqual([]);
    } finally {
      execFileSync('umount', [mount]);
    }
  });
});
