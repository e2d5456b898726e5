import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { LinkState } from '../../media/rtc-link.js';
import { Icon } from '../../ui/icons.js';
import { Tile } from '../../ui/video.js';

/** What viewers get, as they get it. Silent until asked: the host would hear itself. */
export function ProgramMonitor({
  room,
  stream,
  state,
}: {
  room: RoomView;
  stream: MediaStream | undefined;
  state: LinkState;
}): JSX.Element {
  const [muted, setMuted] = useState(true);
  const onAir = room.program.startedAt !== null;
  return (
    <div class="monitor">
      <Tile
        name="Program"
        whole
        stream={stream}
        muted={muted}
        onAir={onAir && room.state !== 'slate'}
        placeholder={onAir ? <Connecting /> : <OffAir />}
        covered={!onAir || state !== 'up'}
      >
        <div class="corner">
          <button
            type="button"
            class="button compact icon"
            aria-label={muted ? 'Listen to the program' : 'Mute the program'}
            title={muted ? 'Listen to the program (use headphones)' : 'Mute the program'}
            onClick={() => setMuted(!muted)}
          >
            <Icon name={muted ? 'volumeOff' : 'volume'} />
          </button>
        </div>
      </Tile>
    </div>
  );
}

function OffAir(): JSX.Element {
  return (
    <>
      <Icon name="broadcast" />
      <b>You are off air</b>
      <span class="small">What viewers see will be here. Check your picture below, then go live.</span>
    </>
  );
}

function Connecting(): JSX.Element {
  return (
    <>
      <div class="spinner" />
      <span class="small">Connecting the program monitor…</span>
    </>
  );
}
