import { execFileSync, spawn } from 'node:child_process';
import { chmod, copyFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidOptionError, MalformedMediaError } from '../../src/base/errors.js';
import { splice } from '../../src/splice/offline.js';
import { parsePiece, readEditDecisionList } from '../../src/splice/edit-decision-list.js';
import { SourceFile } from '../../src/splice/source/source-file.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';

const RATE = 48_000;
const samples = fileURLToPath(new URL('../../samples/', import.meta.url));
const sample = (name: string): string => join(samples, name);
let dir: TempDir;

function ffmpeg(...args: string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { maxBuffer: 2 ** 28 });
}

/** Errors that ffmpeg prints while decoding all of a file. */
function decodeErrors(path: string): string {
  return execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-f', 'null', '-'], { encoding: 'utf8' });
}

function units(path: string): string[] {
  const adts = ffmpeg('-i', path, '-map', '0:a:0', '-c', 'copy', '-f', 'adts', '-');
  const found: string[] = [];
  for (let at = 0; at < adts.length;) {
    const length = ((adts[at + 3]! & 3) << 11) | (adts[at + 4]! << 3) | (adts[at + 5]! >> 5);
    found.push(adts.toString('base64', at + 7, at + length));
    at += length;
  }
  return found;
}

interface Times {
  readonly pts: number[];
  readonly dts: number[];
}

function pictureTimes(path: string): Times {
  const rows = execFileSync(
    'ffprobe',
    [
      ...['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time,dts_time'],
      ...['-of', 'csv=p=0', path],
    ],
    { encoding: 'utf8' },
  );
  const times = rows
    .trim()
    .split('\n')
    .map((row) => row.split(',').slice(0, 2).map(Number))
    // Changes of parameter sets get a row of their own.
    .filter((row) => row.length === 2 && row.every(Number.isFinite));
  return { pts: times.map(([pts]) => pts!), dts: times.map(([, dts]) => dts!) };
}

function decodedPictures(path: string): number {
  const text = execFileSync(
    'ffprobe',
    [
      '-v',
      'error',
      '-count_frames',
      '-select_streams',
      'v',
      '-show_entries',
      'stream=nb_read_frames',
      '-of',
      'csv=p=0',
      path,
    ],
    { encoding: 'utf8' },
  );
  return Number(text.trim().split('\n')[0]);
}

beforeAll(async () => {
  dir = await TempDir.open('splice');
});
afterAll(() => dir.close());

describe('a whole file spliced alone', () => {
  test.each(['show.mp4', 'show.flv'])('of %s passes every unit and every picture', async (name) => {
    const output = dir.file(`whole-${name}.mp4`);
    const result = await splice({ pieces: [{ path: sample(name) }], output });
    expect(result.bridgedFrames).toBe(0);
    expect(result.encodedPictures).toBe(0);
    expect(units(output)).toEqual(units(sample(name)));
    expect(decodeErrors(output)).toBe('');
    expect(decodedPictures(output)).toBe(240);
  });
});

describe.each(['mp4', 'flv', 'm4a', 'aac'])('pieces cut anywhere, written as .%s', (ending) => {
  test('decode without an error, and pass what lies between the seams', async () => {
    const output = dir.file(`pieces.${ending}`);
    const path = sample('show.mp4');
    const pieces = await Promise.all([`${path}:0.5-3.123`, `${path}:@240001-`].map(parsePiece));
    const result = await splice({ pieces, output });
    expect(decodeErrors(output)).toBe('');
    expect(result.seams).toHaveLength(1);
    expect(Math.abs(result.seams[0]!.offsetSamples)).toBeLessThanOrEqual(512);
    const wanted = 2.623 + (8 - 240_001 / RATE);
    expect(Math.abs(result.seconds - wanted) * RATE).toBeLessThanOrEqual(512.5);
    const known = new Set(units(path));
    const found = units(output);
    expect(found).toHaveLength(result.passedFrames + result.bridgedFrames);
    expect(found.filter((unit) => known.has(unit)).length).toBe(result.passedFrames);
    expect(result.passedFrames).toBeGreaterThan(100);
    if (ending === 'm4a' || ending === 'aac') return;
    const { pts, dts } = pictureTimes(output);
    expect(dts).toEqual([...dts].sort((a, b) => a - b));
    expect(decodedPictures(output)).toBe(pts.length);
    const shown = [...pts].sort((a, b) => a - b);
    const steps = shown.slice(1).map((time, i) => time - shown[i]!);
    // One picture is 33 ms; at a cut up to one more may be missing.
    expect(Math.max(...steps)).toBeLessThan(0.07);
    expect(Math.min(...steps)).toBeGreaterThan(0);
  });
});

