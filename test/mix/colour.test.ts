import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.js';
import { parseAvcc, videoConfigFromParameterSets } from '../../src/codec/h264/avcc.js';
import { joinLengthPrefixed, nalType, NalType, splitAnnexB, toAnnexB } from '../../src/codec/h264/nal.js';
import type { VideoUnit } from '../../src/media/access-unit.js';
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { Mixer } from '../../src/mix/mixer.js';
import { participant } from './clips.js';

const FFMPEG = '/usr/bin/ffmpeg';
const WIDTH = 640;
const HEIGHT = 360;
/** Two roundings to 8 bits, one of them in subsampled chroma, and what x264 takes off flat bars: below 1.5 % of full scale. */
const TOLERANCE = 4;
/** Taking one matrix for the other moves the saturated bars by more than this: what the tolerance must tell apart. */
const WRONG_MATRIX = 20;

interface Source {
  readonly name: string;
  /** How the bars are made from RGB. */
  readonly matrix: 'bt709' | 'smpte170m' | 'bt470bg';
  readonly range: 'tv' | 'pc';
  readonly tagged: boolean;
  readonly pixelFormat?: string;
}

const sources: readonly Source[] = [
  { name: 'BT.709', matrix: 'bt709', range: 'tv', tagged: true },
  { name: 'BT.601 (525 lines)', matrix: 'smpte170m', range: 'tv', tagged: true },
  { name: 'BT.601 (625 lines)', matrix: 'bt470bg', range: 'tv', tagged: true },
  { name: 'BT.709 of full range', matrix: 'bt709', range: 'pc', tagged: true },
  { name: 'BT.601 of full range', matrix: 'smpte170m', range: 'pc', tagged: true },
  { name: 'no tags at all', matrix: 'bt709', range: 'tv', tagged: false },
  { name: '4:4:4', matrix: 'bt709', range: 'tv', tagged: true, pixelFormat: 'yuv444p' },
  { name: '4:2:2', matrix: 'smpte170m', range: 'tv', tagged: true, pixelFormat: 'yuv422p' },
  { name: '10 bits', matrix: 'bt709', range: 'tv', tagged: true, pixelFormat: 'yuv420p10le' },
];

function ffmpeg(args: readonly string[], input?: Buffer): Buffer {
  const run = spawnSync(FFMPEG, ['-v', 'error', ...args], { input, maxBuffer: 1 << 28 });
  expect(run.status, run.stderr.toString()).toBe(0);
  return run.stdout;
}

/** One IDR of eight colour bars at 100 % saturation, 75 % level. */
function bars(source: Source): Buffer {
  const out = source.matrix === 'bt709' ? 'bt709' : 'bt601';
  const convert = `scale=out_color_matrix=${out}:out_range=${source.range}:flags=accurate_rnd`;
  const format = source.pixelFormat ?? 'yuv420p';
  // The encoder is told, or strips what the frames say.
  const tags = source.tagged
    ? `colormatrix=${source.matrix}:range=${source.range}`
    : 'colormatrix=undef:colorprim=undef:transfer=undef:range=tv';
  return ffmpeg([
    ...['-f', 'lavfi', '-i', `color=black:size=${WIDTH}x${HEIGHT}:rate=30,format=gbrp,${rgbBars()}`],
    ...['-frames:v', '1', '-vf', `${convert},format=${format}`, '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-qp', '4', '-bf', '0', '-x264-params', tags, '-f', 'h264', 'pipe:1'],
  ]);
}

function rgbBars(): string {
  const bit = (mask: number): string => `191*mod(floor(X*8/${WIDTH}/${mask}),2)`;
  return `geq=r='${bit(1)}':g='${bit(2)}':b='${bit(4)}'`;
}

function unitOf(stream: Buffer): VideoUnit {
  const nals = splitAnnexB(stream);
  const of = (type: number): Buffer[] => nals.filter((nal) => nalType(nal) === type);
  return {
    kind: 'video',
    config: videoConfigFromParameterSets(of(NalType.sps), of(NalType.pps)),
    pts: 0,
    dts: 0,
    isIdr: true,
    data: joinLengthPrefixed(of(NalType.idr)),
  };
}

/** The middle of each bar in RGB, as a player shows it that goes by the tags, and by BT.709 without any. */
function shown(stream: Buffer, matrix: string, range: string, pictures: number): number[][] {
  const convert = `scale=in_color_matrix=${matrix === 'bt709' ? 'bt709' : 'bt601'}:in_range=${range}:flags=accurate_rnd`;
  const rgb = ffmpeg(
    ['-f', 'h264', '-i', 'pipe:0', '-vf', `${convert},format=rgb24`, '-f', 'rawvideo', 'pipe:1'],
    stream,
  );
  const last = rgb.subarray((pictures - 1) * WIDTH * HEIGHT * 3);
  return Array.from({ length: 8 }, (_, bar) => {
    const at = ((HEIGHT / 2) * WIDTH + Math.floor(((bar + 0.5) * WIDTH) / 8)) * 3;
    return [...last.subarray(at, at + 3)];
  });
}

function difference(a: number[][], b: number[][]): number {
  return Math.max(...a.flatMap((rgb, i) => rgb.map((value, k) => Math.abs(value - b[i]![k]!))));
}

describe('colours', () => {
  it.each(sources)('are the same relayed and mixed when the source has $name', (source) => {
    const stream = bars(source);
    const relayed = shown(stream, source.matrix, source.range, 1);
    const mixer = Mixer.open(
      { ...defaultProgramSettings, width: WIDTH, height: HEIGHT, videoBitrateBps: 8_000_000, labels: false },
      { logger: silentLogger },
    );
    const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
    const unit = unitOf(stream);
    const units: VideoUnit[] = [];
    for (let i = 0; i < 8; i++) {
      host.pushVideo({ ...unit, pts: i * 3000, dts: i * 3000 }, 0);
      units.push(mixer.renderVideo(i * 3000, { forceIdr: i === 0, who: 'host' }));
    }
    expect(host.stats.decodeErrors).toBe(0);
    mixer.close();
    const mixed = shown(annexB(units), 'bt709', 'tv', units.length);
    expect(difference(relayed, mixed), `${JSON.stringify({ relayed, mixed })}`).toBeLessThanOrEqual(
      TOLERANCE,
    );
  });

  it('would differ visibly if a matrix were mistaken', () => {
    const stream = bars(sources[1]!);
    const right = shown(stream, 'smpte170m', 'tv', 1);
    expect(difference(right, shown(stream, 'bt709', 'tv', 1))).toBeGreaterThan(WRONG_MATRIX);
  });
});

function annexB(units: readonly VideoUnit[]): Buffer {
  return Buffer.concat(units.map((unit) => toAnnexB(unit.data, unit.isIdr ? parameterSets(unit) : [])));
}

function parameterSets({ config }: VideoUnit): Buffer[] {
  const { sps, pps } = parseAvcc(config.avcc);
  return [...sps, ...pps];
}
