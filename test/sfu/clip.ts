import { execFileSync } from 'node:child_process';
import { videoConfigFromParameterSets } from '../../src/codec/h264/avcc.js';
import { joinLengthPrefixed, nalType, NalType, splitAnnexB } from '../../src/codec/h264/nal.js';
import type { AudioUnit, VideoUnit } from '../../src/media/access-unit.js';

export interface ClipOptions {
  readonly width: number;
  readonly height: number;
  readonly pictures: number;
  /** Pictures from IDR to IDR. */
  readonly gop: number;
  readonly bitrate?: string;
}

/** Pictures of ffmpeg's test source at 30 per second, encoded by x264, as access units from pts 0 on. */
export function h264Clip(options: ClipOptions): VideoUnit[] {
  const { width, height, pictures, gop, bitrate = '1M' } = options;
  const bytes = execFileSync(
    '/usr/bin/ffmpeg',
    `-v error -f lavfi -i testsrc2=size=${width}x${height}:rate=30 -frames:v ${pictures} -pix_fmt yuv420p
      -c:v libx264 -profile:v baseline -preset ultrafast -tune zerolatency -b:v ${bitrate} -g ${gop}
      -x264-params aud=1:repeat-headers=1:scenecut=0 -f h264 -`.split(/\s+/),
    { maxBuffer: 1 << 28 },
  );
  const units: VideoUnit[] = [];
  let nals: Buffer[] = [];
  let sets: { sps: Buffer[]; pps: Buffer[] } = { sps: [], pps: [] };
  let config: VideoUnit['config'] | undefined;
  const finish = (): void => {
    if (nals.length === 0) return;
    const isIdr = nals.some((nal) => nalType(nal) === NalType.idr);
    config ??= videoConfigFromParameterSets(sets.sps, sets.pps);
    const pts = units.length * 3_000;
    units.push({ kind: 'video', config, pts, dts: pts, isIdr, data: joinLengthPrefixed(nals) });
    nals = [];
  };
  for (const nal of splitAnnexB(bytes)) {
    const type = nalType(nal);
    if (type === NalType.accessUnitDelimiter) finish();
    else if (type === NalType.sps) sets = { sps: [nal], pps: [] };
    else if (type === NalType.pps) sets.pps.push(nal);
    else nals.push(nal);
  }
  finish();
  return units;
}

/** An Opus packet of 20 ms silence (RFC 6716 §3.1: CELT, full band, one frame, stereo). */
export const silentOpus = Buffer.from([0xfc, 0xff, 0xfe]);

export function opusUnit(pts: number): AudioUnit {
  const config = { codec: 'opus', sampleRate: 48_000, channels: 2 } as const;
  return { kind: 'audio', config, pts, durationSamples: 960, data: silentOpus };
}
