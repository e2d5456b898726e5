import type { JSX } from 'preact';
import type { RoomView, TargetView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import { ActionButton } from '../../ui/action-button.js';
import { StatePill, useNow } from '../../ui/chrome.js';
import { formatBitrate, formatDuration } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { ModeTimeline } from '../../ui/mode-timeline.js';
import { TARGET_HEALTH, targetText } from '../../ui/target-health.js';
import { copyText, type Toasts } from '../../ui/toasts.js';
import { Avatar } from '../../ui/video.js';
import { Figure } from './figure.js';

interface Keys {
  readonly hostKey: string;
}

/** One room: state, history, health, and the ways into it. */
export function RoomCard({
  room,
  api,
  toasts,
  onChanged,
}: {
  room: RoomView;
  api: ApiClient;
  toasts: Toasts;
  onChanged: () => void;
}): JSX.Element {
  const now = useNow();
  const { program, participants, process } = room;
  const { whep, hls, flv } = program.viewers;
  const present = participants.filter(({ state, publishing }) => state === 'accepted' && publishing);
  const waiting = participants.filter(({ state }) => state === 'waiting').length;

  const studioLink = async (): Promise<string> => {
    const { hostKey } = await api.get<Keys>(`/rooms/${room.id}/keys`);
    return `${location.origin}/studio/${room.id}#key=${hostKey}`;
  };
  const openStudio = async (): Promise<void> => {
    // Opened before the key is in: browsers allow new tabs only in answer to a click.
    const tab = window.open('', '_blank');
    try {
      const link = await studioLink();
      if (tab === null) location.href = link;
      else tab.location.href = link;
    } catch (error) {
      tab?.close();
      throw error;
    }
  };
  const copyStudioLink = async (): Promise<void> => {
    await copyText(await studioLink());
    toasts.say('Studio link copied. Whoever has it is the host.', 'warn');
  };
  const copyInvite = async (): Promise<void> => {
    const { path } = await api.post<{ path: string }>(`/rooms/${room.id}/invites`);
    await copyText(location.origin + path);
    toasts.say('Invite link copied. It is good for one day.');
  };
  const remove = async (): Promise<void> => {
    if (!confirm(`End “${room.name}” and forget it, keys and targets included?`)) return;
    await api.delete(`/rooms/${room.id}`);
    onChanged();
  };
  return (
    <article class="panel room">
      <header>
        <h3 class="grow ellipsis" title={room.name}>
          {room.name}
        </h3>
        {room.recording.state === 'recording' && <span class="pill bad">REC</span>}
        <StatePill room={room} />
      </header>
      <div class="body">
        <ModeTimeline room={room} now={now} />
        <div class="figures">
          <Figure
            value={program.startedAt === null ? '–' : formatDuration(now - Date.parse(program.startedAt))}
            label="on air"
          />
          <Figure value={String(whep + hls + flv)} label="viewers" />
          <Figure value={`${Math.round(process.cpuPercent)} %`} label="CPU" />
          <Figure value={`${Math.round(process.rssBytes / 1e6)} MB`} label="memory" />
        </div>
        <div class="row">
          {present.length === 0 ? (
            <span class="faint small">Nobody is connected</span>
          ) : (
            <span class="people">
              {present.map(({ id, name }) => (
                <Avatar key={id} name={name} />
              ))}
            </span>
          )}
          <span class="small soft ellipsis">{present.map(({ name }) => name).join(', ')}</span>
          {waiting > 0 && <span class="pill warn">{waiting} waiting</span>}
        </div>
        <Targets targets={room.targets} />
      </div>
      <footer>
        <ActionButton class="button primary compact" action={() => toasts.attempt(openStudio())}>
          <Icon name="broadcast" /> Studio
        </ActionButton>
        <a class="button compact" href={`/watch/${room.id}`} target="_blank" rel="noreferrer">
          <Icon name="play" /> Watch
        </a>
        <ActionButton
          class="button compact"
          title="Copy an invite link for a guest"
          action={() => toasts.attempt(copyInvite())}
        >
          <Icon name="link" /> Invite
        </ActionButton>
        <span class="grow" />
        <ActionButton
          class="button ghost compact icon"
          aria-label={`Copy the studio link of ${room.name}`}
          title="Copy studio link"
          action={() => toasts.attempt(copyStudioLink())}
        >
          <Icon name="key" />
        </ActionButton>
        <ActionButton
          class="button ghost compact icon"
          aria-label={`Delete ${room.name}`}
          title="Delete room"
          action={() => toasts.attempt(remove())}
        >
          <Icon name="trash" />
        </ActionButton>
      </footer>
    </article>
  );
}

function Targets({ targets }: { targets: readonly TargetView[] }): JSX.Element {
  if (targets.length === 0) return <p class="faint small">No RTMP targets. The watch page works without.</p>;
  return (
    <ul class="targets" aria-label="Targets">
      {targets.map((target) => (
        <li key={target.id}>
          <span class={`dot ${TARGET_HEALTH[target.state]}`} />
          <span class="ellipsis grow" title={target.url}>
            {target.name}
          </span>
          <span class="soft">
            {target.state === 'live' ? formatBitrate(target.bitrateBps) : targetText(target)}
          </span>
        </li>
      ))}
    </ul>
  );
}
