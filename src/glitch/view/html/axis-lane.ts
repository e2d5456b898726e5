import { html, type Content } from './markup.js';
import type { Scale } from './scale.js';

const MOST_TICKS = 8;
/** Percent of the width from which on a label stands before its tick, so as not to leave the figure. */
const LATE = 90;

/** The times under a figure. */
export function axisLane(scale: Scale, label: (ms: number, stepMs: number) => string): Content {
  const ticks = scale.ticks(MOST_TICKS).map(({ ms, stepMs }) => {
    const at = scale.at(ms);
    return html`<span class="tick${at > LATE ? ' late' : ''}" style="left:${at}%"
      >${label(ms, stepMs)}</span
    >`;
  });
  return html`<div class="lane axis">
    <span class="lane-name"></span>
    <div class="plot">${ticks}</div>
  </div>`;
}
