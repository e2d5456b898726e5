import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Mode } from '../../../src/media/program-settings.js';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import type { Capture } from '../../media/devices.js';
import type { PublisherControl } from '../../media/use-publisher.js';
import { ActionButton } from '../../ui/action-button.js';
import { CaptureButtons } from '../../ui/device-pickers.js';
import { useNow } from '../../ui/chrome.js';
import { formatDuration } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { phasesOf, switchesOf } from '../../ui/program-phases.js';
import { RadioGroup, type RadioOption } from '../../ui/radio-group.js';
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
    void toasts.attempt(
      api.put(`/rooms/${room.id}/mode`, { mode }).catch((error: unknown) => {
        setAsked(undefined);
        throw error;
      }),
    );
  };
  const option = (mode: Mode, content: string): RadioOption<Mode> => ({
    value: mode,
    content,
    class: room.state === 'idle' ? '' : mode,
    pending: pending === mode,
  });
  const isAlone = guests.length === 0;
  const { lastMs } = switchesOf(phasesOf(room.program.timeline, 0));
  return (
    <div class="mode">
      <RadioGroup
        label="Mode"
        class="segmented"
        value={pending === undefined ? room.mode : undefined}
        options={[
          option('live', 'Live'),
          {
            ...option('collab', 'Collab'),
            disabled: isAlone && room.mode !== 'collab',
            title: isAlone ? 'Accept a guest first' : undefined,
          },
        ]}
        onChoose={choose}
      />
      <span class="small faint took" role="status">
        {pending !== undefined
          ? 'switching…'
          : lastMs !== undefined && `switched in ${Math.round(lastMs)} ms`}
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
  const next = recording ? 'off' : 'recording';
  return (
    <ActionButton
      class={`button ${recording ? 'danger' : ''}`}
      disabled={offAir && !recording}
      title={offAir ? 'Go live first: the program is what is recorded' : 'Into a file on the server'}
      action={() => toasts.attempt(api.put(`/rooms/${room.id}/recording`, { state: next }))}
    >
      <Icon name="record" />
      {recording && startedAt !== null ? (
        <>
          <span class="visually-hidden">Stop recording, </span>
          {formatDuration(now - Date.parse(startedAt))}
        </>
      ) : (
        'Record'
      )}
    </ActionButton>
  );
}

function GoLive({ room, api, capture, publisher, toasts }: ControlsProps): JSX.Element {
  const end = (): void => {
    if (room.state !== 'idle' && !confirm('End the stream for everybody?')) return;
    publisher.stop();
    // Said aloud: a host who just vanishes is waited for.
    if (room.state !== 'idle') void toasts.attempt(api.delete(`/rooms/${room.id}/program`));
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
