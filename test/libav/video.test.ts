import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nalType, NalType, splitLengthPrefixed } from '../../src/codec/h264/nal.js';
import { parseAvcc } from '../../src/codec/h264/avcc.js';
import { parseSps } from '../../src/codec/h264/sps.js';
import { Mp4Reader } from '../../src/container/mp4/reader.js';
import { H264Encoder } from '../../src/libav/h264-encoder.js';
import type { Picture } from '../../src/libav/picture.js';
import { Scaler } from '../../src/libav/scaler.js';
import { Surface } from '../../src/libav/surface.js';
import { VideoDecoder } from '../../src/libav/video-decoder.js';
import type { VideoUnit } from '../../src/media/access-unit.js';
import { colourClip, grey, red } from '../mix/clips.js';
import { decodeWithFfmpeg } from '../mix/decode.js';

const folder = mkdtempSync(join(tmpdir(), 'anchornet-video-'));
afterAll(() => rmSync(folder, { recursive: true }));

const encoderOptions = {
  width: 320,
  height: 180,
  fps: 30,
  bitrateBps: 1_000_000,
  preset: 'veryfast',
  keyframeIntervalMs: 1_000,
};

/** Noise, so that the encoder has to use all of its bitrate. */
function noisy(surface: Surface, seed: number): void {
  let state = seed;
  const [luma] = surface.planes;
  for (let i = 0; i < luma.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    luma[i] = 16 + (state >>> 24) * 0.85;
  }
}

