import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MalformedMediaError, UnsupportedMediaError } from '../../src/base/errors.js';
import { parseAvcc } from '../../src/codec/h264/avcc.js';
import { nalType, NalType, splitLengthPrefixed } from '../../src/codec/h264/nal.js';
import { FlvDemuxer } from '../../src/container/flv/demuxer.js';
import { FlvMuxer, metadataTag } from '../../src/container/flv/muxer.js';
import { flvFileHeader, serialiseTag, TagType } from '../../src/container/flv/tag.js';
import { FlvTagReader } from '../../src/container/flv/tag-reader.js';
import { FlvUnitReader } from '../../src/container/flv/unit-reader.js';
import type { AccessUnit, AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { ProgramUnit } from '../../src/media/program-sink.js';
import { probe } from '../peers/judge.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { audioFrame, largeVideo, mono44k, picture, program, smallVideo } from './units.js';

/** FLV tells whole milliseconds: half of one at each end of a video time. */
const VIDEO_ROUNDING_TICKS = 45;
/** The audio grid starts on a rounded time. */
const AUDIO_ROUNDING_SAMPLES = 24;

let folder: TempDir;
let sample: string;
beforeAll(async () => {
  folder = await TempDir.open('flv');
  sample = folder.file('sample.flv');
  await Program.run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30000/1001'],
    ...['-f', 'lavfi', '-i', 'sine=sample_rate=44100', '-t', '3', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-bf', '2', '-g', '30', '-pix_fmt', 'yuv420p', '-c:a', 'aac', sample],
  ]);
});
afterAll(() => folder.close());

function toFlv(units: readonly ProgramUnit[]): Buffer {
  const muxer = new FlvMuxer();
  const tags = units.flatMap((unit) => muxer.tags(unit));
  return Buffer.concat([flvFileHeader({ audio: true, video: true }), ...tags.map(serialiseTag)]);
}

function fromFlv(bytes: Buffer): AccessUnit[] {
  return new FlvDemuxer().push(bytes);
}

const videoOf = (units: readonly AccessUnit[]): VideoUnit[] => units.filter((unit) => unit.kind === 'video');
const audioOf = (units: readonly AccessUnit[]): AudioUnit[] => units.filter((unit) => unit.kind === 'audio');

