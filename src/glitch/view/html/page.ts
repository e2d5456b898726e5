import type { GlitchReport } from '../../analyse.js';
import { clockTime } from '../../clock-time.js';
import type { Finding, Severity } from '../../finding.js';
import { variantLine } from '../../variant.js';
import type { CaptureView } from '../surroundings.js';
import { factList, type Fact } from './fact-list.js';
import { findingCard, severityMark } from './finding-card.js';
import { html, Markup, type Content } from './markup.js';
import { overviewFigure } from './overview-figure.js';
import { referenceSection } from './reference-section.js';
import { style } from './style.js';
import { whereOf } from './words.js';

const severities: readonly Severity[] = ['major', 'minor', 'info'];
/** Rows of findings without a close-up; the report in JSON has them all. */
const MAX_ROWS = 500;

/**
 * A report as one HTML file without scripts: nothing is loaded, and its own policy forbids it. Everything that comes
 * from the capture is escaped.
 */
export function reportPage(report: GlitchReport, view: CaptureView): string {
  const name = report.input.split(/[\\/]/).at(-1) ?? report.input;
  const counts = severities.map((severity) => [severity, report.severities[severity]] as const);
  const shown = new Set(view.closeUps.map(({ finding }) => keyOf(finding)));
  const others = report.findings.filter((finding) => !shown.has(keyOf(finding)));
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <meta name="color-scheme" content="light dark" />
        <title>${name} – glitch report</title>
        <style>
          ${new Markup(style)}
        </style>
      </head>
      <body>
        <a class="skip-link" href="#findings">Skip to the findings</a>
        <header>
          <p class="eyebrow">Glitch report</p>
          <h1>${name}</h1>
          <dl class="facts">${factsOf(report)}</dl>
          <p class="verdict">${verdict(counts)}</p>
        </header>
        <main>
          <section aria-labelledby="overview-title">
            <h2 id="overview-title">The whole capture</h2>
            ${overviewFigure(view.overview, { report, closeUps: view.closeUps })}
          </section>
          ${report.reference && referenceSection(report.reference)}
          <section id="findings" aria-labelledby="findings-title">
            <div class="section-head">
              <h2 id="findings-title">Findings, worst first</h2>
              ${filters(counts)}
            </div>
            ${kindChips(report)}
            ${report.findings.length === 0 ? html`<p class="empty">Nothing was found.</p>` : ''}
            ${view.closeUps.map((closeUp, index) => findingCard(closeUp, index))}
            ${otherFindings(others, report.leftOut)}
          </section>
        </main>
        <footer>
          <p>
            <b>major</b> is noticed by anyone, <b>minor</b> by who attends, <b>info</b> is legal and inaudible
            or a habit of the material. Times count from the first time stamp of the capture, as a player
            shows them.
            ${report.rewritten ? 'The input had to be rewritten first: byte offsets are unknown.' : ''}
            ${report.variant && variantLine(report.variant)}
          </p>
          <p>anchornet analyze-glitch</p>
        </footer>
      </body>
    </html> `;
  return page.text;
}

function keyOf({ kind, medium, timeMs, unit }: Finding): string {
  return `${kind} ${medium} ${timeMs.toFixed(1)} ${unit ?? ''}`;
}

function factsOf({ input, format, summary }: GlitchReport): Content {
  const { audio, video, stampTickMs } = summary;
  const facts: Fact[] = [
    ['Input', html`<span class="path">${input}</span>`],
    ['Format', format.toUpperCase()],
    ['Length', clockTime(summary.durationMs)],
    [
      'Sound',
      audio === undefined
        ? 'none'
        : `${audio.codec.toUpperCase()}, ${audio.sampleRate / 1000} kHz, ${audio.channels === 1 ? 'mono' : audio.channels === 2 ? 'stereo' : `${audio.channels} channels`}${audio.units > 0 ? `, ${audio.units} units` : ''}`,
    ],
    [
      'Pictures',
      video === undefined
        ? 'none'
        : `${video.codec.toUpperCase()}, ${video.width} × ${video.height}, ${video.units} units`,
    ],
    ...(stampTickMs === undefined ? [] : [['Time stamps', `ticks of ${stampTickMs} ms`] as const]),
  ];
  return factList(facts);
}

function verdict(counts: readonly (readonly [Severity, number])[]): Content {
  const told = counts.filter(([, count]) => count > 0);
  if (told.length === 0) return html`<span class="clean">No glitch found</span>`;
  return told.map(
    ([severity, count]) =>
      html`<span class="count ${severity}">${severityMark(severity)}<b>${count}</b> ${severity}</span>`,
  );
}

function filters(counts: readonly (readonly [Severity, number])[]): Content {
  if (counts.every(([, count]) => count === 0)) return undefined;
  return html`<fieldset class="filters">
    <legend>Show</legend>
    ${counts.map(
      ([severity, count]) =>
        html`<label class="filter"
          ><input type="checkbox" id="show-${severity}" checked />${severity} <small>${count}</small></label
        >`,
    )}
  </fieldset>`;
}

function kindChips({ counts }: GlitchReport): Content {
  const kinds = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (kinds.length === 0) return undefined;
  return html`<ul class="kinds" aria-label="How many of each kind">
    ${kinds.map(([kind, count]) => html`<li><code>${kind}</code> ${count}</li>`)}
  </ul>`;
}

function otherFindings(findings: readonly Finding[], leftOut: number): Content {
  if (findings.length === 0 && leftOut === 0) return undefined;
  const rows = findings.slice(0, MAX_ROWS);
  const missing = findings.length - rows.length + leftOut;
  return html`<h3 class="others-title">${findings.length} more without a close-up</h3>
    <div class="table-frame" tabindex="0" role="region" aria-label="Findings without a close-up">
      <table class="others">
        <thead>
          <tr>
            <th>Time</th>
            <th>Kind</th>
            <th>Severity</th>
            <th>Where</th>
            <th>Likely cause</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (finding) =>
              html`<tr class="of-${finding.severity}">
                <td class="number">${clockTime(finding.timeMs)}</td>
                <td><code>${finding.kind}</code></td>
                <td>${finding.severity}</td>
                <td>${whereOf(finding)}</td>
                <td>${finding.cause}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${missing > 0 ? html`<p class="left-out">${missing} more are left out here.</p>` : ''}`;
}
