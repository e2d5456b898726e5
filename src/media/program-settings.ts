import { InvalidOptionError } from '../base/errors.js';

/** `live`: the host alone is on air. `collab`: host and guests are mixed. */
export type Mode = 'live' | 'collab';

/** Where a unit of the program came from. `slate` stands in while the host is gone. */
export type ProgramSource = 'relay' | 'mix' | 'slate';

export type LayoutName = 'solo' | 'side-by-side' | 'grid' | 'pip' | 'host-left';

/** A tile of the canvas; all four as fractions of the canvas in [0, 1]. */
export interface LayoutTile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A named layout, or one tile per participant in order (host first, then guests as they joined). */
export type Layout = LayoutName | readonly LayoutTile[];

/** How a picture whose aspect is not its tile's is made to fit: `crop` fills, `fit` shows all of it. */
export type Aspect = 'crop' | 'fit';

/** How the program of a room is made. Sizes in pixels, rates per second. */
export interface ProgramSettings {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly videoBitrateBps: number;
  readonly x264Preset: 'ultrafast' | 'superfast' | 'veryfast' | 'faster' | 'fast' | 'medium';
  /** Longest distance between two IDRs of the program, in both modes. */
  readonly keyframeIntervalMs: number;
  readonly audioBitrateBps: number;
  readonly audioSampleRate: number;
  readonly audioChannels: 1 | 2;
  /** `off` sends the host through the mixer in live mode too, for targets that cannot take new parameter sets. */
  readonly relay: 'on' | 'off';
  readonly layout: Layout;
  readonly aspect: Aspect;
  readonly labels: boolean;
  /** Canvas colour behind the tiles, `#rrggbb`. */
  readonly background: string;
  /**
   * How long the mix waits at least for media that is late before it goes on without; nothing is held up that is there.
   * Where the network is seen to be later than that, it waits longer, up to half a second.
   */
  readonly mixLatencyMs: number;
  /** How long the slate holds the program after the host has vanished. */
  readonly graceMs: number;
}

export const defaultProgramSettings: ProgramSettings = {
  width: 1280,
  height: 720,
  fps: 30,
  videoBitrateBps: 2_500_000,
  x264Preset: 'veryfast',
  keyframeIntervalMs: 2_000,
  audioBitrateBps: 128_000,
  audioSampleRate: 48_000,
  audioChannels: 2,
  relay: 'on',
  layout: 'grid',
  aspect: 'crop',
  labels: true,
  background: '#101418',
  mixLatencyMs: 200,
  graceMs: 30_000,
};

/** @throws InvalidOptionError naming the field, its range and what was given */
export function checkProgramSettings(settings: ProgramSettings): ProgramSettings {
  const range = (field: keyof ProgramSettings, min: number, max: number): void => {
    const value = settings[field];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidOptionError(
        `${field}: expected a whole number from ${min} to ${max}, got ${JSON.stringify(value)}`,
      );
    }
  };
  range('width', 160, 3840);
  range('height', 90, 2160);
  if (settings.width % 2 !== 0 || settings.height % 2 !== 0) {
    throw new InvalidOptionError(
      `width and height: expected even numbers, got ${settings.width}x${settings.height}`,
    );
  }
  range('fps', 1, 60);
  range('videoBitrateBps', 50_000, 50_000_000);
  range('keyframeIntervalMs', 250, 10_000);
  range('audioBitrateBps', 16_000, 512_000);
  if (settings.audioSampleRate !== 44_100 && settings.audioSampleRate !== 48_000) {
    throw new InvalidOptionError(`audioSampleRate: expected 44100 or 48000, got ${settings.audioSampleRate}`);
  }
  range('audioChannels', 1, 2);
  range('mixLatencyMs', 20, 2_000);
  range('graceMs', 0, 3_600_000);
  if (!/^#[0-9a-f]{6}$/i.test(settings.background)) {
    throw new InvalidOptionError(`background: expected #rrggbb, got ${settings.background}`);
  }
  return settings;
}