describe('FLV round trip', () => {
  test('gives back units whatever pieces the bytes come in, times within rounding', () => {
    const pictures = fc.array(
      fc.record({
        step: fc.integer({ min: 91, max: 20_000 }),
        reorder: fc.integer({ min: 0, max: 50_000 }),
        isIdr: fc.boolean(),
        isLarge: fc.boolean(),
        bytes: fc.integer({ min: 0, max: 300 }),
      }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(pictures, fc.integer({ min: 1, max: 400 }), (specs, pieceBytes) => {
        let dts = 0;
        const units = specs.map(({ step, reorder, isIdr, isLarge, bytes }) => {
          dts += step;
          return picture({
            dts,
            pts: dts + reorder,
            isIdr,
            bytes,
            config: isLarge ? largeVideo : smallVideo,
          });
        });
        const bytes = toFlv(units);
        const demuxer = new FlvDemuxer();
        const read: AccessUnit[] = [];
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          read.push(...demuxer.push(bytes.subarray(at, at + pieceBytes)));
        }
        const found = videoOf(read);
        expect(found).toHaveLength(units.length);
        found.forEach((unit, i) => {
          const sent = units[i];
          if (sent === undefined) return;
          expect(unit.data.equals(sent.data)).toBe(true);
          expect(unit.isIdr).toBe(sent.isIdr);
          expect(unit.config).toEqual(sent.config);
          expect(Math.abs(unit.pts - sent.pts)).toBeLessThanOrEqual(VIDEO_ROUNDING_TICKS);
          expect(Math.abs(unit.dts - sent.dts)).toBeLessThanOrEqual(VIDEO_ROUNDING_TICKS);
        });
      }),
    );
  });

  test.each([
    ['48 kHz', undefined],
    ['44.1 kHz', mono44k],
  ])('audio at %s comes back in steps of exactly 1024 samples for ten minutes', (_rate, config) => {
    const units = Array.from({ length: 28_000 }, (_, i) => audioFrame(777 + i * 1024, config));
    const found = audioOf(fromFlv(toFlv(units)));
    expect(found).toHaveLength(units.length);
    expect(Math.abs((found[0]?.pts ?? 0) - 777)).toBeLessThanOrEqual(AUDIO_ROUNDING_SAMPLES);
    expect(new Set(found.slice(1).map((unit, i) => unit.pts - (found[i]?.pts ?? 0)))).toEqual(
      new Set([1024]),
    );
  });

  test('a lost audio frame leaves a hole of its own length and no more', () => {
    const units = [0, 1, 2, 4, 5].map((i) => audioFrame(i * 1024));
    const found = audioOf(fromFlv(toFlv(units))).map((unit) => unit.pts);
    expect(found.slice(0, 3)).toEqual([0, 1024, 2048]);
    expect(Math.abs((found[3] ?? 0) - 4096)).toBeLessThanOrEqual(AUDIO_ROUNDING_SAMPLES);
    expect((found[4] ?? 0) - (found[3] ?? 0)).toBe(1024);
  });

  test('times go on past 24 and 32 bits', () => {
    const start = (2 ** 32 - 500) * 90;
    const units = program(2, { startSeconds: (2 ** 32 - 500) / 1000 }).map((unit) =>
      unit.kind === 'video' ? unit : { ...unit, pts: Math.round(unit.pts) },
    );
    const found = videoOf(fromFlv(toFlv([picture({ dts: start - 90_000 * 20, isIdr: true }), ...units])));
    const steps = found.slice(2).map((unit, i) => unit.dts - (found[i + 1]?.dts ?? 0));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(2970);
    expect(Math.max(...steps)).toBeLessThanOrEqual(3060);
  });

  test('a source that starts its times again is continued, audio and video together', () => {
    const once = toFlv(program(1));
    const again = once.subarray(13);
    const found = fromFlv(Buffer.concat([once, again, again]));
    const dts = videoOf(found).map((unit) => unit.dts);
    expect(dts).toHaveLength(90);
    expect(dts.every((time, i) => i === 0 || time > (dts[i - 1] ?? 0))).toBe(true);
    const pts = audioOf(found).map((unit) => unit.pts);
    expect(pts.every((time, i) => i === 0 || time > (pts[i - 1] ?? 0))).toBe(true);
    expect((pts.at(-1) ?? 0) / 48_000 - (dts.at(-1) ?? 0) / 90_000).toBeLessThan(0.1);
  });

  test('a small negative start is not 49 days', () => {
    const header = new FlvMuxer().tags(picture({ dts: 0, isIdr: true }));
    const reader = new FlvUnitReader();
    const times = [2 ** 32 - 66, 2 ** 32 - 33, 0, 33].map((timestamp) => {
      const tag = header[timestamp === 2 ** 32 - 66 ? 0 : 1];
      if (tag === undefined) throw new Error('no tag');
      if (tag.isSequenceHeader) reader.read({ type: tag.type, timestamp: 0, body: tag.body });
      const media = header[1];
      return media && reader.read({ type: media.type, timestamp, body: media.body });
    });
    expect(times.map((unit) => unit?.kind === 'video' && unit.dts)).toEqual([-66 * 90, -33 * 90, 0, 33 * 90]);
  });

  test('a sequence header goes out once, and again for new parameter sets and after restart', () => {
    const muxer = new FlvMuxer();
    const headers = (unit: ProgramUnit): number =>
      muxer.tags(unit).filter((tag) => tag.isSequenceHeader).length;
    expect(headers(picture({ dts: 0, isIdr: true }))).toBe(1);
    expect(headers(picture({ dts: 3000 }))).toBe(0);
    expect(headers(picture({ dts: 6000, isIdr: true, config: largeVideo }))).toBe(1);
    muxer.restart();
    expect(headers(picture({ dts: 9000, isIdr: true, config: largeVideo }))).toBe(1);
  });
});

describe('FLV beside ffmpeg', () => {
  test('reads what ffmpeg writes: every packet, its times and key flags', async () => {
    const units = fromFlv(await readFile(sample));
    const probed = await probe(sample);
    expect(videoOf(units).map((unit) => [unit.pts / 90, unit.dts / 90, unit.isIdr])).toEqual(
      probed.videoPackets.map((packet) => [packet.ptsMs, packet.dtsMs, packet.isKey]),
    );
    expect(audioOf(units)).toHaveLength(probed.audioPackets.length);
    expect(audioOf(units).map((unit) => unit.data.length)).toEqual(
      probed.audioPackets.map(({ bytes }) => bytes),
    );
  });

  test('ffprobe reads what we write: every picture, its times, the same sizes', async () => {
    const units = fromFlv(await readFile(sample));
    const muxer = new FlvMuxer();
    const tags = units.flatMap((unit) => muxer.tags(unit as ProgramUnit));
    const first = videoOf(units)[0];
    const path = folder.file('written.flv');
    const { writeFile } = await import('node:fs/promises');
    await writeFile(
      path,
      Buffer.concat([
        flvFileHeader({ audio: true, video: true }),
        ...[metadataTag({ video: first?.config }), ...tags].map(serialiseTag),
      ]),
    );
    const [before, after] = [await probe(sample), await probe(path)];
    expect(after.video).toMatchObject({ codec: 'h264', width: 320, height: 180 });
    expect(after.videoPackets.map(({ ptsMs, dtsMs }) => [ptsMs, dtsMs])).toEqual(
      before.videoPackets.map(({ ptsMs, dtsMs }) => [ptsMs, dtsMs]),
    );
  });
});

