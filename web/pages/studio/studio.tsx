import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RoomEvent, RoomView } from '../../../src/serve/room-api.js';
import { ApiClient, ApiError } from '../../api/client.js';
import { takeToken } from '../../api/credentials.js';
import { useRoom } from '../../api/use-room.js';
import { useCapture } from '../../media/devices.js';
import type { PublishFigures } from '../../media/publisher.js';
import { usePublisher } from '../../media/use-publisher.js';
import { useSubscription } from '../../media/use-subscription.js';
import { ActionButton } from '../../ui/action-button.js';
import { Message, Notice, StatePill, TopBar, useNow } from '../../ui/chrome.js';
import { CaptureProblem } from '../../ui/device-pickers.js';
import { formatDuration } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { ModeTimeline } from '../../ui/mode-timeline.js';
import { copyText, useToasts, type Toasts } from '../../ui/toasts.js';
import { Controls } from './controls.js';
import { GuestList } from './guest-list.js';
import { LayoutPanel } from './layout-panel.js';
import { ProgramMonitor } from './program-monitor.js';
import { Quality } from './quality.js';
import { useResume } from './resume.js';
import { SourcesPanel } from './sources-panel.js';
import { Strip } from './strip.js';
import { TargetsPanel } from './targets-panel.js';

/** The host's desk. */
export function Studio({ roomId }: { roomId: string }): JSX.Element {
  const { token, refused, isUnreachable } = useHostKey(roomId);
  if (refused !== undefined) {
    const missing = refused.status === 404;
    return (
      <>
        <TopBar />
        <Message
          icon={missing ? 'alert' : 'key'}
          title={missing ? 'No such room' : 'This link does not open the studio'}
        >
          <p>
            {missing
              ? 'It may have been deleted.'
              : 'Ask for the studio link of this room, with its host key.'}
          </p>
          <a class="button" href="/">
            Go to the dashboard
          </a>
        </Message>
      </>
    );
  }
  if (token === undefined) {
    return (
      <>
        <TopBar />
        <Message title={isUnreachable ? 'The server cannot be reached' : 'Opening the studio…'}>
          {isUnreachable && <p>Trying again…</p>}
        </Message>
      </>
    );
  }
  return <Desk roomId={roomId} token={token} />;
}

const RETRY_MS = 2_000;

/** The key from the link; on the server's own machine the dashboard's rights will do. */
function useHostKey(roomId: string): {
  token: string | undefined;
  refused: ApiError | undefined;
  isUnreachable: boolean;
} {
  const [token, setToken] = useState(() => takeToken(`host:${roomId}`));
  const [refused, setRefused] = useState<ApiError>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let retry: ReturnType<typeof setTimeout> | undefined;
    void new ApiClient(token).get<{ hostKey: string }>(`/rooms/${roomId}/keys`).then(
      ({ hostKey }) => setToken(hostKey),
      (error: unknown) => {
        if (error instanceof ApiError && error.status < 500) setRefused(error);
        else retry = setTimeout(() => setAttempt((count) => count + 1), RETRY_MS);
      },
    );
    return () => clearTimeout(retry);
  }, [roomId, attempt]);
  return { token, refused, isUnreachable: attempt > 0 };
}

