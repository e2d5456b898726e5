import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnchorNetError, MalformedMediaError, UnsupportedMediaError } from '../../src/base/errors.js';
import { NalType, nalType, splitLengthPrefixed } from '../../src/codec/h264/nal.js';
import { Mp4Reader } from '../../src/container/mp4/reader.js';
import { audioOf, makeClip, packetTimes, readUnits, videoOf } from './mp4-media.js';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'anchornet-mp4-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fragmented = ['-movflags', 'empty_moov+default_base_moof+frag_keyframe'];

const files = [
  { name: 'plain.mp4', options: {} },
  { name: 'b-frames.mp4', options: { bFrames: 3, gop: 50 } },
  { name: 'fast-start.mp4', options: { bFrames: 2, output: ['-movflags', 'faststart'] } },
  { name: 'quicktime.mov', options: { bFrames: 2 } },
  { name: 'coarse.mp4', options: { output: ['-video_track_timescale', '600'] } },
  { name: 'opus.mp4', options: { audio: 'libopus' as const } },
  { name: 'fragmented.mp4', options: { output: fragmented } },
  { name: 'fragmented-b.mp4', options: { bFrames: 2, output: fragmented } },
  { name: 'implicit-base.mp4', options: { output: ['-movflags', 'empty_moov+frag_keyframe'] } },
  { name: 'absolute-base.mp4', options: { output: ['-movflags', 'frag_keyframe+delay_moov'] } },
  { name: 'negative-offsets.mp4', options: { bFrames: 2, output: ['-movflags', 'negative_cts_offsets'] } },
];

/** One tick of a movie timescale of 1/1000 s, which ffmpeg writes edits in, and one of a 600-tick track. */
const EDIT_TOLERANCE_S = 0.0021;

describe('times and data are those ffprobe reads', () => {
  test.each(files)('$name', async ({ name, options }) => {
    makeClip(at(name), options);
    const units = await readUnits(at(name));
    const video = videoOf(units);
    const audio = audioOf(units);
    const expectedVideo = packetTimes(at(name), 'v');
    const expectedAudio = packetTimes(at(name), 'a');
    expect(video).toHaveLength(expectedVideo.length);
    expect(audio).toHaveLength(expectedAudio.length);
    for (const [index, unit] of video.entries()) {
      expect(Math.abs(unit.pts / 90_000 - (expectedVideo[index]?.pts ?? NaN))).toBeLessThan(EDIT_TOLERANCE_S);
      expect(unit.dts).toBeLessThanOrEqual(unit.pts);
    }
    for (const [index, unit] of audio.entries()) {
      expect(Math.abs(unit.pts / 48_000 - (expectedAudio[index]?.pts ?? NaN))).toBeLessThan(EDIT_TOLERANCE_S);
      // ffmpeg itself leaves a gap after the priming of a file whose moov it wrote beforehand.
      if (index > 1) expect(unit.pts - (audio[index - 1]?.pts ?? 0)).toBe(unit.durationSamples);
    }
    expect(video[0]?.isIdr).toBe(true);
    expect(video.filter((unit) => unit.isIdr)).toHaveLength(
      75 / (options.gop ?? 25) + (options.gop === 50 ? 0.5 : 0),
    );
    for (const unit of video) {
      for (const nal of splitLengthPrefixed(unit.data)) {
        expect([NalType.sps, NalType.pps, NalType.accessUnitDelimiter]).not.toContain(nalType(nal));
      }
    }
  });

  test('units come in decoding order across tracks, whatever their order in the file', async () => {
    const units = await readUnits(at('b-frames.mp4'));
    let last = -Infinity;
    for (const unit of units) {
      const time = unit.kind === 'video' ? unit.dts / 90_000 : unit.pts / 48_000;
      expect(time).toBeGreaterThanOrEqual(last);
      last = time;
    }
  });

  test('AAC priming has times below 0 and the first sound stands at 0', async () => {
    const [first, second] = audioOf(await readUnits(at('plain.mp4')));
    expect(first?.pts).toBe(-1024);
    expect(second?.pts).toBe(0);
  });

  test('a delayed track keeps its delay, a cut-off end is left out', async () => {
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-y', '-i', at('plain.mp4'), '-itsoffset', '0.5', '-i', at('plain.mp4')],
      ...['-map', '0:v', '-map', '1:a', '-c', 'copy', '-t', '2', at('delayed.mp4')],
    ]);
    const audio = audioOf(await readUnits(at('delayed.mp4')));
    const expected = packetTimes(at('delayed.mp4'), 'a');
    expect(Math.abs((audio[0]?.pts ?? 0) / 48_000 - (expected[0]?.pts ?? 0))).toBeLessThan(EDIT_TOLERANCE_S);
    expect(audio[0]?.pts).toBeGreaterThan(20_000);
  });
});

