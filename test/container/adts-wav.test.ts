import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AnchorNetError, MalformedMediaError } from '../../src/base/errors.js';
import { adtsFrame, AdtsReader } from '../../src/container/adts/adts.js';
import { readWav, writeWav } from '../../src/container/wav/wav.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { TempDir } from '../peers/temp-dir.js';
import { decodeErrors } from './mp4-media.js';

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('adts-wav');
});
afterAll(() => folder.close());

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args]);
}

test('ADTS of ffmpeg is read in pieces of any size and written back for ffmpeg to decode', () => {
  const path = folder.file('tone.aac');
  ffmpeg('-f', 'lavfi', '-i', 'sine=d=2:r=44100', '-c:a', 'aac', '-ac', '2', path);
  const bytes = readFileSync(path);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), (size) => {
      const reader = new AdtsReader();
      const units: AacUnit[] = [];
      for (let i = 0; i < bytes.length; i += size) units.push(...reader.push(bytes.subarray(i, i + size)));
      expect(reader.skippedBytes).toBe(0);
      expect(units[0]?.config).toMatchObject({ sampleRate: 44_100, channels: 2 });
      expect(units.map((unit) => unit.pts)).toEqual(units.map((_, index) => index * 1024));
      const written = Buffer.concat(units.map(adtsFrame));
      // Buffer fullness is the encoder's own figure; all else is the same.
      expect(written.length).toBe(bytes.length);
      return units.length === Math.ceil((2 * 44_100) / 1024) + 1;
    }),
    { numRuns: 20 },
  );
  const units = new AdtsReader().push(bytes);
  writeFileSync(folder.file('back.aac'), Buffer.concat(units.map(adtsFrame)));
  expect(decodeErrors(folder.file('back.aac'))).not.toMatch(/FAILED|rror/);
});

test('damage in ADTS is skipped and counted, never thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (noise) => {
      const reader = new AdtsReader();
      try {
        reader.push(Buffer.from(noise));
      } catch (error) {
        expect(error).toBeInstanceOf(AnchorNetError);
      }
    }),
    { numRuns: 500 },
  );
  const reader = new AdtsReader();
  const frame = adtsFrame({
    kind: 'audio',
    config: { codec: 'aac', asc: Buffer.from([0x11, 0x90]), sampleRate: 48_000, channels: 2 },
    pts: 0,
    durationSamples: 1024,
    data: Buffer.from([0x21, 0x10, 0x04]),
  });
  const units = reader.push(Buffer.concat([Buffer.from('noise'), frame, frame]));
  expect(units).toHaveLength(2);
  expect(reader.skippedBytes).toBe(5);
});

test('WAV floats come back exactly', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.float32Array({ maxLength: 200, noNaN: true }),
      fc.integer({ min: 1, max: 192_000 }),
      (channels, samples, sampleRate) => {
        const block = { sampleRate, pts: 0, channels: Array.from({ length: channels }, () => samples) };
        expect(readWav(writeWav(block))).toEqual(block);
      },
    ),
  );
});

test.each([
  ['pcm_u8', 1 / 128],
  ['pcm_s16le', 1 / 32_768],
  ['pcm_s24le', 1 / 8_388_608],
  ['pcm_s32le', 1e-6],
  ['pcm_f32le', 1e-6],
  ['pcm_f64le', 1e-6],
])('WAV of ffmpeg as %s holds the tone within its own step', (codec, step) => {
  const path = folder.file(`${codec}.wav`);
  ffmpeg('-f', 'lavfi', '-i', "aevalsrc='0.5*sin(2*PI*1000*t)|0.25:s=48000:d=0.1'", '-c:a', codec, path);
  const block = readWav(readFileSync(path));
  expect(block.sampleRate).toBe(48_000);
  expect(block.channels.map((channel) => channel.length)).toEqual([4_800, 4_800]);
  for (let i = 0; i < 4_800; i++) {
    const expected = 0.5 * Math.sin((2 * Math.PI * 1_000 * i) / 48_000);
    // A step of quantisation, and the dither ffmpeg adds when it lowers the resolution.
    expect(Math.abs((block.channels[0]?.[i] ?? 9) - expected)).toBeLessThan(2 * step + 1e-6);
    expect(Math.abs((block.channels[1]?.[i] ?? 9) - 0.25)).toBeLessThan(2 * step + 1e-6);
  }
});

test('damaged WAV gives a block or our errors', () => {
  const whole = writeWav({ sampleRate: 8_000, pts: 0, channels: [new Float32Array(50)] });
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (offset, value, length) => {
      const damaged = Buffer.from(whole.subarray(0, length));
      if (offset < length) damaged[offset] = value;
      try {
        readWav(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(AnchorNetError);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(() => readWav(Buffer.from('no WAV at all'))).toThrow(MalformedMediaError);
});