function Desk({ roomId, token }: { roomId: string; token: string }): JSX.Element {
  const api = useMemo(() => new ApiClient(token), [token]);
  const toasts = useToasts();
  const { room, connected, refused } = useRoom(roomId, token, (event) => {
    announce(event, toasts);
    if (event.type === 'replaced') publisher.yieldTo(event.sessionId);
  });
  const capture = useCapture({
    width: room?.settings.width ?? 1280,
    height: room?.settings.height ?? 720,
    fps: room?.settings.fps ?? 30,
  });
  const publisher = usePublisher({ roomId, token, capture, bitrateBps: room?.settings.videoBitrateBps });
  useResume(room, publisher, roomId);
  useEffect(() => {
    if (refused !== undefined) publisher.abandon();
  }, [refused]);
  const program = useSubscription(isOnAir(room) ? `/whep/${roomId}` : undefined, token);

  if (refused !== undefined) {
    return (
      <>
        <TopBar />
        <Message
          icon="alert"
          title={refused.status === 404 ? 'The room is gone' : 'The host key was replaced'}
        >
          <p>
            {refused.status === 404
              ? 'It was deleted, with its keys and targets.'
              : 'Ask for the new studio link of this room.'}
          </p>
          <a class="button" href="/">
            Go to the dashboard
          </a>
        </Message>
      </>
    );
  }
  if (room === undefined) {
    return (
      <>
        <TopBar />
        <Message title="Opening the studio…" />
      </>
    );
  }
  const invite = async (): Promise<void> => {
    const { path } = await api.post<{ path: string }>(`/rooms/${roomId}/invites`);
    await copyText(location.origin + path);
    toasts.say('Invite link copied. It is good for one day.');
  };
  return (
    <>
      <StudioBar room={room} figures={publisher.figures} onInvite={() => toasts.attempt(invite())} />
      <main class="studio">
        <section class="stage" aria-label="Stage">
          {!connected && (
            <Notice
              kind="warn"
              message="Connection to the server lost"
              hint="Reconnecting. Your stream and your guests come back by themselves."
            />
          )}
          {publisher.error !== undefined && (
            <Notice message={publisher.error.message} hint={publisher.error.hint} />
          )}
          {!isElsewhere(room, publisher.wanted) && (
            <CaptureProblem
              capture={capture}
              hint="Or stream from OBS: its key is under “Camera and microphone”."
            />
          )}
          <ProgramMonitor room={room} stream={program.stream} state={program.state} />
          <Strip room={room} token={token} capture={capture} sending={publisher.wanted} />
          <Controls room={room} api={api} capture={capture} publisher={publisher} toasts={toasts} />
        </section>
        <aside class="side" aria-label="Panels">
          <GuestList room={room} api={api} toasts={toasts} onInvite={() => toasts.attempt(invite())} />
          <LayoutPanel room={room} api={api} toasts={toasts} />
          <TargetsPanel room={room} api={api} toasts={toasts} />
          <TimelinePanel room={room} />
          <SourcesPanel room={room} api={api} capture={capture} toasts={toasts} />
        </aside>
      </main>
      {toasts.shown}
    </>
  );
}

function StudioBar({
  room,
  figures,
  onInvite,
}: {
  room: RoomView;
  figures: PublishFigures | undefined;
  onInvite: () => Promise<void>;
}): JSX.Element {
  const now = useNow();
  const { startedAt, viewers } = room.program;
  const watching = viewers.whep + viewers.hls + viewers.flv;
  return (
    <TopBar title={room.name}>
      <StatePill room={room} />
      {startedAt !== null && (
        <span class="soft small wide">
          <span class="visually-hidden">On air for </span>
          {formatDuration(now - Date.parse(startedAt))}
        </span>
      )}
      <span class="grow" />
      <Quality figures={figures} />
      <span class="pill plain wide" title={`${watching} viewers`}>
        <Icon name="eye" /> {watching}
      </span>
      <a class="button compact wide" href={`/watch/${room.id}`} target="_blank" rel="noreferrer">
        <Icon name="play" /> Watch page
      </a>
      <ActionButton class="button primary compact" title="Copy an invite link for a guest" action={onInvite}>
        <Icon name="link" /> Invite
      </ActionButton>
    </TopBar>
  );
}

function TimelinePanel({ room }: { room: RoomView }): JSX.Element {
  const now = useNow();
  return (
    <section class="panel" aria-label="Timeline">
      <header>
        <h2 class="grow">Program timeline</h2>
      </header>
      <div class="body">
        {room.program.timeline.length === 0 ? (
          <p class="faint small">Begins when you go live.</p>
        ) : (
          <ModeTimeline room={room} now={now} />
        )}
      </div>
    </section>
  );
}

/** Whether the host comes by OBS, or from another window: this page's camera is not missed then. */
function isElsewhere({ participants }: RoomView, isSending: boolean): boolean {
  return !isSending && participants.some(({ role, publishing }) => role === 'host' && publishing);
}

function isOnAir(room: RoomView | undefined): boolean {
  return room !== undefined && room.program.startedAt !== null;
}

function announce(event: RoomEvent, toasts: Toasts): void {
  if (event.type === 'knock') toasts.say(`${event.name} is waiting to come in`);
  if (event.type === 'left') toasts.say(`${event.name} is gone: ${event.reason}`);
  if (event.type === 'warning') toasts.say(event.message, 'warn');
  if (event.type === 'recording' && event.state === 'failed') {
    toasts.say(`Recording stopped: ${event.reason ?? 'unknown reason'}`, 'bad');
  }
}