describe('damaged and foreign FLV', () => {
  test('throws nothing but MalformedMediaError and UnsupportedMediaError', async () => {
    const good = (await readFile(sample)).subarray(0, 60_000);
    const damage = fc.record({
      cut: fc.integer({ min: 0, max: good.length }),
      flips: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
      pieceBytes: fc.integer({ min: 64, max: 20_000 }),
    });
    let refused = 0;
    fc.assert(
      fc.property(damage, ({ cut, flips, pieceBytes }) => {
        const bytes = Buffer.from(good.subarray(0, cut));
        for (const [at, value] of flips) if (at < cut) bytes[at] = value;
        const tags = new FlvTagReader();
        const units = new FlvUnitReader();
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          try {
            for (const tag of tags.push(bytes.subarray(at, at + pieceBytes))) units.read(tag);
          } catch (error) {
            refused++;
            const isOurs = error instanceof MalformedMediaError || error instanceof UnsupportedMediaError;
            expect(isOurs, String(error)).toBe(true);
            return;
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  test('a body of any bytes behind a good header is read or refused, and the next one is read', () => {
    const reader = new FlvUnitReader();
    const muxer = new FlvMuxer();
    for (const tag of [...muxer.tags(picture({ dts: 0, isIdr: true })), ...muxer.tags(audioFrame(0))]) {
      reader.read({ type: tag.type, timestamp: 0, body: tag.body });
    }
    const types = fc.constantFrom(TagType.audio, TagType.video, TagType.script);
    const prefix = fc.constantFrom([0x17, 0], [0x17, 1, 0, 0, 0], [0x27, 1], [0xaf, 0], [0xaf, 1], []);
    fc.assert(
      fc.property(types, prefix, fc.uint8Array({ maxLength: 80 }), (type, head, rest) => {
        try {
          reader.read({ type, timestamp: 40, body: Buffer.from([...head, ...rest]) });
        } catch (error) {
          const isOurs = error instanceof MalformedMediaError || error instanceof UnsupportedMediaError;
          expect(isOurs, String(error)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
    const tag = new FlvMuxer().tags(picture({ dts: 9000, isIdr: true }));
    for (const { type, body } of tag) {
      const unit = reader.read({ type, timestamp: 100_000, body });
      if (type === TagType.video && body[1] === 1) expect(unit?.kind).toBe('video');
    }
  });

  test('an IDR carries the parameter sets of its own configuration, another picture none', () => {
    const muxer = new FlvMuxer();
    const units = [
      picture({ dts: 0, isIdr: true }),
      picture({ dts: 3000 }),
      picture({ dts: 6000, isIdr: true, config: largeVideo }),
    ];
    // Behind the five bytes of the FLV video header.
    const kinds = units.map((unit) => {
      const body = muxer.tags(unit).at(-1)?.body.subarray(5) ?? Buffer.alloc(0);
      return splitLengthPrefixed(body).map((nal) => [nalType(nal), nal.length]);
    });
    const setsOf = ({ avcc }: { avcc: Buffer }): number[][] => {
      const { sps, pps } = parseAvcc(avcc);
      return [...sps, ...pps].map((nal) => [nalType(nal), nal.length]);
    };
    expect(kinds).toEqual([
      [...setsOf(smallVideo), [NalType.idr, 21]],
      [[NalType.slice, 21]],
      [...setsOf(largeVideo), [NalType.idr, 21]],
    ]);
  });

  test.each([
    ['HEVC by FourCC', TagType.video, Buffer.from([0x90, ...Buffer.from('hvc1'), 0]), /HEVC.*H\.264/],
    ['AV1 by FourCC', TagType.video, Buffer.from([0x91, ...Buffer.from('av01'), 0]), /AV1.*H\.264/],
    ['HEVC by number', TagType.video, Buffer.from([0x1c, 0, 0, 0, 0]), /HEVC.*H\.264/],
    ['MP3', TagType.audio, Buffer.from([0x2f, 0xff]), /MP3.*AAC/],
    ['Opus by FourCC', TagType.audio, Buffer.from([0x90, ...Buffer.from('Opus'), 0]), /Opus.*AAC/],
  ])('%s is refused by naming what is supported', (_name, type, body, message) => {
    const read = (): unknown => new FlvUnitReader().read({ type, timestamp: 0, body });
    expect(read).toThrow(UnsupportedMediaError);
    expect(read).toThrow(message);
  });
});