test('exact sound has exactly the samples that were asked for', async () => {
  const output = dir.file('exact.m4a');
  const path = sample('show.mp4');
  const pieces = await Promise.all([`${path}:@1001-@100002`, `${path}:@200003-@300000`].map(parsePiece));
  const result = await splice({ pieces, output, audio: 'exact' });
  expect(Math.round(result.seconds * RATE)).toBe(99_001 + 99_997);
  const pcm = ffmpeg('-i', output, '-f', 's16le', '-');
  // ffmpeg 5 cuts the beginning by the edit list to the sample, the end to the frame.
  expect(Math.ceil(pcm.length / 4 / 1024)).toBe(Math.ceil((99_001 + 99_997) / 1024));
  expect(result.passedFrames).toBe(0);
});

test('a piece of another rate, channel count or size is converted, and the table says so', async () => {
  const other = dir.file('other.mp4');
  ffmpeg('-i', sample('show.mp4'), '-t', '3', '-s', '640x360', '-ar', '44100', '-ac', '1', other);
  const output = dir.file('mixed.mp4');
  const result = await splice({ pieces: [{ path: sample('show.mp4') }, { path: other }], output });
  expect(result.pieces[1]!.notes.join()).toMatch(/44100 Hz.*640x360/);
  expect(decodeErrors(output)).toBe('');
  expect(Math.abs(result.seconds - 11)).toBeLessThan(0.1);
});

test('what is neither MP4, FLV nor ADTS is brought in', async () => {
  const wav = dir.file('voice.wav');
  ffmpeg('-i', sample('voice.m4a'), '-t', '4', wav);
  const output = dir.file('from-wav.m4a');
  const result = await splice({
    pieces: [{ path: wav, out: { seconds: 2 } }, { path: sample('voice.m4a') }],
    output,
  });
  expect(decodeErrors(output)).toBe('');
  expect(Math.abs(result.seconds - 12)).toBeLessThan(0.03);
});

describe('inputs that break tools', () => {
  test('a fragmented MP4 that begins late starts at its own first picture', async () => {
    const fragmented = dir.file('late.mp4');
    ffmpeg(
      ...['-i', sample('show.mp4'), '-c', 'copy', '-output_ts_offset', '100'],
      ...['-movflags', 'frag_keyframe+empty_moov', fragmented],
    );
    const output = dir.file('from-late.mp4');
    const result = await splice({ pieces: [{ path: fragmented }], output });
    // Without edit lists, fragments present priming and wait for reordered pictures: up to 0.1 s more.
    expect(Math.abs(result.seconds - 8)).toBeLessThan(0.1);
    expect(decodedPictures(output)).toBe(240);
  });

  test('priming that only iTunSMPB tells is not presented', async () => {
    const plain = dir.file('no-edits.m4a');
    ffmpeg(
      '-i',
      sample('voice.m4a'),
      '-c',
      'copy',
      '-use_editlist',
      '0',
      '-metadata',
      'comment=iTunSMPB',
      plain,
    );
    const bytes = await readFile(plain);
    expect(bytes.includes('iTunSMPB')).toBe(true);
    const before = await SourceFile.open(plain, () => Promise.reject(new Error('not needed')));
    expect(before.index.audio!.from).toBe(0);
    await before.close();
    const told = dir.file('told.m4a');
    const comment = 'iTunSMPB 00000000 00000840 000001C0 0000000000070000 00000000';
    ffmpeg(
      '-i',
      sample('voice.m4a'),
      '-c',
      'copy',
      '-use_editlist',
      '0',
      '-metadata',
      `comment=${comment}`,
      told,
    );
    const source = await SourceFile.open(told, () => Promise.reject(new Error('not needed')));
    expect(source.index.audio!.runs[0]!.origin).toBe(-0x840);
    expect(source.index.audio!.to).toBe(0x70000);
    await source.close();
  });

  test('ADTS with a CRC and with several blocks in a frame is split into its units', async () => {
    const plain = ffmpeg('-i', sample('voice.m4a'), '-c', 'copy', '-f', 'adts', '-');
    const frames: Buffer[] = [];
    for (let at = 0; at < plain.length;) {
      const length = ((plain[at + 3]! & 3) << 11) | (plain[at + 4]! << 3) | (plain[at + 5]! >> 5);
      frames.push(plain.subarray(at, at + length));
      at += length;
    }
    const header = (own: Buffer, length: number, blocks: number, crc: boolean): Buffer => {
      const copy = Buffer.from(own.subarray(0, 7));
      if (crc) copy[1]! &= 0xfe;
      copy[3] = (copy[3]! & 0xfc) | (length >> 11);
      copy[4] = (length >> 3) & 0xff;
      copy[5] = ((length & 7) << 5) | (copy[5]! & 0x1f);
      copy[6] = (copy[6]! & 0xfc) | (blocks - 1);
      return copy;
    };
    const packed = Buffer.concat(
      Array.from({ length: frames.length >> 1 }, (_, i) => {
        const blocks = [frames[2 * i]!, frames[2 * i + 1]!].map((frame) => frame.subarray(7));
        const body = Buffer.concat(blocks);
        if (i % 2 === 0) return Buffer.concat([header(frames[2 * i]!, 7 + body.length, 2, false), body]);
        const checked = Buffer.concat(blocks.flatMap((block) => [block, Buffer.alloc(2)]));
        return Buffer.concat([
          header(frames[2 * i]!, 11 + checked.length, 2, true),
          Buffer.alloc(4),
          checked,
        ]);
      }),
    );
    const path = dir.file('packed.aac');
    await writeFile(path, packed);
    const source = await SourceFile.open(path, () => Promise.reject(new Error('not needed')));
    const run = source.index.audio!.runs[0]!;
    expect(run.count).toBe(2 * (frames.length >> 1));
    for (const index of [0, 1, 2, 3, 100, 101, 102, 103]) {
      expect((await source.audioUnit(run, index)).data.equals(frames[index]!.subarray(7))).toBe(true);
    }
    await source.close();
  });

  test('lost frames leave a hole of whole frames that is bridged at both ends', async () => {
    const whole = await readFile(sample('show.flv'));
    const tags: Buffer[] = [];
    let at = 13;
    while (at + 11 < whole.length) {
      const length = 15 + whole.readUIntBE(at + 1, 3);
      tags.push(whole.subarray(at, at + length));
      at += length;
    }
    const sound = tags.filter((tag) => tag[0] === 8);
    const lost = new Set(sound.slice(150, 153));
    const path = dir.file('lossy.flv');
    await writeFile(path, Buffer.concat([whole.subarray(0, 13), ...tags.filter((tag) => !lost.has(tag))]));
    const output = dir.file('from-lossy.mp4');
    const result = await splice({ pieces: [{ path }], output });
    expect(decodeErrors(output)).toBe('');
    expect(units(output)).toHaveLength(376);
    expect(result.bridgedFrames).toBeLessThan(12);
  });
});

