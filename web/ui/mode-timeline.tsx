import type { JSX } from 'preact';
import type { RoomView } from '../../src/serve/room-api.js';
import { formatDuration } from './format.js';
import { phasesOf, switchesOf, type PhaseKind } from './program-phases.js';

const NAMES: Readonly<Record<PhaseKind, string>> = {
  starting: 'Starting',
  live: 'Live',
  collab: 'Collab',
  away: 'Host away',
};

/** What the program was made of since it began (as far back as is known): one bar, widths in proportion to time. */
export function ModeTimeline({ room, now }: { room: RoomView; now: number }): JSX.Element {
  const phases = phasesOf(room.program.timeline, now);
  if (phases.length === 0) {
    return <div class="timeline" role="img" aria-label="The program has not begun" />;
  }
  const { count, lastMs } = switchesOf(phases);
  const switches = `${count} ${count === 1 ? 'switch' : 'switches'}`;
  const shown = (['live', 'collab', 'away'] as const).filter(
    (kind) => kind !== 'away' || phases.some((phase) => phase.kind === kind),
  );
  return (
    <div class="stack" style={{ gap: '7px' }}>
      <div
        class="timeline"
        role="img"
        aria-label={`${NAMES[phases.at(-1)?.kind ?? 'live']}, after ${switches}`}
      >
        {phases.map(({ kind, lengthMs, tookMs }, index) => (
          <i
            key={index}
            class={kind}
            style={{ flex: Math.max(lengthMs, 1) }}
            title={`${NAMES[kind]} for ${formatDuration(lengthMs)}, switched in ${Math.round(tookMs)} ms`}
          />
        ))}
      </div>
      <div class="legend">
        {shown.map((kind) => (
          <span key={kind}>
            <i class={kind} />
            {NAMES[kind]}
          </span>
        ))}
        <span class="grow" />
        {lastMs !== undefined && (
          <span>
            {switches} · last {Math.round(lastMs)} ms
          </span>
        )}
      </div>
    </div>
  );
}
