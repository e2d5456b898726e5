import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { H264Encoder } from '../../src/libav/h264-encoder.js';
import { Surface, type Yuv } from '../../src/libav/surface.js';
import type { AacUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { ParticipantSettings } from '../../src/media/participant.js';
import { block } from '../libav/signal.js';

export const red: Yuv = { y: 63, u: 102, v: 240 };
export const green: Yuv = { y: 173, u: 42, v: 26 };
export const blue: Yuv = { y: 32, u: 240, v: 118 };
export const grey: Yuv = { y: 126, u: 128, v: 128 };

export interface ClipOptions {
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly pictures: number;
  readonly colour: Yuv | ((picture: number) => Yuv);
  readonly keyframeIntervalMs?: number;
}

/** One colour per picture, the first picture at 0. */
export function colourClip(options: ClipOptions): VideoUnit[] {
  const { width = 320, height = 180, fps = 30, pictures, colour } = options;
  const encoder = H264Encoder.open({
    width,
    height,
    fps,
    bitrateBps: 2_000_000,
    preset: 'ultrafast',
    keyframeIntervalMs: options.keyframeIntervalMs ?? 1000,
  });
  const surface = Surface.alloc(width, height);
  const units = Array.from({ length: pictures }, (_, i) => {
    surface.fill({ x: 0, y: 0, width, height }, typeof colour === 'function' ? colour(i) : colour);
    return encoder.encode(surface, Math.round((i * 90_000) / fps));
  });
  encoder.close();
  surface.free();
  return units;
}

export function aacClip(signal: Float32Array, channels: 1 | 2 = 1): AacUnit[] {
  const encoder = AacEncoder.open({ sampleRate: 48_000, channels, bitrateBps: 128_000 });
  return [
    ...encoder.encode(
      block(
        Array.from({ length: channels }, () => signal),
        0,
      ),
    ),
    ...encoder.flush(),
  ];
}

export function participant(name: string, changes: Partial<ParticipantSettings> = {}): ParticipantSettings {
  return { role: 'guest', name, gainDb: 0, muted: false, onAir: true, ...changes };
}
