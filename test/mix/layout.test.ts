import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayoutName } from '../../src/media/program-settings.js';
import { layoutTiles, placePicture, tilePixels } from '../../src/mix/layout.js';

const canvas = { width: 1280, height: 720 };
const names: LayoutName[] = ['solo', 'side-by-side', 'grid', 'pip', 'host-left'];

describe('layouts', () => {
  it('puts two in a grid as two halves of the canvas width, in its own aspect', () => {
    const rects = layoutTiles('grid', 2).map((tile) => tilePixels(tile, canvas));
    expect(rects).toEqual([
      { x: 0, y: 180, width: 640, height: 360 },
      { x: 640, y: 180, width: 640, height: 360 },
    ]);
  });

  it('centres the last row of a grid that is not full', () => {
    const [, , third] = layoutTiles('grid', 3).map((tile) => tilePixels(tile, canvas));
    expect(third).toEqual({ x: 320, y: 360, width: 640, height: 360 });
  });

  it('shows one participant on the whole canvas in every layout', () => {
    for (const name of names) {
      expect(tilePixels(layoutTiles(name, 1)[0]!, canvas)).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
    }
  });

  it('leaves out of view those for whom a custom layout has no tile', () => {
    expect(layoutTiles([{ x: 0, y: 0, width: 0.5, height: 0.5 }], 3)).toHaveLength(1);
  });

  it('keeps every tile on even pixels inside the canvas, and guests apart from each other', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 80, max: 1920 }),
        fc.integer({ min: 45, max: 1080 }),
        (name, count, halfWidth, halfHeight) => {
          const size = { width: 2 * halfWidth, height: 2 * halfHeight };
          const rects = layoutTiles(name, count).map((tile) => tilePixels(tile, size));
          for (const { x, y, width, height } of rects) {
            expect([x, y, width, height].every((n) => n >= 0 && n % 2 === 0)).toBe(true);
            expect(x + width).toBeLessThanOrEqual(size.width);
            expect(y + height).toBeLessThanOrEqual(size.height);
          }
          const apart = name === 'pip' ? rects.slice(1) : rects;
          apart.forEach((a, i) =>
            apart.slice(i + 1).forEach((b) => {
              const clear =
                a.x + a.width <= b.x ||
                b.x + b.width <= a.x ||
                a.y + a.height <= b.y ||
                b.y + b.height <= a.y;
              expect(clear).toBe(true);
            }),
          );
        },
      ),
    );
  });
});

describe('placing a picture', () => {
  const rect = { x: 640, y: 180, width: 640, height: 360 };

  it('crops an upright picture to the middle of its tile', () => {
    expect(placePicture({ width: 720, height: 1280 }, rect, 'crop')).toEqual({
      scaled: { width: 640, height: 1138 },
      seen: { x: 0, y: 388, width: 640, height: 360 },
      x: 640,
      y: 180,
    });
  });

  it('fits an upright picture between bars', () => {
    expect(placePicture({ width: 720, height: 1280 }, rect, 'fit')).toEqual({
      scaled: { width: 202, height: 360 },
      seen: { x: 0, y: 0, width: 202, height: 360 },
      x: 640 + 218,
      y: 180,
    });
  });

  it('stays inside the tile and the scaled picture for any sizes', () => {
    const side = fc.integer({ min: 16, max: 4096 });
    const half = fc.integer({ min: 1, max: 1920 });
    fc.assert(
      fc.property(side, side, half, half, fc.constantFrom('crop', 'fit'), (width, height, w, h, aspect) => {
        const place = placePicture({ width, height }, { x: 10, y: 20, width: 2 * w, height: 2 * h }, aspect);
        if (place === undefined) return;
        const { scaled, seen, x, y } = place;
        const all = [scaled.width, scaled.height, seen.x, seen.y, seen.width, seen.height, x, y];
        expect(all.every((n) => n >= 0 && n % 2 === 0)).toBe(true);
        expect(seen.x + seen.width).toBeLessThanOrEqual(scaled.width);
        expect(seen.y + seen.height).toBeLessThanOrEqual(scaled.height);
        expect(x >= 10 && x + seen.width <= 10 + 2 * w).toBe(true);
        expect(y >= 20 && y + seen.height <= 20 + 2 * h).toBe(true);
      }),
    );
  });
});
