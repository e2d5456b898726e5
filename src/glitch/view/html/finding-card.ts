import { clockTime } from '../../clock-time.js';
import type { Severity } from '../../finding.js';
import type { CloseUp } from '../close-up.js';
import { closeUpFigure } from './close-up-figure.js';
import { factList } from './fact-list.js';
import { html, type Content } from './markup.js';
import { stampTables } from './stamp-tables.js';
import { figureName, milliseconds, whereOf } from './words.js';

/** Told apart by shape too, for eyes and printers without colour. */
const shapes: Readonly<Record<Severity, string>> = {
  major: 'M6 0 12 6 6 12 0 6Z',
  minor: 'M6 1 12 11H0Z',
  info: 'M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10Z',
};

export function severityMark(severity: Severity): Content {
  return html`<svg class="shape" viewBox="0 0 12 12" aria-hidden="true">
    <path d="${shapes[severity]}" />
  </svg>`;
}

export function findingCard(closeUp: CloseUp, index: number): Content {
  const { finding } = closeUp;
  const { kind, severity, timeMs, durationMs, measured, cause, reason } = finding;
  const id = `finding-${index + 1}`;
  return html`<article
    class="finding ${severity} of-${severity}"
    id="${id}"
    aria-labelledby="${id}-title"
    tabindex="-1"
  >
    <header>
      <h3 id="${id}-title">${severityMark(severity)}<code>${kind}</code></h3>
      <span class="badge">${severity}</span>
      <time class="number">${clockTime(timeMs)}</time
      >${durationMs > 0 ? html`<span class="length">${milliseconds(durationMs)} long</span>` : ''}
      <a class="number-link" href="#${id}" aria-label="Link to finding ${index + 1}">#${index + 1}</a>
    </header>
    <p class="cause">${cause}</p>
    <p class="reason">${reason}</p>
    ${closeUpFigure(closeUp)}
    <dl class="figures">
      ${factList([
        ['where', whereOf(finding)],
        ...Object.entries(measured).map(([name, value]) => [figureName(name), value] as const),
      ])}
    </dl>
    ${stampTables(closeUp)}
  </article> `;
}
