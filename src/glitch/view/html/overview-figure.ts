import type { GlitchReport } from '../../analyse.js';
import { clockTime } from '../../clock-time.js';
import type { Finding } from '../../finding.js';
import type { CloseUp } from '../close-up.js';
import type { Overview } from '../overview.js';
import { axisLane } from './axis-lane.js';
import { html, type Content, type Markup } from './markup.js';
import { Scale } from './scale.js';
import { channelNames } from './words.js';

/** More marks than this would cover each other. */
const MAX_MARKS = 400;
const HEIGHT = 40;
/** Half a second: pictures come in bursts. */
const RATE_BIN_MS = 500;

/** The capture's timeline: what was found, both channels' levels, the pictures' bit rate. */
export function overviewFigure(
  overview: Overview,
  { report, closeUps }: { readonly report: GlitchReport; readonly closeUps: readonly CloseUp[] },
): Content {
  const endMs = Math.max(report.summary.durationMs, 1);
  const scale = new Scale(0, endMs);
  const names = channelNames(overview.peaks.length);
  const rates = pictureRates(overview);
  const hasVideo = report.summary.video !== undefined;
  return html`<figure class="overview">
    <div class="lanes">
      <div class="lane marks">
        <span class="lane-name">Findings</span>
        <div class="plot">${marks(report.findings, closeUps, scale)}</div>
      </div>
      ${overview.peaks.map(
        (peaks, channel) =>
          html`<div class="lane">
            <span class="lane-name">${names[channel]}</span>
            <div class="plot">${levels(overview, peaks, overview.meanSquares[channel]!, endMs)}</div>
          </div>`,
      )}
      ${
        hasVideo
          ? html`<div class="lane">
              <span class="lane-name">Pictures</span>
              <div class="plot">${bitrate(rates, endMs)}</div>
            </div>`
          : ''
      }
      ${axisLane(scale, timeLabel)}
    </div>
    <figcaption>
      ${overview.peaks.length > 0 ? 'Levels from −60 to 0 dB: RMS, and the peaks behind it. ' : ''}${
        hasVideo ? `Pictures by bit rate, up to ${Math.round(Math.max(...rates.kbps))} kb/s. ` : ''
      }Marks
      lead to the findings below.
    </figcaption>
  </figure>`;
}

function marks(findings: readonly Finding[], closeUps: readonly CloseUp[], scale: Scale): Content {
  const linked = closeUps.map(({ finding }, index) => mark(finding, scale, `#finding-${index + 1}`));
  const shown = new Set(closeUps.map(({ finding }) => `${finding.kind} ${finding.timeMs.toFixed(1)}`));
  const others = findings
    .filter(({ kind, timeMs }) => !shown.has(`${kind} ${timeMs.toFixed(1)}`))
    .slice(0, MAX_MARKS)
    .map((finding) => mark(finding, scale, undefined));
  // Worst last: they lie on top.
  return [...others, ...linked].reverse();
}

function mark(finding: Finding, scale: Scale, target: string | undefined): Content {
  const { kind, severity, timeMs, durationMs } = finding;
  const place = scale.box(timeMs, timeMs + durationMs);
  const title = `${clockTime(timeMs)} ${kind}, ${severity}`;
  return target === undefined
    ? html`<span class="mark ${severity}" style="${place}" title="${title}"></span>`
    : html`<a
        class="mark ${severity}"
        style="${place}"
        href="${target}"
        title="${title}"
        aria-label="${title}"
      ></a>`;
}

/** Quiet sound is seen as well: the scale is in dB, from −60 to 0. */
function levels(overview: Overview, peaks: Float32Array, squares: Float32Array, endMs: number): Content {
  const height = (db: number): number => Math.max(0, Math.min(1, (db + 60) / 60));
  const peak = Array.from(peaks, (value) => height(20 * Math.log10(value + 1e-9)));
  const mean = Array.from(squares, (value) => height(10 * Math.log10(value + 1e-12)));
  return svg(
    endMs,
    html`<path class="peak" d="${area(peak, overview)}" /><path class="rms" d="${area(mean, overview)}" />`,
  );
}

interface Rates {
  readonly fromMs: number;
  readonly binMs: number;
  readonly kbps: readonly number[];
}

/** Over bins that hold several pictures. */
function pictureRates({ fromMs, binMs, bins, videoBytes }: Overview): Rates {
  const joined = Math.ceil(RATE_BIN_MS / binMs);
  const kbps = Array.from({ length: Math.ceil(bins / joined) }, (_, bin) => {
    const bytes = videoBytes
      .subarray(bin * joined, (bin + 1) * joined)
      .reduce((sum, value) => sum + value, 0);
    return (bytes * 8) / (joined * binMs);
  });
  return { fromMs, binMs: joined * binMs, kbps };
}

function bitrate(rates: Rates, endMs: number): Content {
  const highest = Math.max(...rates.kbps, 1e-9);
  const heights = rates.kbps.map((rate) => rate / highest);
  return svg(endMs, html`<path class="bytes" d="${area(heights, rates)}" />`);
}

/** @param heights one per bin, 0 to 1 */
function area(
  heights: readonly number[],
  { fromMs, binMs }: { readonly fromMs: number; readonly binMs: number },
): string {
  const y = (height: number): string => (HEIGHT * (1 - height)).toFixed(1).replace(/\.0$/, '');
  const steps = heights.map((height) => `V${y(height)}h${binMs}`);
  return `M${Math.round(fromMs)} ${HEIGHT}${steps.join('')}V${HEIGHT}Z`;
}

function svg(endMs: number, content: Markup): Content {
  return html`<svg viewBox="0 0 ${Math.ceil(endMs)} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    ${content}
  </svg>`;
}

function timeLabel(ms: number, stepMs: number): string {
  return clockTime(ms)
    .replace(stepMs < 1000 ? /0{1,2}$/ : /\.\d+$/, '')
    .replace(/^0:/, '');
}
