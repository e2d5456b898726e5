import type { JSX } from 'preact';
import type { RoomView } from '../../../src/serve/room-api.js';
import { PROTOCOL_NAMES } from '../../media/players.js';
import { isStarting } from '../../ui/chrome.js';
import { formatBitrate } from '../../ui/format.js';
import { phasesOf, switchesOf } from '../../ui/program-phases.js';
import type { Playback, Sample } from './use-playback.js';

/** What is measured differs, and is named so. */
const LATENCY_NAMES = {
  hls: 'Behind the server',
  flv: 'Waiting to be shown',
  whep: 'From the server',
} as const;

/** Live figures of this viewer's playback, with the last minute as curves. */
export function Statistics({ room, playback }: { room: RoomView; playback: Playback }): JSX.Element {
  const { samples, protocol, playing } = playback;
  const now = playing ? samples.at(-1) : undefined;
  const ms = (value: number | undefined): string =>
    value === undefined ? '–' : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
  const dropped =
    now === undefined
      ? '–'
      : `${now.droppedFrames} (${((100 * now.droppedFrames) / Math.max(1, now.totalFrames)).toFixed(1)} %)`;
  const stalls =
    now === undefined
      ? '–'
      : `${now.stalls}${now.stalls > 0 ? ` · ${(now.stalledMs / 1000).toFixed(1)} s` : ''}`;
  const { lastMs } = switchesOf(phasesOf(room.program.timeline, 0));
  return (
    <section class="panel" aria-label="Statistics">
      <header>
        <h2 class="grow">Statistics</h2>
        <span class="small faint">
          {PROTOCOL_NAMES[protocol]}
          {now !== undefined && now.width > 0 && ` · ${now.width}×${now.height} · ${Math.round(now.fps)} fps`}
        </span>
      </header>
      <div class="statistics">
        <Cell
          label={LATENCY_NAMES[protocol]}
          value={ms(now?.latencyMs)}
          samples={samples}
          read={({ latencyMs }) => latencyMs ?? 0}
        />
        <Cell label="Buffer" value={ms(now?.bufferMs)} samples={samples} read={({ bufferMs }) => bufferMs} />
        <Cell
          label="Bitrate"
          value={now === undefined ? '–' : formatBitrate(average(samples.slice(-5)))}
          samples={samples}
          read={({ bitrateBps }) => bitrateBps}
        />
        <Cell label="Stalls" value={stalls} samples={samples} read={({ stalledMs }) => stalledMs} />
        <Cell
          label="Dropped frames"
          value={dropped}
          samples={samples}
          read={({ droppedFrames }) => droppedFrames}
        />
        <div class="cell">
          <span class="small faint">Mode</span>
          <b>{modeName(room)}</b>
          <span class="small soft">
            {lastMs === undefined ? 'no switch yet' : `last switch ${Math.round(lastMs)} ms`}
          </span>
        </div>
      </div>
    </section>
  );
}

function modeName(room: RoomView): string {
  if (isStarting(room)) return 'Starting';
  if (room.source === 'slate') return 'Host away';
  if (room.source === 'relay') return 'Live (relayed)';
  // A lone host is mixed too with the relay off, or while pictures come too late to be relayed.
  return room.mode === 'live' ? 'Live (mixed)' : 'Collab (mixed)';
}

function average(samples: readonly Sample[]): number {
  return samples.reduce((sum, { bitrateBps }) => sum + bitrateBps, 0) / Math.max(1, samples.length);
}

function Cell({
  label,
  value,
  samples,
  read,
}: {
  label: string;
  value: string;
  samples: readonly Sample[];
  read: (sample: Sample) => number;
}): JSX.Element {
  return (
    <div class="cell">
      <span class="small faint">{label}</span>
      <b>{value}</b>
      <Curve values={samples.map(read)} />
    </div>
  );
}

const CURVE_WIDTH = 120;
const CURVE_HEIGHT = 24;
const CURVE_POINTS = 60;

function Curve({ values }: { values: readonly number[] }): JSX.Element {
  const highest = Math.max(1, ...values);
  const step = CURVE_WIDTH / (CURVE_POINTS - 1);
  const offset = CURVE_WIDTH - (values.length - 1) * step;
  const points = values.map((value, index) => {
    const y = CURVE_HEIGHT - 1.5 - (value / highest) * (CURVE_HEIGHT - 3);
    return `${(offset + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      class="curve"
      viewBox={`0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polyline points={points.join(' ')} />
    </svg>
  );
}
