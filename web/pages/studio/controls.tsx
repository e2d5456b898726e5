import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Mode } from '../../../src/media/program-settings.js';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import type { Capture } from '../../media/devices.js';
import type { PublisherControl } from '../../media/use-publisher.js';
import { CaptureButtons } from '../../ui/device-pickers.js';
import { useNow } from '../../ui/chrome.js';
import { formatDuration } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import type { Toasts } from '../../ui/toasts.js';

interface ControlsProps {
  room: RoomView;
  api: ApiClient;
  capture: Capture;
  publisher: PublisherControl;
  toasts: Toasts;
}

/** Microphone, camera, mode, recording, and the big button. */
export function Controls({ room, api, capture, publisher, toasts }: ControlsProps): JSX.Element {
  return (
    <div class="panel controls" role="toolbar" aria-label="Controls">
      <CaptureButtons capture={capture} />
      <ModeSwitch room={room} api={api} toasts={toasts} />
      <span class="grow" />
      <RecordButton room={room} api={api} toasts={toasts} />
      <GoLive room={room} api={api} toasts={toasts} capture={capture} publisher={publisher} />
    </div>
  );
}

function ModeSwitch({ room, api, toasts }: Pick<ControlsProps, 'room' | 'api' | 'toasts'>): JSX.Element {
  const shown = modeOnAir(room);
  const [asked, setAsked] = useState<Mode>();
  useEffect(() => {
    if (asked !== undefined && (shown === asked || room.mode !== asked)) setAsked(undefined);
  }, [shown, room.mode, asked]);
  const guests = room.participants.filter(({ role, state }) => role === 'guest' && state === 'accepted');
  const pending = asked ?? (shown !== undefined && room.mode !== shown ? room.mode : undefined);
  const choose = (mode: Mode): void => {
    setAsked(mode);
    toasts.attempt(
      api.put(`/rooms/${room.id}/mode`, { mode }).catch((error: unknown) => {
        setAsked(undefined);
        throw error;
      }),
    );
  };
  const option = (mode: Mode, text: string): JSX.Element => (
    <button
      type="button"
      role="radio"
      class={room.state === 'idle' ? '' : mode}
      aria-checked={room.mode === mode && pending === undefined}
      data-pending={pending === mode}
      disabled={mode === 'collab' && guests.length === 0 && room.mode !== 'collab'}
      title={mode === 'collab' && guests.length === 0 ? 'Accept a guest first' : undefined}
      onClick={() => choose(mode)}
    >
      {text}
    </button>
  );
  const { lastSwitchMs } = room.program;
  return (
    <div class="mode">
      <div class="segmented" role="radiogroup" aria-label="Mode">
        {option('live', 'Live')}
        {option('collab', 'Collab')}
      </div>
      <span class="small faint took" role="status">
        {pending !== undefined
          ? 'switching…'
          : lastSwitchMs === null
            ? ''
            : `switched in ${Math.round(lastSwitchMs)} ms`}
      </span>
    </div>
  );
}

/** What viewers see now; by its state and not its source, for with the relay off a lone host is mixed too. */
function modeOnAir({ state, mode }: RoomView): Mode | undefined {
  if (state === 'live' || state === 'collab') return state;
  if (state === 'switching') return mode === 'live' ? 'collab' : 'live';
  return undefined;
}

function RecordButton({ room, api, toasts }: Pick<ControlsProps, 'room' | 'api' | 'toasts'>): JSX.Element {
  const now = useNow();
  const { state, startedAt } = room.recording;
  const recording = state === 'recording';
  const offAir = room.state === 'idle';
  const set = (next: 'recording' | 'off'): void =>
    toasts.attempt(api.put(`/rooms/${room.id}/recording`, { state: next }));
  return (
    <button
      type="button"
      class={`button ${recording ? 'danger' : ''}`}
      aria-pressed={recording}
      disabled={offAir && !recording}
      title={offAir ? 'Go live first: the program is what is recorded' : 'Into a file on the server'}
      onClick={() => set(recording ? 'off' : 'recording')}
    >
      <Icon name="record" />
      {recording && startedAt !== null ? formatDuration(now - Date.parse(startedAt)) : 'Record'}
    </button>
  );
}

function GoLive({ room, api, capture, publisher, toasts }: ControlsProps): JSX.Element {
  const end = (): void => {
    if (room.state !== 'idle' && !confirm('End the stream for everybody?')) return;
    publisher.stop();
    // Said aloud: a host who just vanishes is waited for.
    if (room.state !== 'idle') toasts.attempt(api.delete(`/rooms/${room.id}/program`));
  };
  const host = room.participants.find(({ role }) => role === 'host');
  if (publisher.wanted) {
    const waiting = publisher.state !== 'up';
    return (
      <button type="button" class="button danger golive" onClick={end}>
        {waiting ? <span class="spinner small-spinner" /> : <Icon name="x" />}
        {publisher.state === 'reconnecting' ? 'Reconnecting…' : waiting ? 'Connecting…' : 'End stream'}
      </button>
    );
  }
  // A host by RTMP, or another tab, is on air already: going live here takes its place.
  const elsewhere = host?.publishing ?? false;
  const take = (
    <button
      type="button"
      class="button live golive"
      disabled={capture.stream === undefined}
      title={elsewhere ? 'The host is connected from elsewhere; this takes its place' : undefined}
      onClick={publisher.start}
    >
      <Icon name="broadcast" /> {elsewhere ? 'Take over' : 'Go live'}
    </button>
  );
  if (room.state === 'idle') return take;
  return (
    <>
      <button type="button" class="button" onClick={end}>
        <Icon name="x" /> End stream
      </button>
      {take}
    </>
  );
}
