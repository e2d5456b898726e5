import type { CloseUp } from '../close-up.js';
import type { StampedUnit } from '../recent-stamps.js';
import type { Waveform } from '../waveform.js';
import { frequencyShare } from '../spectrogram.js';
import { axisLane } from './axis-lane.js';
import { html, type Content } from './markup.js';
import { Scale } from './scale.js';
import { channelNames, whereOf } from './words.js';

/** Narrower than this many units and the frame grid would be a grey area. */
const MAX_GRID = 60;

/** Waveform and spectrogram of both channels and the units of both tracks, on one axis of time. */
export function closeUpFigure(closeUp: CloseUp): Content {
  const { finding, fromMs, toMs, sound, lanes } = closeUp;
  const scale = new Scale(fromMs, toMs);
  const names = channelNames(sound?.channels.length ?? 0);
  const affected = scale.box(finding.timeMs, finding.timeMs + finding.durationMs);
  const isSound = finding.medium === 'audio';
  const grid = lanes[finding.medium].length <= MAX_GRID ? lanes[finding.medium] : [];
  const over = html`<div class="over">
    ${grid.map(({ ptsMs }) => html`<i class="grid" style="left:${scale.at(ptsMs)}%"></i>`)}<i
      class="affected"
      style="${affected}"
    ></i>
  </div>`;
  const about = `From ${fromMs.toFixed(0)} to ${toMs.toFixed(0)} ms: ${finding.kind} in ${whereOf(finding)}`;
  return html`<figure class="close-up" role="img" aria-label="${about}">
    <div class="lanes">
      ${sound?.channels.map(
        ({ waveform, spectrogram }, channel) =>
          html`<div class="lane wave">
              <span class="lane-name">${names[channel]}</span>
              <div class="plot">${absences(sound.spans, scale)}${waves(waveform)}${isSound ? over : ''}</div>
            </div>
            <div class="lane spectrum">
              <span class="lane-name">${kilohertz(sound.sampleRate)}</span>
              <div class="plot">
                <img
                  alt=""
                  src="data:image/png;base64,${Buffer.from(spectrogram).toString('base64')}"
                />${isSound ? over : ''}
              </div>
            </div>`,
      )}
      ${unitLane('Sound', lanes.audio, { closeUp, scale, medium: 'audio' })}
      ${unitLane('Pictures', lanes.video, { closeUp, scale, medium: 'video' })}
      ${axisLane(scale, (ms) => (ms / 1000).toFixed(3))}
    </div>
  </figure>`;
}

/** The top of a spectrogram, and its middle: its scale is not linear. */
function kilohertz(sampleRate: number): Content {
  const top = sampleRate / 2000;
  return html`<span>${Math.round(top)} kHz</span><span>${(top * frequencyShare(0.5)).toFixed(0)}</span
    ><span>0</span>`;
}

function waves({ lows, highs }: Waveform): Content {
  let path = '';
  lows.forEach((low, column) => {
    const high = highs[column]!;
    path += `M${column} ${127 - high}V${127 - low + (high === low ? 1 : 0)}`;
  });
  return html`<svg viewBox="-0.5 0 ${lows.length} 254" preserveAspectRatio="none" aria-hidden="true">
    <path class="zero" d="M0 127H${lows.length}" />
    <path class="wave" d="${path}" />
  </svg>`;
}

/** Where the time stamps leave a hole, or the capture has not begun. */
function absences(spans: readonly (readonly [number, number])[], scale: Scale): Content {
  const holes: [number, number][] = [];
  let at = scale.fromMs;
  for (const [from, to] of [...spans].sort(([a], [b]) => a - b)) {
    if (from - at > 0.05) holes.push([at, from]);
    at = Math.max(at, to);
  }
  if (scale.toMs - at > 0.05) holes.push([at, scale.toMs]);
  return holes.map(([from, to]) => html`<i class="absent" style="${scale.box(from, to)}"></i>`);
}

function unitLane(
  name: string,
  units: readonly StampedUnit[],
  {
    closeUp,
    scale,
    medium,
  }: { readonly closeUp: CloseUp; readonly scale: Scale; readonly medium: 'audio' | 'video' },
): Content {
  if (units.length === 0) return undefined;
  const { finding } = closeUp;
  const shown = medium === 'video' ? [...units].sort((a, b) => a.ptsMs - b.ptsMs) : units;
  return html`<div class="lane units">
    <span class="lane-name">${name}</span>
    <div class="plot">
      ${shown.map((unit, i) => {
        const next = shown[i + 1]?.ptsMs ?? scale.toMs;
        // FLV tells no length of pictures: each lasts until the next one, but no hole is drawn over.
        const endMs =
          unit.lengthMs > 0 ? unit.ptsMs + unit.lengthMs : Math.min(next, unit.ptsMs + typical(shown));
        const isHit =
          finding.medium === medium &&
          (unit.index === finding.unit ||
            (unit.ptsMs < finding.timeMs + finding.durationMs && endMs > finding.timeMs));
        const title = `unit ${unit.index}, ${unit.ptsMs.toFixed(2)} ms, ${unit.bytes} bytes${unit.isIdr ? ', IDR' : ''}`;
        const classes = `unit${isHit ? ' hit' : ''}${unit.isIdr ? ' idr' : ''}${i % 2 === 1 ? ' odd' : ''}`;
        return html`<i class="${classes}" style="${scale.box(unit.ptsMs, endMs)}" title="${title}"></i>`;
      })}
    </div>
  </div>`;
}

/** The median step. */
function typical(units: readonly StampedUnit[]): number {
  const sorted = units.slice(1).map(({ ptsMs }, i) => ptsMs - units[i]!.ptsMs);
  sorted.sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 40;
}
