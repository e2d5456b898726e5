import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { ParticipantView, RoomView } from '../../../src/serve/room-api.js';
import { ApiClient } from '../../api/client.js';
import { useRoom } from '../../api/use-room.js';
import type { Capture } from '../../media/devices.js';
import { usePublisher } from '../../media/use-publisher.js';
import { useSubscription } from '../../media/use-subscription.js';
import { Message, Notice, StatePill, TopBar } from '../../ui/chrome.js';
import { CaptureButtons } from '../../ui/device-pickers.js';
import { Icon } from '../../ui/icons.js';
import { Avatar, LevelMeter, Tile } from '../../ui/video.js';

/** Waiting for the host, then in the room: everybody seen and heard. */
export function Call({
  roomId,
  token,
  participantId,
  capture,
  onOver,
}: {
  roomId: string;
  token: string;
  participantId: string;
  capture: Capture;
  onOver: (reason: string) => void;
}): JSX.Element {
  const api = useMemo(() => new ApiClient(token), [token]);
  const { room, connected, refused } = useRoom(roomId, token, (event) => {
    if (event.type === 'left')
      over(event.reason === 'left' ? 'You left the room' : 'The host ended your visit');
    if (event.type === 'closed') over('The show is over');
    if (event.type === 'replaced') publisher.yieldTo(event.sessionId);
  });
  const publisher = usePublisher({ roomId, token, capture, bitrateBps: 1_800_000 });
  useEffect(() => publisher.start(), []);
  useEffect(() => {
    if (refused !== undefined) over('You are no longer in the room');
  }, [refused]);
  const over = (reason: string): void => {
    publisher.abandon();
    onOver(reason);
  };

  const leave = (): void => {
    publisher.stop();
    void api.delete(`/rooms/${roomId}/participants/${participantId}`).catch(() => undefined);
    onOver('You left the room');
  };
  const me = room?.participants.find(({ id }) => id === participantId);
  if (room === undefined || me === undefined) {
    return (
      <>
        <TopBar home={false} />
        <Message title="Knocking…" />
      </>
    );
  }
  const others =
    me.state === 'accepted'
      ? room.participants.filter(({ id, publishing }) => id !== participantId && publishing)
      : [];
  const noPicture = !capture.cameraOn || (capture.stream?.getVideoTracks().length ?? 0) === 0;
  return (
    <>
      <TopBar title={room.name} home={false}>
        <StatePill room={room} />
      </TopBar>
      <main class="call">
        <div class="stack">
          <StatusLine room={room} me={me} />
          {!connected && <Notice kind="warn" message="Connection lost" hint="Reconnecting…" />}
          {publisher.error !== undefined && (
            <Notice {...publisher.error}>
              {!publisher.wanted && (
                <button type="button" class="button compact" onClick={publisher.start}>
                  Send from here
                </button>
              )}
            </Notice>
          )}
          {me.muted && (
            <Notice kind="warn" message="The host has muted you" hint="Viewers do not hear you for now." />
          )}
        </div>
        <div class={`people-grid ${others.length > 1 ? 'many' : ''}`}>
          {others.map((other) => (
            <OtherTile key={other.id} other={other} roomId={roomId} token={token} />
          ))}
          <Tile
            name={`${me.name} (you)`}
            stream={capture.stream}
            mirrored
            onAir={me.onAir}
            icon={capture.microphoneOn && !me.muted ? undefined : <Icon name="micOff" />}
            placeholder={<Avatar name={me.name} large />}
            covered={noPicture}
          >
            <LevelMeter stream={capture.stream} />
          </Tile>
        </div>
        <div class="bar" role="toolbar" aria-label="Controls">
          <CaptureButtons capture={capture} />
          <button type="button" class="button danger" style={{ minHeight: '48px' }} onClick={leave}>
            <Icon name="leave" /> Leave
          </button>
        </div>
      </main>
    </>
  );
}

function StatusLine({ room, me }: { room: RoomView; me: ParticipantView }): JSX.Element {
  if (me.state === 'waiting') {
    return (
      <div class="status-line" role="status">
        <div class="spinner small-spinner" /> Waiting for the host to let you in
      </div>
    );
  }
  if (me.onAir) {
    return (
      <div class="status-line onair-line" role="status">
        <Icon name="broadcast" /> You are on air
      </div>
    );
  }
  return (
    <div class="status-line soft" role="status">
      {room.state === 'idle'
        ? 'You are in. The show has not begun.'
        : 'You are backstage: the others hear you, viewers do not.'}
    </div>
  );
}

function OtherTile({
  other,
  roomId,
  token,
}: {
  other: ParticipantView;
  roomId: string;
  token: string;
}): JSX.Element {
  const byRtmp = other.protocol === 'rtmp';
  const { stream } = useSubscription(byRtmp ? undefined : `/whep/${roomId}/${other.id}`, token);
  return (
    <Tile
      name={other.role === 'host' && other.name !== 'Host' ? `${other.name} (host)` : other.name}
      stream={stream}
      muted={false}
      onAir={other.onAir}
      icon={other.muted ? <Icon name="micOff" /> : undefined}
      placeholder={
        <>
          <Avatar name={other.name} large />
          {byRtmp && <span class="small">Comes by RTMP: seen on the watch page</span>}
        </>
      }
    />
  );
}
