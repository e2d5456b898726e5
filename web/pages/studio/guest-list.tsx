import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ParticipantView, RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import { ActionButton, useBusy } from '../../ui/action-button.js';
import { Icon } from '../../ui/icons.js';
import type { Toasts } from '../../ui/toasts.js';
import { Person } from './person.js';

interface GuestListProps {
  room: RoomView;
  api: ApiClient;
  toasts: Toasts;
  onInvite: () => Promise<void>;
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
        <ActionButton class="button ghost compact" title="Copy an invite link" action={onInvite}>
          <Icon name="copy" /> Invite
        </ActionButton>
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

function AddRtmpGuest({
  room,
  api,
  toasts,
  onAdded,
}: Pick<GuestListProps, 'room' | 'api' | 'toasts'> & { onAdded: () => void }): JSX.Element {
  const [name, setName] = useState('');
  const [busy, run] = useBusy();
  const add = async (): Promise<void> => {
    await api.post(`/rooms/${room.id}/participants`, { name: name.trim(), protocol: 'rtmp' });
    onAdded();
  };
  return (
    <form
      class="body row"
      onSubmit={(event) => {
        event.preventDefault();
        run(() => toasts.attempt(add()));
      }}
    >
      <label class="field grow">
        <span class="visually-hidden">Name of the guest by RTMP</span>
        <input
          class="input"
          required
          autofocus
          maxLength={60}
          placeholder="Name, as viewers will see it"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button primary" disabled={name.trim() === ''} aria-busy={busy}>
        Add
      </button>
    </form>
  );
}
