import type { JSX } from 'preact';
import type { RoomView } from '../../src/serve/room-api.js';
import { formatDuration } from './format.js';

const NAMES = { relay: 'Live', mix: 'Collab', slate: 'Host away' } as const;

/** What the program was made of since it began (as far back as is known): one bar, widths in proportion to time. */
export function ModeTimeline({ room, now }: { room: RoomView; now: number }): JSX.Element {
  const { timeline, lastSwitchMs } = room.program;
  if (timeline.length === 0) {
    return <div class="timeline" role="img" aria-label="The program has not begun" />;
  }
  const starts = timeline.map(({ at }) => Date.parse(at));
  const end = Math.max(now, starts.at(-1) ?? now);
  // The slate before the host's first picture is the beginning, not an absence.
  const first = timeline.findIndex(({ source }) => source !== 'slate');
  const begun = first === -1 ? timeline.length : first;
  const switches = Math.max(0, timeline.length - begun - 1);
  return (
    <div class="stack" style={{ gap: '7px' }}>
      <div class="timeline" role="img" aria-label={`${switches} mode switches`}>
        {timeline.map(({ source, tookMs }, index) => {
          const name = index < begun ? 'Starting' : NAMES[source];
          const length = (starts[index + 1] ?? end) - (starts[index] ?? end);
          const title = `${name} for ${formatDuration(length)}, switched in ${Math.round(tookMs)} ms`;
          return (
            <i
              key={index}
              class={index < begun ? 'starting' : source}
              style={{ flex: Math.max(length, 1) }}
              title={title}
            />
          );
        })}
      </div>
      <div class="legend">
        <span>
          <i style={{ background: 'var(--live)' }} />
          Live
        </span>
        <span>
          <i style={{ background: 'var(--collab)' }} />
          Collab
        </span>
        {timeline.slice(begun).some(({ source }) => source === 'slate') && (
          <span>
            <i style={{ background: 'var(--warn)' }} />
            Host away
          </span>
        )}
        <span class="grow" />
        {lastSwitchMs !== null && switches > 0 && (
          <span>
            {switches} {switches === 1 ? 'switch' : 'switches'} · last {Math.round(lastSwitchMs)} ms
          </span>
        )}
      </div>
    </div>
  );
}
