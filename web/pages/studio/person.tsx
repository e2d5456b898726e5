import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ParticipantView, RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import { ActionButton } from '../../ui/action-button.js';
import { formatBitrate } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import type { Toasts } from '../../ui/toasts.js';
import { Avatar } from '../../ui/video.js';
import { Gain } from './gain.js';
import { StreamKey } from './stream-key.js';

/** Somebody who wants in, or is in: state, loudness, and the door. */
export function Person({
  participant,
  room,
  api,
  toasts,
}: {
  participant: ParticipantView;
  room: RoomView;
  api: ApiClient;
  toasts: Toasts;
}): JSX.Element {
  const { id, name, state, muted, onAir, role, stats, publishing } = participant;
  const path = `/rooms/${room.id}/participants/${id}`;
  // One who has not come yet needs the key; later it is out of the way.
  const [keyShown, setKeyShown] = useState(participant.hasStreamKey && !publishing);
  const change = (body: object): Promise<void> => toasts.attempt(api.patch(path, body));
  const remove = (): Promise<void> => toasts.attempt(api.delete(path));
  if (state === 'waiting') {
    return (
      <li class="waiting">
        <div class="line">
          <Avatar name={name} />
          <div class="grow ellipsis" title={name}>
            <b>{name}</b>
            <div class="small soft">wants to come in</div>
          </div>
          <ActionButton
            class="button compact icon"
            aria-label={`Turn ${name} away`}
            title="Turn away"
            action={remove}
          >
            <Icon name="x" />
          </ActionButton>
          <ActionButton
            class="button primary compact"
            aria-label={`Accept ${name}`}
            action={() => change({ state: 'accepted' })}
          >
            <Icon name="check" /> Accept
          </ActionButton>
        </div>
      </li>
    );
  }
  return (
    <li>
      <div class="line">
        <Avatar name={name} />
        <div class="grow ellipsis">
          <b title={name}>{role === 'host' ? `${name} (you)` : name}</b>
          <div class="small faint ellipsis">
            {publishing && onAir ? <span class="onair">on air</span> : whereabouts(participant)}
            {stats !== null &&
              publishing &&
              ` · ${formatBitrate(stats.videoBitrateBps + stats.audioBitrateBps)}`}
            {(stats?.lossRatio ?? 0) > 0.005 && ` · ${((stats?.lossRatio ?? 0) * 100).toFixed(1)} % lost`}
          </div>
        </div>
        <ActionButton
          class={`button compact icon ${muted ? 'off' : ''}`}
          aria-label={`${muted ? 'Unmute' : 'Mute'} ${name}`}
          title={muted ? 'Unmute in the program' : 'Mute in the program'}
          action={() => change({ muted: !muted })}
        >
          <Icon name={muted ? 'micOff' : 'mic'} />
        </ActionButton>
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
          <ActionButton
            class="button compact icon"
            aria-label={`Remove ${name}`}
            title="Remove from the room"
            action={async () => {
              if (confirm(`Remove ${name} from the room?`)) await remove();
            }}
          >
            <Icon name="leave" />
          </ActionButton>
        )}
      </div>
      {keyShown && <StreamKey path={`${path}/key`} api={api} toasts={toasts} />}
      <Gain participant={participant} onChange={(gainDb) => void change({ gainDb })} />
    </li>
  );
}

function whereabouts({ publishing, hasStreamKey }: ParticipantView): string {
  if (publishing) return 'backstage';
  return hasStreamKey ? 'waiting for RTMP' : 'not connected';
}
