import type { Yuv } from '../libav/surface.js';

/** sRGB components in [0, 255] as limited-range BT.709 (ITU-R BT.709-6 §3.4 and §4.6). */
export function rgbToYuv(red: number, green: number, blue: number): Yuv {
  const luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return {
    y: Math.round(16 + (219 * luma) / 255),
    u: Math.round(128 + (224 * (blue - luma)) / 1.8556 / 255),
    v: Math.round(128 + (224 * (red - luma)) / 1.5748 / 255),
  };
}

/** @param colour `#rrggbb` */
export function hexToYuv(colour: string): Yuv {
  const value = Number.parseInt(colour.slice(1), 16);
  return rgbToYuv((value >> 16) & 255, (value >> 8) & 255, value & 255);
}

/** A calm colour that is always the same for a name, dark enough for white text. */
export function colourOfName(name: string): Yuv {
  let hash = 2_166_136_261;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  const hue = hash % 360;
  const component = (offset: number): number => {
    const k = (offset + hue / 30) % 12;
    return 255 * (0.38 - 0.2 * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return rgbToYuv(component(0), component(8), component(4));
}
