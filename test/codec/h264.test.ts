import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnchorNetError, MalformedMediaError } from '../../src/base/errors.js';
import {
  buildAvcc,
  parseAvcc,
  videoConfigFromAvcc,
  videoConfigFromParameterSets,
} from '../../src/codec/h264/avcc.js';
import {
  joinLengthPrefixed,
  NalType,
  nalType,
  splitAnnexB,
  splitLengthPrefixed,
  toAnnexB,
} from '../../src/codec/h264/nal.js';
import { sliceType } from '../../src/codec/h264/slice.js';
import { parseSps } from '../../src/codec/h264/sps.js';

interface Stream {
  readonly size: string;
  readonly profile: string;
  readonly pixelFormat: string;
  readonly bFrames: number;
}

/** Sizes that need cropping on both axes, odd chroma formats, bit depths, scaling lists, and no B-frames. */
const streams: readonly Stream[] = [
  { size: '1280x720', profile: 'high', pixelFormat: 'yuv420p', bFrames: 2 },
  { size: '1920x1080', profile: 'main', pixelFormat: 'yuv420p', bFrames: 1 },
  { size: '640x360', profile: 'baseline', pixelFormat: 'yuv420p', bFrames: 0 },
  { size: '322x182', profile: 'high', pixelFormat: 'yuv420p', bFrames: 3 },
  { size: '333x241', profile: 'high444', pixelFormat: 'yuv444p', bFrames: 2 },
  { size: '352x288', profile: 'high422', pixelFormat: 'yuv422p', bFrames: 2 },
  { size: '176x144', profile: 'high', pixelFormat: 'yuv420p', bFrames: 0 },
];

