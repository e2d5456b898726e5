import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { RoomView, TargetView } from '../../../src/serve/room-api.js';
import { describeError, type ApiClient } from '../../api/client.js';
import { ActionButton, useBusy } from '../../ui/action-button.js';
import { Notice } from '../../ui/chrome.js';
import { formatBitrate, formatBytes } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { TARGET_HEALTH, targetText } from '../../ui/target-health.js';
import type { Toasts } from '../../ui/toasts.js';

interface TargetsPanelProps {
  room: RoomView;
  api: ApiClient;
  toasts: Toasts;
}

/** Where the program goes: RTMP targets and how each is doing. */
export function TargetsPanel({ room, api, toasts }: TargetsPanelProps): JSX.Element {
  const [adding, setAdding] = useState(false);
  return (
    <section class="panel" aria-label="Targets">
      <header>
        <h2 class="grow">Targets {room.targets.length > 0 && `· ${room.targets.length}`}</h2>
        <button
          type="button"
          class="button ghost compact"
          aria-expanded={adding}
          onClick={() => setAdding(!adding)}
        >
          <Icon name={adding ? 'x' : 'plus'} /> {adding ? 'Close' : 'Add'}
        </button>
      </header>
      {adding && <AddTarget room={room} api={api} onAdded={() => setAdding(false)} />}
      {room.targets.length === 0 && !adding && (
        <div class="empty">
          <Icon name="screen" />
          <p class="small">Send the program to YouTube, Twitch or any RTMP server, several at once.</p>
        </div>
      )}
      <ul class="target-list">
        {room.targets.map((target) => (
          <Target key={target.id} target={target} room={room} api={api} toasts={toasts} />
        ))}
      </ul>
    </section>
  );
}

function Target({ target, room, api, toasts }: { target: TargetView } & TargetsPanelProps): JSX.Element {
  const path = `/rooms/${room.id}/targets/${target.id}`;
  const { state, enabled, name, url, bitrateBps, bytesOut, reconnects, droppedUnits } = target;
  const { lastError, lastErrorHint } = target;
  const [busy, run] = useBusy();
  return (
    <li>
      <div class="line">
        <span class={`dot ${TARGET_HEALTH[state]}`} />
        <div class="grow ellipsis">
          <b title={name}>{name}</b>
          <div class="small faint ellipsis" title={url}>
            {url}
          </div>
        </div>
        <button
          type="button"
          role="switch"
          class="switch"
          aria-checked={enabled}
          aria-label={`Send to ${name}`}
          title={enabled ? 'Sending is on' : 'Sending is off'}
          disabled={busy}
          onClick={() => run(() => toasts.attempt(api.patch(path, { enabled: !enabled })))}
        />
        <ActionButton
          class="button compact icon"
          aria-label={`Remove ${name}`}
          title="Remove target"
          action={async () => {
            if (confirm(`Stop sending to ${name}, and forget it?`)) await toasts.attempt(api.delete(path));
          }}
        >
          <Icon name="trash" />
        </ActionButton>
      </div>
      <div class="small soft">
        {state === 'live'
          ? `${formatBitrate(bitrateBps)} · ${formatBytes(bytesOut)} sent`
          : targetText(target)}
        {reconnects > 0 && ` · ${reconnects} ${reconnects === 1 ? 'reconnect' : 'reconnects'}`}
        {droppedUnits > 0 && ` · ${droppedUnits} frames dropped`}
      </div>
      {lastError !== null && state !== 'live' && enabled && (
        <p class="small problem">
          {withoutAddress(lastError)}. {lastErrorHint ?? 'If it lasts, check the address and the stream key.'}
        </p>
      )}
    </li>
  );
}

/** The address is told above it already. */
function withoutAddress(error: string): string {
  const said = error.replace(/^rtmps?:\/\/\S+: /, '');
  return said.charAt(0).toUpperCase() + said.slice(1);
}

function AddTarget({
  room,
  api,
  onAdded,
}: Pick<TargetsPanelProps, 'room' | 'api'> & { onAdded: () => void }): JSX.Element {
  const [name, setName] = useState('');
  const [server, setServer] = useState('');
  const [key, setKey] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, run] = useBusy();
  const add = async (): Promise<void> => {
    try {
      const url = key.trim() === '' ? server.trim() : `${server.trim().replace(/\/+$/, '')}/${key.trim()}`;
      await api.post(`/rooms/${room.id}/targets`, {
        url,
        ...(name.trim() === '' ? {} : { name: name.trim() }),
      });
      onAdded();
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <form
      class="body stack"
      onSubmit={(event) => {
        event.preventDefault();
        run(add);
      }}
    >
      <label class="field">
        <span>Server</span>
        <input
          class="input"
          required
          autofocus
          pattern="rtmps?://.+"
          title="rtmp:// or rtmps://"
          placeholder="rtmp://live.example.com/app"
          value={server}
          onInput={(event) => setServer(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Stream key</span>
        <input
          class="input"
          type="password"
          autocomplete="off"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Name (as you like)</span>
        <input
          class="input"
          maxLength={60}
          placeholder="Main channel"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      {error !== undefined && <Notice {...describeError(error)} />}
      <button type="submit" class="button primary" aria-busy={busy}>
        Add target
      </button>
    </form>
  );
}
