import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ParticipantView, RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import { formatBitrate } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import type { Toasts } from '../../ui/toasts.js';
import { Avatar } from '../../ui/video.js';
import { StreamKey } from './stream-key.js';

interface GuestListProps {
  room: RoomView;
  api: ApiClient;
  toasts: Toasts;
  onInvite: () => void;
}

/** Who wants in, who is in, and how loud. */
export function GuestList({ room, api, toasts, onInvite }: GuestListProps): JSX.Element {
  const [adding, setAdding] = useState(false);
  const guests = [...room.participants]
    .filter(({ role }) => role === 'guest')
    .sort((a, b) => Number(b.state === 'waiting') - Number(a.state === 'waiting'));
  const host = room.participants.find(({ role, publishing }) => role === 'host' && publishing);
  const row = (participant: ParticipantView): JSX.Element => (
    <Person key={participant.id} participant={participant} room={room} api={api} toasts={toasts} />
  );
  return (
    <section class="panel" aria-label="Guests">
      <header>
        <h2 class="grow">Guests {guests.length > 0 && `· ${guests.length}`}</h2>
        <button
          type="button"
          class="button ghost compact"
          aria-expanded={adding}
          title="Add a guest who comes by OBS or ffmpeg"
          onClick={() => setAdding(!adding)}
        >
          <Icon name={adding ? 'x' : 'plus'} /> {adding ? 'Close' : 'RTMP'}
        </button>
        <button type="button" class="button ghost compact" onClick={onInvite}>
          <Icon name="copy" /> Invite
        </button>
      </header>
      {adding && <AddRtmpGuest room={room} api={api} toasts={toasts} onAdded={() => setAdding(false)} />}
      {guests.length === 0 ? (
        <div class="empty">
          <Icon name="users" />
          <p class="small">
            Send the invite link to a guest. You will see who knocks, and let them in from here.
          </p>
        </div>
      ) : (
        <ul class="people-list">
          {guests.map(row)}
          {host !== undefined && row(host)}
        </ul>
      )}
    </section>
  );
}

function Person({
  participant,
  room,
  api,
  toasts,
}: { participant: ParticipantView } & Pick<GuestListProps, 'room' | 'api' | 'toasts'>): JSX.Element {
  const { id, name, state, muted, onAir, role, stats, publishing } = participant;
  const path = `/rooms/${room.id}/participants/${id}`;
  // One who has not come yet needs the key; later it is out of the way.
  const [keyShown, setKeyShown] = useState(participant.hasStreamKey && !publishing);
  const change = (body: object): void => toasts.attempt(api.patch(path, body));
  const remove = (): void => toasts.attempt(api.delete(path));
  if (state === 'waiting') {
    return (
      <li class="waiting">
        <div class="line">
          <Avatar name={name} />
          <div class="grow">
            <b class="ellipsis">{name}</b>
            <div class="small soft">wants to come in</div>
          </div>
          <button type="button" class="button compact icon" aria-label={`Turn ${name} away`} onClick={remove}>
            <Icon name="x" />
          </button>
          <button type="button" class="button primary compact" onClick={() => change({ state: 'accepted' })}>
            <Icon name="check" /> Accept
          </button>
        </div>
      </li>
    );
  }
  return (
    <li>
      <div class="line">
        <Avatar name={name} />
        <div class="grow ellipsis">
          <b>{role === 'host' ? `${name} (you)` : name}</b>
          <div class="small faint ellipsis">
            {!publishing ? (
              participant.hasStreamKey ? (
                'waiting for RTMP'
              ) : (
                'not connected'
              )
            ) : onAir ? (
              <span class="onair">on air</span>
            ) : (
              'backstage'
            )}
            {stats !== null &&
              publishing &&
              ` · ${formatBitrate(stats.videoBitrateBps + stats.audioBitrateBps)}`}
            {(stats?.lossRatio ?? 0) > 0.005 && ` · ${((stats?.lossRatio ?? 0) * 100).toFixed(1)} % lost`}
          </div>
        </div>
        <button
          type="button"
          class={`button compact icon ${muted ? 'off' : ''}`}
          aria-pressed={muted}
          aria-label={`${muted ? 'Unmute' : 'Mute'} ${name}`}
          title={muted ? 'Unmute in the program' : 'Mute in the program'}
          onClick={() => change({ muted: !muted })}
        >
          <Icon name={muted ? 'micOff' : 'mic'} />
        </button>
        {participant.hasStreamKey && (
          <button
            type="button"
            class="button compact icon"
            aria-label={`Stream key of ${name}`}
            title="Server and stream key for OBS or ffmpeg"
            aria-expanded={keyShown}
            onClick={() => setKeyShown(!keyShown)}
          >
            <Icon name="key" />
          </button>
        )}
        {role === 'guest' && (
          <button
            type="button"
            class="button compact icon"
            aria-label={`Remove ${name}`}
            title="Remove from the room"
            onClick={() => confirm(`Remove ${name} from the room?`) && remove()}
          >
            <Icon name="leave" />
          </button>
        )}
      </div>
      {keyShown && <StreamKey path={`${path}/key`} api={api} toasts={toasts} />}
      <Gain participant={participant} onChange={(gainDb) => change({ gainDb })} />
    </li>
  );
}

function AddRtmpGuest({
  room,
  api,
  toasts,
  onAdded,
}: Pick<GuestListProps, 'room' | 'api' | 'toasts'> & { onAdded: () => void }): JSX.Element {
  const [name, setName] = useState('');
  const add = async (): Promise<void> => {
    await api.post(`/rooms/${room.id}/participants`, { name: name.trim(), protocol: 'rtmp' });
    onAdded();
  };
  return (
    <form
      class="body row"
      onSubmit={(event) => {
        event.preventDefault();
        toasts.attempt(add());
      }}
    >
      <label class="field grow">
        <span class="visually-hidden">Name of the guest by RTMP</span>
        <input
          class="input"
          required
          maxLength={60}
          placeholder="Name, as viewers will see it"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button primary" disabled={name.trim() === ''}>
        Add
      </button>
    </form>
  );
}

const LOWEST_DB = -30;
const HIGHEST_DB = 12;
/** A value that the server has not taken up by then was refused. */
const GIVE_UP_MS = 3_000;

function Gain({
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
