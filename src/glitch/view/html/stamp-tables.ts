import type { CloseUp } from '../close-up.js';
import type { StampedUnit } from '../recent-stamps.js';
import { html, type Content } from './markup.js';

/** Steps that differ by more than this from the length of the unit before are marked: FLV rounds to 1 ms, twice. */
const ROUNDING_MS = 1.5;

/** The time stamps of both tracks around a finding. */
export function stampTables({ finding, stamps }: CloseUp): Content {
  if (stamps.audio.length + stamps.video.length === 0) return undefined;
  return html`<details>
    <summary>Time stamps around it</summary>
    <div class="stamps">
      ${[
        table('Sound', stamps.audio, finding.medium === 'audio' ? finding.unit : undefined),
        table('Pictures', stamps.video, finding.medium === 'video' ? finding.unit : undefined),
      ]}
    </div>
  </details>`;
}

function table(name: string, units: readonly StampedUnit[], hit: number | undefined): Content {
  if (units.length === 0) return undefined;
  const isReordered = units.some(({ ptsMs, dtsMs }) => Math.abs(ptsMs - dtsMs) > 0.001);
  // Of what decoding follows: pictures may be shown in another order.
  const time = (unit: StampedUnit): number => (isReordered ? unit.dtsMs : unit.ptsMs);
  const usual = median(units.slice(1).map((unit, i) => time(unit) - time(units[i]!)));
  return html`<div class="table-frame" tabindex="0" role="region" aria-label="${name}">
    <table>
      <caption>
        ${name}
      </caption>
      <thead>
        <tr>
          <th>unit</th>
          <th>${isReordered ? 'shown' : 'time'} ms</th>
          ${isReordered ? html`<th>decoded ms</th>` : ''}
          <th>step</th>
          <th>bytes</th>
          <th>at byte</th>
        </tr>
      </thead>
      <tbody>
        ${units.map((unit, i) => {
          const before = units[i - 1];
          const step = before === undefined ? undefined : time(unit) - time(before);
          const expected = before !== undefined && before.lengthMs > 0 ? before.lengthMs : usual;
          const isOff = step !== undefined && Math.abs(step - expected) > ROUNDING_MS;
          return html`<tr${unit.index === hit ? html` class="hit"` : ''}><td>${unit.index}${unit.isIdr ? html` <small>IDR</small>` : ''}</td><td>${unit.ptsMs.toFixed(2)}</td>${
            isReordered ? html`<td>${unit.dtsMs.toFixed(2)}</td>` : ''
          }<td${isOff ? html` class="off"` : ''}>${step === undefined ? '' : step.toFixed(2)}</td><td>${unit.bytes}</td><td>${unit.byteOffset ?? '–'}</td></tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