describe('what cannot be done ends in an error that names the file, and nothing is left', () => {
  const attempt = async (piece: string, output = dir.file('never.mp4')): Promise<unknown> => {
    const before = await readdir(dir.path);
    const error = await splice({ pieces: [await parsePiece(piece)], output }).catch(
      (thrown: unknown) => thrown,
    );
    expect(await readdir(dir.path)).toEqual(before);
    return error;
  };

  test.each([
    [
      'a missing file',
      () => Promise.resolve('nowhere.mp4'),
      InvalidOptionError,
      'nowhere.mp4: cannot be opened: no such file',
    ],
    ['a folder', () => Promise.resolve(dir.path), InvalidOptionError, 'expected a file, got a folder'],
    [
      'an out point beyond the end',
      () => Promise.resolve(`${sample('show.mp4')}:0-99`),
      InvalidOptionError,
      'show.mp4',
    ],
    ['reversed points', () => Promise.resolve(`${sample('show.mp4')}:5-2`), InvalidOptionError, 'show.mp4'],
    [
      // Linux refuses to read what lies at the beginning of a process's memory, even to root.
      'a file that can be opened and not read',
      () => Promise.resolve('/proc/self/mem'),
      InvalidOptionError,
      '/proc/self/mem',
    ],
    [
      'an empty file',
      async () => {
        await writeFile(dir.file('empty.mp4'), '');
        return dir.file('empty.mp4');
      },
      MalformedMediaError,
      'empty.mp4',
    ],
    [
      'a truncated file',
      async () => {
        await copyFile(sample('show.mp4'), dir.file('short.mp4'));
        await truncate(dir.file('short.mp4'), 150_000);
        return dir.file('short.mp4');
      },
      MalformedMediaError,
      'short.mp4',
    ],
  ] as const)('%s', async (_, make, kind, name) => {
    const error = await attempt(await make());
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(name);
  });

  test('pieces that overlap', async () => {
    const pieces = await Promise.all(
      [`${sample('show.mp4')}:1-4`, `${sample('show.mp4')}:3.5-6`].map(parsePiece),
    );
    const before = await readdir(dir.path);
    const error = await splice({ pieces, output: dir.file('never.mp4') }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as Error).message).toMatch(/show\.mp4: expected .* not overlap, got 3\.500 s .* 4\.000 s/);
    expect(await readdir(dir.path)).toEqual(before);
  });

  test('a file that the user may not read', async (context) => {
    if (process.getuid?.() === 0) context.skip('root may read everything');
    const path = dir.file('secret.mp4');
    await copyFile(sample('show.mp4'), path);
    await chmod(path, 0);
    const error = await attempt(path);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as Error).message).toMatch(/secret\.mp4: cannot be opened/);
  });

  test('a file that is no media', async () => {
    await writeFile(dir.file('text.mkv'), 'this is not a film');
    const error = await attempt(dir.file('text.mkv'));
    expect((error as Error).message).toContain('text.mkv');
  });

  test('an interrupt', async () => {
    const output = dir.file('interrupted.mp4');
    const controller = new AbortController();
    const before = await readdir(dir.path);
    const done = splice({
      pieces: [{ path: sample('host.mp4') }, { path: sample('guest.mp4') }],
      output,
      audio: 'exact',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(done).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await readdir(dir.path)).toEqual(before);
  });

  test.each([
    [
      'what is spliced',
      () => [sample('host.mp4'), sample('guest.mp4'), sample('host.mp4'), sample('guest.mp4')],
    ],
    [
      'what is brought in first',
      () => {
        const long = dir.file('long.mkv');
        ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=640x360:d=20', '-c:v', 'mpeg4', long);
        return [long];
      },
    ],
  ] as const)('Ctrl-C on the command, during %s', async (_, inputs) => {
    const folder = await TempDir.open('ctrl-c');
    const output = folder.file('program.mp4');
    const args = ['--import', 'tsx', 'bin/dev.js', 'splice', ...inputs(), '--audio', 'exact', '-o', output];
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: folder.path },
    });
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const own = async (): Promise<string[]> =>
      (await readdir(folder.path)).filter((name) => /anchornet|program/.test(name));
    // It listens before it makes its folder. A second interrupt would end it at once, whatever is left behind.
    await waitFor('its folder', async () => (await own()).length > 0);
    child.kill('SIGINT');
    expect(await closed).toBe(130);
    expect(await own()).toEqual([]);
    await folder.close();
  });

  test('the command ends with the exit code of the taxonomy', async () => {
    const program = Program.start(process.execPath, [
      ...['--import', 'tsx', 'bin/dev.js', 'splice', `${sample('show.mp4')}:2-99`],
      ...['-o', dir.file('never.mp4')],
    ]);
    const { code, stdout, stderr } = await program.result();
    expect(code).toBe(2);
    expect(stdout).toHaveLength(0);
    expect(stderr).toMatch(/show\.mp4: expected an out point up to its end at 8\.\d+ s, got 99\.000 s/);
  });
});