let folder: string;
const coded = new Map<Stream, Buffer[]>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'anchornet-codec-'));
  for (const [index, stream] of streams.entries()) {
    const path = join(folder, `${index}.h264`);
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc=s=${stream.size}:r=25:d=0.6`],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', stream.pixelFormat],
      ...[
        '-profile:v',
        stream.profile,
        '-bf',
        String(stream.bFrames),
        '-b_strategy',
        '0',
        '-x264-params',
        'cqm=flat',
      ],
      path,
    ]);
    coded.set(stream, splitAnnexB(readFileSync(path)));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function parameterSets(nals: readonly Buffer[]): { sps: Buffer[]; pps: Buffer[] } {
  return {
    sps: nals.filter((nal) => nalType(nal) === NalType.sps).slice(0, 1),
    pps: nals.filter((nal) => nalType(nal) === NalType.pps).slice(0, 1),
  };
}

describe('what libx264 codes', () => {
  test.each(streams)('an SPS of $size $profile says what ffprobe says', (stream) => {
    const path = join(folder, `${streams.indexOf(stream)}.h264`);
    const probed = JSON.parse(
      execFileSync('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', path], { encoding: 'utf8' }),
    ) as {
      streams: [{ width: number; height: number; level: number; has_b_frames: number; r_frame_rate: string }];
    };
    const [expected] = probed.streams;
    const [sps] = parameterSets(coded.get(stream) ?? []).sps;
    const info = parseSps(sps ?? Buffer.alloc(0));
    expect(info).toMatchObject({
      width: expected.width,
      height: expected.height,
      levelIdc: expected.level,
      reorderFrames: expected.has_b_frames,
      frameRate: 25,
    });
    expect(`${info.width}x${info.height}`).toBe(stream.size);
  });

  test('slice types are those of the pictures that ffprobe counts', () => {
    for (const stream of streams) {
      const path = join(folder, `${streams.indexOf(stream)}.h264`);
      const output = execFileSync(
        'ffprobe',
        ['-v', 'error', '-show_entries', 'frame=pict_type', '-of', 'csv=p=0', path],
        { encoding: 'utf8' },
      );
      const expected = output.match(/[IPB]/g) ?? [];
      const found = (coded.get(stream) ?? [])
        .filter((nal) => nalType(nal) === NalType.slice || nalType(nal) === NalType.idr)
        .map(sliceType);
      expect(found.sort()).toEqual([...expected].sort());
    }
  });

  test('a record built of parameter sets gives them back and compares equal however it came', () => {
    for (const nals of coded.values()) {
      const sets = parameterSets(nals);
      const config = videoConfigFromParameterSets(sets.sps, sets.pps);
      expect(parseAvcc(config.avcc)).toEqual({ lengthSize: 4, ...sets });
      expect(videoConfigFromAvcc(config.avcc)).toEqual(config);
      const shortLengths = Buffer.from(config.avcc);
      shortLengths[4] = 0xfd; // lengths of 2 bytes
      expect(parseAvcc(shortLengths).lengthSize).toBe(2);
      expect(videoConfigFromAvcc(shortLengths)).toEqual(config);
    }
  });

  test('the record is byte for byte that of ffmpeg', () => {
    const stream = streams[0] as Stream;
    const path = join(folder, 'record.mp4');
    execFileSync('ffmpeg', ['-v', 'error', '-i', join(folder, '0.h264'), '-c', 'copy', path]);
    const file = readFileSync(path);
    const begin = file.indexOf('avcC') + 4;
    const length = file.readUInt32BE(begin - 8) - 8;
    const sets = parameterSets(coded.get(stream) ?? []);
    expect(buildAvcc(sets.sps, sets.pps)).toEqual(file.subarray(begin, begin + length));
  });
});

/** A NAL unit as an encoder emits it: no start code inside, no zero at the end. */
const nalArbitrary = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Buffer.from([...out, 0x80]);
});

describe('framing of NAL units', () => {
  test('length prefixes and byte streams round-trip any NAL units', () => {
    fc.assert(
      fc.property(fc.array(nalArbitrary, { maxLength: 8 }), (nals) => {
        expect(splitLengthPrefixed(joinLengthPrefixed(nals))).toEqual(nals);
        expect(splitAnnexB(toAnnexB(joinLengthPrefixed(nals)))).toEqual(nals);
      }),
    );
  });

  test('three-byte start codes, trailing zeros and empty NAL units are taken', () => {
    const data = Buffer.from([0, 0, 0, 1, 0x67, 1, 0, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0, 0, 1, 0x65, 3, 0, 0]);
    expect(splitAnnexB(data)).toEqual([
      Buffer.from([0x67, 1]),
      Buffer.from([0x68, 2]),
      Buffer.from([0x65, 3]),
    ]);
    expect(splitLengthPrefixed(Buffer.from([0, 0, 0, 1, 0x65]), 2)).toEqual([Buffer.from([0x65])]);
  });

  test('a length past the end and data without a start code are refused with their place', () => {
    expect(() => splitLengthPrefixed(Buffer.from([0, 0, 0, 1, 9, 0, 0, 0, 2, 9]))).toThrow(/offset 0x5/);
    expect(() => splitLengthPrefixed(Buffer.from([0, 0, 0]))).toThrow(MalformedMediaError);
    expect(() => splitAnnexB(Buffer.from([0, 0, 2, 1]))).toThrow(/offset 0x2/);
  });
});

function onlyOurErrors(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(AnchorNetError);
  }
}

describe('damage', () => {
  test('random bytes give a value or a MalformedMediaError, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0x67, 0x65, 0x41, 1), (bytes, first) => {
        const data = Buffer.from([first, ...bytes]);
        for (const parse of [parseSps, sliceType, parseAvcc, videoConfigFromAvcc, splitAnnexB]) {
          onlyOurErrors(() => parse(data));
        }
        onlyOurErrors(() => splitLengthPrefixed(Buffer.from(bytes)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('every truncation and every flipped bit of real parameter sets is survived', () => {
    for (const nals of coded.values()) {
      const { sps, pps } = parameterSets(nals);
      const avcc = buildAvcc(sps, pps);
      for (let length = 0; length < avcc.length; length++) {
        onlyOurErrors(() => videoConfigFromAvcc(avcc.subarray(0, length)));
      }
      for (let bit = 0; bit < avcc.length * 8; bit++) {
        const damaged = Buffer.from(avcc);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        onlyOurErrors(() => {
          const { width, height } = videoConfigFromAvcc(damaged);
          expect(Math.min(width, height)).toBeGreaterThan(0);
        });
      }
    }
  });

  test('a truncated avcC and one without an SPS are refused', () => {
    const sets = parameterSets(coded.get(streams[0] as Stream) ?? []);
    const avcc = buildAvcc(sets.sps, sets.pps);
    expect(() => parseAvcc(avcc.subarray(0, 20))).toThrow(MalformedMediaError);
    expect(() => parseAvcc(Buffer.from([1, 100, 0, 31, 0xff, 0xe0, 0]))).toThrow(/expected an SPS/);
    expect(() => buildAvcc([], sets.pps)).toThrow(/expected an SPS/);
  });
});
