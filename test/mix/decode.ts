import { spawnSync } from 'node:child_process';
import { parseAvcc } from '../../src/codec/h264/avcc.js';
import { toAnnexB } from '../../src/codec/h264/nal.js';
import type { VideoUnit } from '../../src/media/access-unit.js';

/** Debian's, so that the judge is not the library under test. */
const FFMPEG = '/usr/bin/ffmpeg';

/** Pictures as the outside decoder sees them. */
export interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly pictures: number;
  /** What ffmpeg complained about. */
  readonly errors: string;
  /** Red, green and blue at a place given in pixels. */
  probe(picture: number, x: number, y: number): [number, number, number];
  readonly rgb: Buffer;
}

/** Decodes units that all have one configuration. */
export function decodeWithFfmpeg(units: readonly VideoUnit[]): Decoded {
  const { config } = units[0]!;
  const { sps, pps } = parseAvcc(config.avcc);
  const stream = Buffer.concat(units.map(({ data, isIdr }) => toAnnexB(data, isIdr ? [...sps, ...pps] : [])));
  const run = spawnSync(
    FFMPEG,
    [
      '-v',
      'warning',
      '-f',
      'h264',
      '-i',
      'pipe:0',
      '-fps_mode',
      'passthrough',
      '-pix_fmt',
      'rgb24',
      '-f',
      'rawvideo',
      'pipe:1',
    ],
    { input: stream, maxBuffer: 1 << 30 },
  );
  const { width, height } = config;
  const rgb = run.stdout;
  return {
    width,
    height,
    rgb,
    pictures: rgb.length / (width * height * 3),
    errors: run.stderr.toString(),
    probe(picture, x, y) {
      const at = ((picture * height + y) * width + x) * 3;
      return [rgb[at]!, rgb[at + 1]!, rgb[at + 2]!];
    },
  };
}