async function bFrameClip(): Promise<VideoUnit[]> {
  const path = join(folder, 'b-frames.mp4');
  const made = spawnSync('/usr/bin/ffmpeg', [
    ...['-y', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-t', '2'],
    ...['-c:v', 'libx264', '-bf', '3', '-b_strategy', '0', '-pix_fmt', 'yuv420p', path],
  ]);
  expect(made.status).toBe(0);
  expect(readFileSync(path).length).toBeGreaterThan(10_000);
  const reader = await Mp4Reader.open(path);
  const units: VideoUnit[] = [];
  for await (const unit of reader.units()) if (unit.kind === 'video') units.push(unit);
  await reader.close();
  return units;
}

describe('the H.264 encoder', () => {
  it('gives pictures without parameter sets, delimiters or banners, behind their lengths', () => {
    const encoder = H264Encoder.open(encoderOptions);
    const surface = Surface.alloc(320, 180);
    const units = Array.from({ length: 5 }, (_, i) => encoder.encode(surface, i * 3000));
    encoder.close();
    surface.free();
    for (const { data } of units) {
      const types = splitLengthPrefixed(data).map((nal) => nalType(nal));
      expect(types.length).toBeGreaterThan(0);
      expect(types.every((type) => type === NalType.slice || type === NalType.idr)).toBe(true);
    }
    const { sps, pps } = parseAvcc(units[0]!.config.avcc);
    expect([sps.length, pps.length]).toEqual([1, 1]);
    const high = 100;
    expect(parseSps(sps[0]!).profileIdc).toBe(high);
    expect(parseSps(sps[0]!).reorderFrames ?? 0).toBe(0);
  });

  it('describes its colours as BT.709, limited range, to an outside decoder', () => {
    const { errors, pictures } = decodeWithFfmpeg(colourClip({ pictures: 5, colour: red }));
    expect([errors, pictures]).toEqual(['', 5]);
    const [unit] = colourClip({ pictures: 1, colour: red });
    const { sps, pps } = parseAvcc(unit!.config.avcc);
    const start = Buffer.from([0, 0, 0, 1]);
    const stream = Buffer.concat(
      [...sps, ...pps, ...splitLengthPrefixed(unit!.data)].flatMap((nal) => [start, nal]),
    );
    const fields = 'stream=color_range,color_space,color_primaries,color_transfer';
    const judge = spawnSync(
      '/usr/bin/ffprobe',
      ['-v', 'error', '-show_entries', fields, '-of', 'csv', '-f', 'h264', '-'],
      {
        input: stream,
      },
    );
    expect(judge.stdout.toString().trim()).toBe('stream,tv,bt709,bt709,bt709');
  });

  it('keeps to its bitrate, and to a new one within a second', () => {
    const encoder = H264Encoder.open(encoderOptions);
    const surface = Surface.alloc(320, 180);
    const bytes = Array.from({ length: 150 }, (_, i) => {
      if (i === 60) encoder.setBitrate(300_000);
      noisy(surface, i + 1);
      return encoder.encode(surface, i * 3000).data.length;
    });
    const kbps = (from: number, to: number) =>
      (bytes.slice(from, to).reduce((sum, n) => sum + n, 0) * 8 * 30) / (to - from) / 1000;
    // VBV of one second, so 25 % either way over two seconds.
    expect(kbps(30, 60)).toBeGreaterThan(750);
    expect(kbps(30, 60)).toBeLessThan(1250);
    expect(kbps(105, 150)).toBeLessThan(400);
    encoder.close();
    surface.free();
  });

  it('refuses another size, a freed surface and time that stands still before libav sees them', () => {
    const encoder = H264Encoder.open(encoderOptions);
    const surface = Surface.alloc(320, 180);
    const other = Surface.alloc(640, 360);
    encoder.encode(surface, 3000);
    expect(() => encoder.encode(surface, 3000)).toThrow(/expected a time after 3000/);
    expect(() => encoder.encode(other, 6000)).toThrow(/expected 320x180/);
    surface.free();
    surface.free();
    expect(() => encoder.encode(surface, 9000)).toThrow(/closed/);
    encoder.close();
    encoder.close();
    expect(() => encoder.encode(other, 9000)).toThrow(/closed/);
    other.free();
  });
});

describe('the H.264 decoder', () => {
  it('gives pictures in display order with the times of their units, B-frames included', async () => {
    const units = await bFrameClip();
    const decoder = VideoDecoder.open();
    const pictures: Picture[] = [];
    for (const unit of units) pictures.push(...decoder.decode(unit, unit.pts + 90_000));
    pictures.push(...decoder.flush());
    const wanted = units.map(({ pts }) => pts + 90_000).sort((a, b) => a - b);
    expect(units.some(({ pts, dts }) => pts > dts + 3000)).toBe(true);
    expect(pictures.map(({ pts }) => pts)).toEqual(wanted);
    for (const picture of pictures) picture.free();
    decoder.close();
  });

  it('gives each picture at once when there is nothing to reorder', () => {
    const decoder = VideoDecoder.open();
    for (const unit of colourClip({ pictures: 10, colour: grey })) {
      const pictures = decoder.decode(unit);
      expect(pictures.map(({ pts }) => pts)).toEqual([unit.pts]);
      for (const picture of pictures) picture.free();
    }
    decoder.close();
    expect(decoder.decode(colourClip({ pictures: 1, colour: grey })[0]!)).toEqual([]);
  });

  it('takes up new parameter sets at an IDR, and nothing before the first one', () => {
    const decoder = VideoDecoder.open();
    const small = colourClip({ pictures: 3, colour: grey });
    const large = colourClip({ pictures: 3, width: 640, height: 360, colour: grey });
    const sizes = [...small.slice(1), ...small, ...large].flatMap((unit) =>
      decoder.decode(unit).map((picture) => {
        picture.free();
        return picture.width;
      }),
    );
    expect(sizes).toEqual([320, 320, 320, 640, 640, 640]);
    expect(decoder.stats.errors).toBe(2);
    decoder.close();
  });
});

describe('surfaces', () => {
  it('refuse copies that do not fit', () => {
    const a = Surface.alloc(64, 64);
    const b = Surface.alloc(32, 32);
    const all = { x: 0, y: 0, width: 32, height: 32 };
    a.copyFrom(b, all, 32, 32);
    expect(() => a.copyFrom(b, all, 34, 32)).toThrow(/does not fit/);
    expect(() => a.copyFrom(b, { ...all, width: 34 }, 0, 0)).toThrow(/does not fit/);
    expect(() => a.copyFrom(b, { ...all, x: 1, width: 30 }, 0, 0)).toThrow(/does not fit/);
    expect(() => Surface.alloc(33, 32)).toThrow(/even/);
    b.free();
    expect(() => a.copyFrom(b, all, 0, 0)).toThrow(/freed/);
    a.free();
  });

  it('are left alone by a scaler that gets a freed picture', () => {
    const decoder = VideoDecoder.open();
    const [picture] = decoder.decode(colourClip({ pictures: 1, colour: red })[0]!);
    const surface = Surface.alloc(100, 60);
    const scaler = Scaler.open();
    expect(scaler.scale(picture!, surface)).toBe(true);
    expect(Math.abs(surface.planes[0][30 * surface.strides[0] + 50]! - red.y)).toBeLessThanOrEqual(2);
    picture!.free();
    picture!.free();
    expect(scaler.scale(picture!, surface)).toBe(false);
    scaler.close();
    decoder.close();
    surface.free();
  });

  it('are averaged by a scaler that makes them much smaller', () => {
    const encoder = H264Encoder.open(encoderOptions);
    const decoder = VideoDecoder.open();
    const [whole, small] = [Surface.alloc(320, 180), Surface.alloc(16, 10)];
    // A bright column in every 20 pixels: what looks at a few of them misses it, or takes it for all.
    const bright = { ...grey, y: 226 };
    whole.fill({ x: 0, y: 0, width: 320, height: 180 }, grey);
    for (let x = 0; x < 320; x += 20) whole.fill({ x, y: 0, width: 4, height: 180 }, bright);
    const [picture] = [...decoder.decode(encoder.encode(whole, 0)), ...decoder.flush()];
    const scaler = Scaler.open('area');
    expect(scaler.scale(picture!, small)).toBe(true);
    const row = small.planes[0].subarray(4 * small.strides[0], 4 * small.strides[0] + 16);
    for (const luma of row)
      expect(Math.abs(luma - (grey.y + (bright.y - grey.y) / 5))).toBeLessThanOrEqual(6);
    picture!.free();
    for (const one of [scaler, decoder, encoder]) one.close();
    for (const one of [whole, small]) one.free();
  });
});
