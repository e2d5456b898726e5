import type { Aspect, Layout, LayoutTile } from '../media/program-settings.js';
import type { PixelRect } from '../libav/surface.js';

const whole: LayoutTile = { x: 0, y: 0, width: 1, height: 1 };
/** Of the canvas: the inset pictures of `pip`, and their distance from the edges and each other. */
const PIP_SIZE = 0.26;
const PIP_MARGIN = 0.025;
/** Of the canvas width: the host's share in `host-left`. */
const HOST_SHARE = 0.7;

/**
 * The tiles of a layout as fractions of the canvas, host first, in drawing order. Fewer tiles than participants means
 * that the last ones are heard but not seen.
 *
 * @param count participants on air, host included
 */
export function layoutTiles(layout: Layout, count: number): readonly LayoutTile[] {
  if (count <= 0) return [];
  if (typeof layout !== 'string') return layout.slice(0, count);
  if (count === 1 || layout === 'solo') return [whole];
  switch (layout) {
    case 'side-by-side':
      return Array.from({ length: count }, (_, i) => ({ x: i / count, y: 0, width: 1 / count, height: 1 }));
    case 'grid':
      return grid(count);
    case 'pip':
      return [whole, ...insets(count - 1)];
    case 'host-left': {
      const guests = count - 1;
      return [
        { x: 0, y: 0, width: HOST_SHARE, height: 1 },
        ...Array.from({ length: guests }, (_, i) => ({
          x: HOST_SHARE,
          y: i / guests,
          width: 1 - HOST_SHARE,
          height: 1 / guests,
        })),
      ];
    }
  }
}

/** Tiles of the canvas's own aspect in as square an array as possible; a last row that is not full is centred. */
function grid(count: number): LayoutTile[] {
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const size = 1 / columns;
  const top = (1 - rows * size) / 2;
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (1 - inRow * size) / 2;
    return { x: left + (i % columns) * size, y: top + row * size, width: size, height: size };
  });
}

/** Small pictures from the bottom right corner upwards, then in further columns to the left. */
function insets(count: number): LayoutTile[] {
  const step = PIP_SIZE + PIP_MARGIN;
  const perColumn = Math.floor((1 - PIP_MARGIN) / step);
  return Array.from({ length: count }, (_, i) => ({
    x: Math.max(0, 1 - step * (1 + Math.floor(i / perColumn))),
    y: 1 - step * (1 + (i % perColumn)),
    width: PIP_SIZE,
    height: PIP_SIZE,
  }));
}

/** A tile in pixels of a canvas, on even pixels and inside of it; neighbours that touch as fractions touch as pixels. */
export function tilePixels(tile: LayoutTile, canvas: { width: number; height: number }): PixelRect {
  const even = (fraction: number, size: number): number =>
    Math.min(size, Math.max(0, 2 * Math.round((fraction * size) / 2)));
  const x = even(tile.x, canvas.width);
  const y = even(tile.y, canvas.height);
  return {
    x,
    y,
    width: even(tile.x + tile.width, canvas.width) - x,
    height: even(tile.y + tile.height, canvas.height) - y,
  };
}

export interface Placement {
  /** Size to which the whole picture is scaled, even. */
  readonly scaled: { readonly width: number; readonly height: number };
  /** The part of the scaled picture that is seen. */
  readonly seen: PixelRect;
  /** Where on the canvas its top left corner goes. */
  readonly x: number;
  readonly y: number;
}

/** The widest or tallest that a picture is scaled to for a crop; past that it is fitted. */
const MAX_SCALED = 4096;

/**
 * How a picture goes into a rectangle: `crop` fills it and cuts what hangs over, `fit` shows all and leaves bars.
 * `undefined` when nothing of it would be seen.
 */
export function placePicture(
  picture: { readonly width: number; readonly height: number },
  rect: PixelRect,
  aspect: Aspect,
): Placement | undefined {
  const across = rect.width / picture.width;
  const down = rect.height / picture.height;
  const factor = aspect === 'crop' ? Math.max(across, down) : Math.min(across, down);
  const size = (side: number, limit: number): number => {
    const even = 2 * Math.round((side * factor) / 2);
    return aspect === 'crop' ? Math.max(even, limit) : Math.min(even, limit);
  };
  const width = size(picture.width, rect.width);
  const height = size(picture.height, rect.height);
  if (Math.max(width, height) > MAX_SCALED && aspect === 'crop') return placePicture(picture, rect, 'fit');
  if (width < 2 || height < 2) return undefined;
  const seenWidth = Math.min(width, rect.width);
  const seenHeight = Math.min(height, rect.height);
  return {
    scaled: { width, height },
    seen: {
      x: middle(width - seenWidth),
      y: middle(height - seenHeight),
      width: seenWidth,
      height: seenHeight,
    },
    x: rect.x + middle(rect.width - seenWidth),
    y: rect.y + middle(rect.height - seenHeight),
  };
}

/** Half of an even length, rounded down to even. */
function middle(length: number): number {
  return 2 * Math.floor(length / 4);
}
