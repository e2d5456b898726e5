import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RoomView } from '../../../src/serve/room-api.js';
import { ApiClient, ApiError, describeError } from '../../api/client.js';
import { keepToken, takeToken } from '../../api/credentials.js';
import { Message, Notice, TopBar } from '../../ui/chrome.js';
import { formatBitrate } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { useToasts } from '../../ui/toasts.js';
import { Figure } from './figure.js';
import { NewRoom } from './new-room.js';
import { RoomCard } from './room-card.js';

const REFRESH_MS = 1_500;
const SCOPE = 'admin';

/** All rooms at a glance. The first page that anybody sees. */
export function Dashboard(): JSX.Element {
  const [token, setToken] = useState(() => takeToken(SCOPE));
  const api = useMemo(() => new ApiClient(token), [token]);
  const { rooms, error, refresh } = useRooms(api);
  const [creating, setCreating] = useState(false);
  const toasts = useToasts();

  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
    return (
      <TokenGate
        wrong={token !== undefined}
        onToken={(given) => {
          keepToken(SCOPE, given);
          setToken(given);
        }}
      />
    );
  }
  return (
    <>
      <TopBar>
        <span class="grow" />
        <a class="button ghost compact api-link" href="/api/docs">
          API
        </a>
        <button type="button" class="button primary" onClick={() => setCreating(true)}>
          <Icon name="plus" /> New room
        </button>
      </TopBar>
      {rooms === undefined && error === undefined && <Message title="Loading rooms…" />}
      {(rooms !== undefined || error !== undefined) && (
        <main class="dashboard">
          {error !== undefined && <Notice {...describeError(error)} />}
          {rooms !== undefined && rooms.length > 0 && <Summary rooms={rooms} />}
          {rooms?.length === 0 && <NoRooms onCreate={() => setCreating(true)} />}
          <section class="rooms" aria-label="Rooms">
            {rooms?.map((room) => (
              <RoomCard key={room.id} room={room} api={api} toasts={toasts} onChanged={refresh} />
            ))}
          </section>
        </main>
      )}
      {creating && (
        <NewRoom
          api={api}
          onClose={() => setCreating(false)}
          onCreated={(room) => {
            setCreating(false);
            refresh();
            toasts.say(`${room.name} is ready: open its studio to go live`);
          }}
        />
      )}
      {toasts.shown}
    </>
  );
}

function useRooms(api: ApiClient): {
  rooms: readonly RoomView[] | undefined;
  error: unknown;
  refresh: () => void;
} {
  const [rooms, setRooms] = useState<readonly RoomView[]>();
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stale = false;
    const load = async (): Promise<void> => {
      try {
        if (!document.hidden) {
          const loaded = await api.get<readonly RoomView[]>('/rooms');
          if (stale) return;
          setRooms(loaded);
          setError(undefined);
        }
      } catch (thrown) {
        if (stale) return;
        setError(thrown);
      }
      timer = setTimeout(() => void load(), REFRESH_MS);
    };
    void load();
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [api, round]);
  return { rooms, error, refresh: () => setRound((count) => count + 1) };
}

function Summary({ rooms }: { rooms: readonly RoomView[] }): JSX.Element {
  const sum = (read: (room: RoomView) => number): number =>
    rooms.reduce((total, room) => total + read(room), 0);
  const onAir = rooms.filter(({ state }) => state !== 'idle').length;
  const targets = rooms.flatMap((room) => room.targets.filter(({ enabled }) => enabled));
  const healthy = targets.filter(({ state }) => state === 'live').length;
  return (
    <section class="panel summary" aria-label="Summary">
      <Figure value={`${onAir} / ${rooms.length}`} label="rooms on air" />
      <Figure
        value={String(sum(({ program: { viewers } }) => viewers.whep + viewers.hls + viewers.flv))}
        label="viewers"
      />
      <Figure value={`${healthy} / ${targets.length}`} label="targets receiving" />
      <Figure
        value={formatBitrate(targets.reduce((total, { bitrateBps }) => total + bitrateBps, 0))}
        label="to targets"
      />
      <Figure value={`${Math.round(sum(({ process }) => process.cpuPercent))} %`} label="of one CPU core" />
      <Figure value={`${Math.round(sum(({ process }) => process.rssBytes) / 1e6)} MB`} label="media memory" />
    </section>
  );
}

function NoRooms({ onCreate }: { onCreate: () => void }): JSX.Element {
  return (
    <div class="panel empty">
      <Icon name="broadcast" />
      <h1>No rooms yet</h1>
      <p>A room is one channel: a host, guests who may join, and the program that viewers watch.</p>
      <button type="button" class="button primary" onClick={onCreate}>
        <Icon name="plus" /> Create the first room
      </button>
    </div>
  );
}

function TokenGate({ wrong, onToken }: { wrong: boolean; onToken: (token: string) => void }): JSX.Element {
  const [value, setValue] = useState('');
  return (
    <>
      <TopBar />
      <div class="center">
        <form
          class="card stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (value.trim() !== '') onToken(value.trim());
          }}
        >
          <h1>Admin token</h1>
          <p class="soft">
            This server can be reached from the network. It printed the token, and a link with it, when it
            started.
          </p>
          {wrong && <Notice message="This token is not the right one." />}
          <label class="field">
            <span>Token</span>
            <input
              class="input"
              type="password"
              autocomplete="current-password"
              value={value}
              onInput={(event) => setValue(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button primary">
            Open the dashboard
          </button>
        </form>
      </div>
    </>
  );
}
