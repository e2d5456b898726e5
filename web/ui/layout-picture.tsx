import type { JSX } from 'preact';
import type { LayoutName } from '../../src/media/program-settings.js';

type Rectangle = readonly [x: number, y: number, width: number, height: number];

/** In units of a 16 × 9 canvas, the host first. */
const PICTURES: Readonly<Record<LayoutName, readonly Rectangle[]>> = {
  solo: [[0, 0, 16, 9]],
  'side-by-side': [
    [0, 0, 7.8, 9],
    [8.2, 0, 7.8, 9],
  ],
  grid: [
    [0, 0, 7.8, 4.3],
    [8.2, 0, 7.8, 4.3],
    [0, 4.7, 7.8, 4.3],
    [8.2, 4.7, 7.8, 4.3],
  ],
  pip: [
    [0, 0, 16, 9],
    [10.6, 5.4, 4.8, 3],
  ],
  'host-left': [
    [0, 0, 10.6, 9],
    [11, 0, 5, 4.3],
    [11, 4.7, 5, 4.3],
  ],
};

export const LAYOUT_NAMES: Readonly<Record<LayoutName, string>> = {
  solo: 'Solo',
  'side-by-side': 'Side by side',
  grid: 'Grid',
  pip: 'Picture in picture',
  'host-left': 'Host left',
};

/** A layout in miniature; the host's tile stands out. */
export function LayoutPicture({ layout }: { layout: LayoutName }): JSX.Element {
  return (
    <svg class="layout-picture" viewBox="-0.5 -0.5 17 10" aria-hidden="true">
      {PICTURES[layout].map(([x, y, width, height], index) => (
        <rect
          key={index}
          x={x}
          y={y}
          width={width}
          height={height}
          rx="0.7"
          class={index === 0 ? 'host' : layout === 'pip' ? 'guest over' : 'guest'}
        />
      ))}
    </svg>
  );
}
