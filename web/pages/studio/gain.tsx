import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ParticipantView } from '../../../src/serve/room-api.js';

const LOWEST_DB = -30;
const HIGHEST_DB = 12;
/** A value that the server has not taken up by then was refused. */
const GIVE_UP_MS = 3_000;

/** How loud somebody is in the program. */
export function Gain({
  participant,
  onChange,
}: {
  participant: ParticipantView;
  onChange: (gainDb: number) => void;
}): JSX.Element {
  // While it is dragged, and until the server has taken the value up, the slider is the truth: the next step of an
  // arrow key counts from it.
  const [dragged, setDragged] = useState<number>();
  const [sent, setSent] = useState<number>();
  useEffect(() => {
    if (sent === undefined) return;
    // The next step may have been made meanwhile: that one stays.
    const unlessNewer = (value: number | undefined): number | undefined =>
      value === sent ? undefined : value;
    const settle = (): void => (setDragged(unlessNewer), setSent(unlessNewer));
    if (participant.gainDb === sent) return settle();
    const refused = setTimeout(settle, GIVE_UP_MS);
    return () => clearTimeout(refused);
  }, [sent, participant.gainDb]);
  const gainDb = dragged ?? participant.gainDb;
  const fill = ((gainDb - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)) * 100;
  return (
    <label class="gain">
      <span class="visually-hidden">Volume of {participant.name}</span>
      <input
        class="slider"
        type="range"
        min={LOWEST_DB}
        max={HIGHEST_DB}
        step={1}
        value={gainDb}
        style={{ '--fill': `${Math.min(100, Math.max(0, fill))}%` }}
        onInput={(event) => setDragged(Number(event.currentTarget.value))}
        onChange={(event) => {
          const value = Number(event.currentTarget.value);
          setSent(value);
          onChange(value);
        }}
      />
      <output>{gainDb > 0 ? `+${gainDb}` : gainDb} dB</output>
    </label>
  );
}
