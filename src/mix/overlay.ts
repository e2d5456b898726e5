import type { Surface, Yuv } from '../libav/surface.js';
import { drawText, type Mask } from './text.js';

/** A drawing to be laid over a picture: out = picture × (255 − alpha) / 255 + add, per plane. Rendered once, blended often. */
export interface Overlay {
  readonly width: number;
  readonly height: number;
  readonly lumaAlpha: Uint8Array;
  readonly lumaAdd: Uint8Array;
  /** Per chroma sample; what is added is grey. */
  readonly chromaAlpha: Uint8Array;
}

const WHITE = 235;
const PLATE_LUMA = 20;
const PLATE_ALPHA = 150;

/** White text on a dark, half transparent plate with round corners. */
export function plateWithText(text: string, capitalHeight: number, maxWidth: number): Overlay {
  const padding = Math.round(capitalHeight * 0.6);
  const mask = drawText(text, capitalHeight, Math.max(8, maxWidth - 2 * padding));
  const width = toEven(mask.width + 2 * padding);
  const height = toEven(mask.height + Math.round(capitalHeight * 0.3));
  return render(width, height, mask, roundedPlate(width, height, Math.round(capitalHeight * 0.45)));
}

/** White text without a plate. */
export function plainText(text: string, capitalHeight: number, maxWidth: number): Overlay {
  const mask = drawText(text, capitalHeight, maxWidth);
  return render(toEven(mask.width), toEven(mask.height), mask, undefined);
}

/** Blends with the overlay's top left corner at (x, y), both even; what hangs over the surface is left out. */
export function blend(surface: Surface, overlay: Overlay, x: number, y: number): void {
  const [luma, blue, red] = surface.planes;
  const [lumaStride, blueStride, redStride] = surface.strides;
  const columns = Math.min(overlay.width, surface.width - x);
  const rows = Math.min(overlay.height, surface.height - y);
  for (let row = 0; row < rows; row++) {
    let at = (y + row) * lumaStride + x;
    let from = row * overlay.width;
    for (let column = 0; column < columns; column++, at++, from++) {
      const alpha = overlay.lumaAlpha[from]!;
      if (alpha !== 0) luma[at] = divide255(luma[at]! * (255 - alpha)) + overlay.lumaAdd[from]!;
    }
  }
  const chromaWidth = overlay.width >> 1;
  for (let row = 0; row < rows >> 1; row++) {
    let from = row * chromaWidth;
    let blueAt = ((y >> 1) + row) * blueStride + (x >> 1);
    let redAt = ((y >> 1) + row) * redStride + (x >> 1);
    for (let column = 0; column < columns >> 1; column++, from++, blueAt++, redAt++) {
      const alpha = overlay.chromaAlpha[from]!;
      if (alpha === 0) continue;
      blue[blueAt] = divide255(blue[blueAt]! * (255 - alpha) + 128 * alpha);
      red[redAt] = divide255(red[redAt]! * (255 - alpha) + 128 * alpha);
    }
  }
}

/** Draws a filled circle, antialiased in luma. */
export function fillCircle(
  surface: Surface,
  centre: { x: number; y: number },
  radius: number,
  colour: Yuv,
): void {
  const coverage = (x: number, y: number, r: number): number =>
    Math.max(0, Math.min(1, r + 0.5 - Math.hypot(x, y)));
  const mixed = (from: number, to: number, share: number): number => Math.round(from + (to - from) * share);
  surface.planes.forEach((plane, i) => {
    const scale = i === 0 ? 1 : 2;
    const value = [colour.y, colour.u, colour.v][i]!;
    const stride = surface.strides[i]!;
    const rows = surface.height / scale;
    const columns = surface.width / scale;
    const reach = Math.ceil(radius / scale) + 1;
    const midX = centre.x / scale;
    const midY = centre.y / scale;
    for (let y = Math.max(0, Math.floor(midY - reach)); y < Math.min(rows, midY + reach); y++) {
      for (let x = Math.max(0, Math.floor(midX - reach)); x < Math.min(columns, midX + reach); x++) {
        const share = coverage(x + 0.5 - midX, y + 0.5 - midY, radius / scale);
        const at = y * stride + x;
        if (share > 0) plane[at] = mixed(plane[at]!, value, share);
      }
    }
  });
}

/** Darkens a whole surface to the given share of its brightness and colour. */
export function dim(surface: Surface, share: number): void {
  const luma = Uint8Array.from({ length: 256 }, (_, v) => Math.round(16 + (v - 16) * share));
  const chroma = Uint8Array.from({ length: 256 }, (_, v) => Math.round(128 + (v - 128) * share));
  surface.planes.forEach((plane, i) => {
    const table = i === 0 ? luma : chroma;
    for (let at = 0; at < plane.length; at++) plane[at] = table[plane[at]!]!;
  });
}

function render(width: number, height: number, text: Mask, plate: Uint8Array | undefined): Overlay {
  const lumaAlpha = new Uint8Array(width * height);
  const lumaAdd = new Uint8Array(width * height);
  const left = (width - text.width) >> 1;
  const top = (height - text.height) >> 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inText = x >= left && x < left + text.width && y >= top && y < top + text.height;
      const ink = inText ? text.coverage[(y - top) * text.width + x - left]! / 255 : 0;
      const plateAlpha = (plate?.[y * width + x] ?? 0) / 255;
      // Ink over plate over picture (Porter and Duff's "over").
      const alpha = ink + plateAlpha * (1 - ink);
      lumaAlpha[y * width + x] = Math.round(255 * alpha);
      lumaAdd[y * width + x] = Math.round(ink * WHITE + plateAlpha * (1 - ink) * PLATE_LUMA);
    }
  }
  return { width, height, lumaAlpha, lumaAdd, chromaAlpha: halve(lumaAlpha, width, height) };
}

function roundedPlate(width: number, height: number, radius: number): Uint8Array {
  const alpha = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = Math.max(0, radius - (x + 0.5), x + 0.5 - (width - radius));
      const dy = Math.max(0, radius - (y + 0.5), y + 0.5 - (height - radius));
      const inside = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));
      alpha[y * width + x] = Math.round(PLATE_ALPHA * inside);
    }
  }
  return alpha;
}

function halve(plane: Uint8Array, width: number, height: number): Uint8Array {
  const out = new Uint8Array((width >> 1) * (height >> 1));
  for (let y = 0; y < height >> 1; y++) {
    for (let x = 0; x < width >> 1; x++) {
      const at = 2 * y * width + 2 * x;
      const sum = plane[at]! + plane[at + 1]! + plane[at + width]! + plane[at + width + 1]!;
      out[y * (width >> 1) + x] = (sum + 2) >> 2;
    }
  }
  return out;
}

function divide255(value: number): number {
  return ((value + 127) / 255) | 0;
}

function toEven(length: number): number {
  return length + (length % 2);
}