describe('what cannot be read', () => {
  test('a file without H.264, AAC or Opus is refused with what is supported', async () => {
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=64x64:d=0.2', '-c:v', 'mpeg4', at('other.mp4')],
    ]);
    await expect(Mp4Reader.open(at('other.mp4'))).rejects.toThrow(UnsupportedMediaError);
    await expect(Mp4Reader.open(at('other.mp4'))).rejects.toThrow(/mp4v/);
  });

  test('a second track of a kind is named as skipped', async () => {
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-i', at('plain.mp4'), '-map', '0:v', '-map', '0:a', '-map', '0:a', '-c', 'copy'],
      at('two-tracks.mp4'),
    ]);
    const reader = await Mp4Reader.open(at('two-tracks.mp4'));
    expect(reader.tracks.map((track) => track.kind)).toEqual(['video', 'audio']);
    expect(reader.skipped).toHaveLength(1);
    await reader.close();
  });

  test('a file that is no MP4, an empty one, and one that is missing are clean errors', async () => {
    writeFileSync(at('text.mp4'), 'this is no movie, only a line of text that goes on for a while');
    writeFileSync(at('empty.mp4'), '');
    await expect(Mp4Reader.open(at('text.mp4'))).rejects.toThrow(MalformedMediaError);
    await expect(Mp4Reader.open(at('empty.mp4'))).rejects.toThrow(/moov/);
    await expect(Mp4Reader.open(at('missing.mp4'))).rejects.toThrow(/cannot be opened/);
  });
});

describe('damage', () => {
  async function onlyOurErrors(path: string): Promise<void> {
    try {
      await readUnits(path);
    } catch (error) {
      if (!(error instanceof AnchorNetError)) throw error;
    }
  }

  test.each(['fast-start.mp4', 'fragmented-b.mp4'])(
    'flipped, cut and overwritten bytes of %s give units or our errors',
    async (name) => {
      const whole = readFileSync(at(name));
      // Damage in the headers hurts, damage in pictures is the decoder's business.
      const reach = Math.min(whole.length, 6_000);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(reach - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
          fc.option(fc.nat(whole.length), { nil: whole.length }),
          async (changes, length) => {
            const damaged = Buffer.from(whole.subarray(0, length));
            for (const [offset, value] of changes) if (offset < length) damaged[offset] = value;
            writeFileSync(at('damaged.mp4'), damaged);
            await onlyOurErrors(at('damaged.mp4'));
          },
        ),
        { numRuns: 300 },
      );
    },
  );

  test('a fragment of the year two billion is damage, not a crash', async () => {
    const whole = readFileSync(at('fragmented-b.mp4'));
    const tfdt = whole.indexOf('tfdt');
    expect(whole[tfdt + 4]).toBe(1);
    whole.writeBigUInt64BE(2n ** 62n, tfdt + 8);
    writeFileSync(at('far.mp4'), whole);
    await expect(readUnits(at('far.mp4'))).rejects.toThrow(/impossible time/);
  });

  test('tables that claim billions of samples are refused at once', async () => {
    const whole = readFileSync(at('fast-start.mp4'));
    const count = whole.indexOf('stsz') + 12;
    whole.writeUInt32BE(1, count - 4);
    whole.writeUInt32BE(0xffffffff, count);
    writeFileSync(at('billions.mp4'), whole);
    await expect(Mp4Reader.open(at('billions.mp4'))).rejects.toThrow(/at most/);
  });
});