describe('lists of cuts', () => {
  test('are read from JSON, files from the folder of the list', async () => {
    await writeFile(
      dir.file('cuts.json'),
      JSON.stringify({
        pieces: [
          { file: 'a.mp4', in: '01:02.5', out: 90 },
          { file: 'b.mp4', in: '@480' },
        ],
      }),
    );
    expect(await readEditDecisionList(dir.file('cuts.json'))).toEqual([
      { path: dir.file('a.mp4'), in: { seconds: 62.5 }, out: { seconds: 90 } },
      { path: dir.file('b.mp4'), in: { samples: 480 } },
    ]);
  });

  test.each([
    '{',
    '[]',
    '[{"in": 1}]',
    '[{"file": "a", "form": 1}]',
    '[{"file": "a", "in": "x"}]',
    '[{"file": "a", "in": "1:99"}]',
  ])('say what is wrong with %s', async (text) => {
    await writeFile(dir.file('bad.json'), text);
    await expect(readEditDecisionList(dir.file('bad.json'))).rejects.toThrow(InvalidOptionError);
    await expect(readEditDecisionList(dir.file('bad.json'))).rejects.toThrow('bad.json');
  });

  test('pieces are named with their points', async () => {
    expect(await parsePiece('host.flv:00:00-12.48')).toEqual({
      path: 'host.flv',
      in: { seconds: 0 },
      out: { seconds: 12.48 },
    });
    expect(await parsePiece('C:/x.mp4:40-')).toEqual({ path: 'C:/x.mp4', in: { seconds: 40 } });
    expect(await parsePiece('x.mp4')).toEqual({ path: 'x.mp4' });
    const path = sample('show.mp4');
    await expect(parsePiece(`${path}:1s-3`)).rejects.toThrow(
      /show\.mp4: expected points as IN-OUT, .* got "1s-3"/,
    );
  });
});
