import type { JSX } from 'preact';
import type { ParticipantView, RoomView } from '../../../src/serve/room-api.js';
import type { Capture } from '../../media/devices.js';
import { useSubscription } from '../../media/use-subscription.js';
import { Icon } from '../../ui/icons.js';
import { Avatar, LevelMeter, Tile } from '../../ui/video.js';

/** Everybody backstage and on air: the host's own camera first, then the guests, heard as they speak. */
export function Strip({
  room,
  token,
  capture,
  sending,
}: {
  room: RoomView;
  token: string;
  capture: Capture;
  /** Whether the host of the program is this page, not OBS or another window. */
  sending: boolean;
}): JSX.Element {
  const host = room.participants.find(({ role }) => role === 'host');
  const guests = room.participants.filter(({ role }) => role === 'guest');
  const noPicture = !capture.cameraOn || (capture.stream?.getVideoTracks().length ?? 0) === 0;
  return (
    <div class="strip" aria-label="Participants">
      <Tile
        name={sending || host?.publishing !== true ? 'You' : 'Your camera · not sent'}
        stream={capture.stream}
        mirrored
        onAir={sending && (host?.onAir ?? false)}
        icon={capture.microphoneOn ? undefined : <Icon name="micOff" />}
        placeholder={<Icon name="cameraOff" />}
        covered={noPicture}
      >
        <LevelMeter stream={capture.stream} />
      </Tile>
      {guests.map((guest) => (
        <GuestTile key={guest.id} guest={guest} room={room} token={token} />
      ))}
    </div>
  );
}

function GuestTile({
  guest,
  room,
  token,
}: {
  guest: ParticipantView;
  room: RoomView;
  token: string;
}): JSX.Element {
  const byRtmp = guest.protocol === 'rtmp';
  const url = guest.publishing && !byRtmp ? `/whep/${room.id}/${guest.id}` : undefined;
  const { stream } = useSubscription(url, token);
  const waiting = guest.state === 'waiting';
  return (
    <Tile
      name={guest.name}
      stream={stream}
      // Not let in yet: seen, so that the host knows who it is, but not heard.
      muted={waiting}
      onAir={guest.onAir}
      icon={guest.muted ? <Icon name="micOff" /> : undefined}
      placeholder={
        <>
          <Avatar name={guest.name} large />
          {byRtmp && <span class="small">Comes by RTMP</span>}
        </>
      }
    >
      <span class="corner left">{waiting && <span class="pill warn">Waiting</span>}</span>
      <LevelMeter stream={stream} />
    </Tile>
  );
}
