import { aacConfigFromAsc, buildAsc } from '../../src/codec/aac/asc.js';
import { videoConfigFromAvcc } from '../../src/codec/h264/avcc.js';
import { joinLengthPrefixed } from '../../src/codec/h264/nal.js';
import type { AacUnit, VideoUnit } from '../../src/media/access-unit.js';

/** Parameter sets of x264, main profile, at two sizes. */
export const smallVideo = videoConfigFromAvcc(
  Buffer.from('014d400dffe10019674d400deca0a0cfcf8088000003000800000301e078a14cb001000568ebe3cb20', 'hex'),
);
export const largeVideo = videoConfigFromAvcc(
  Buffer.from('014d401effe10018674d401eeca05017fcb80880000003008000001e078b16cb01000568ebe3cb20', 'hex'),
);
export const stereo48k = aacConfigFromAsc(buildAsc({ sampleRate: 48_000, channels: 2 }));
export const mono44k = aacConfigFromAsc(buildAsc({ sampleRate: 44_100, channels: 1 }));

/** A picture of `bytes` filling bytes; nobody decodes it. */
export function picture(
  fields: Partial<VideoUnit> & { readonly dts: number; readonly bytes?: number },
): VideoUnit {
  const { bytes = 20, isIdr = false, dts } = fields;
  const nal = Buffer.alloc(1 + bytes, 0x55);
  nal[0] = isIdr ? 0x65 : 0x41;
  return {
    kind: 'video',
    config: fields.config ?? smallVideo,
    pts: fields.pts ?? dts,
    dts,
    isIdr,
    data: fields.data ?? joinLengthPrefixed([nal]),
  };
}

export function audioFrame(pts: number, config = stereo48k, data = Buffer.from([0x21, 0x10, 0x04])): AacUnit {
  return { kind: 'audio', config, pts, durationSamples: 1024, data };
}

/** `seconds` of 30 pictures and 46.875 audio frames each, in order of time, an IDR every `gop` pictures. */
export function program(
  seconds: number,
  options: { gop?: number; startSeconds?: number; bytes?: number } = {},
) {
  const { gop = 15, startSeconds = 0, bytes = 20 } = options;
  const units: (VideoUnit | AacUnit)[] = [];
  for (let i = 0; i < seconds * 30; i++) {
    units.push(picture({ dts: startSeconds * 90_000 + i * 3000, isIdr: i % gop === 0, bytes }));
  }
  for (let i = 0; i * 1024 < seconds * 48_000; i++) units.push(audioFrame(startSeconds * 48_000 + i * 1024));
  const time = (unit: VideoUnit | AacUnit): number =>
    unit.kind === 'video' ? unit.dts / 90_000 : unit.pts / unit.config.sampleRate;
  return units.sort((a, b) => time(a) - time(b));
}
