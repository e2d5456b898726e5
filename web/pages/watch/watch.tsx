import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RoomView } from '../../../src/serve/room-api.js';
import { useRoom } from '../../api/use-room.js';
import { PROTOCOL_NAMES, PROTOCOLS, type Protocol } from '../../media/players.js';
import { Message, Notice, StatePill, TopBar, useNow } from '../../ui/chrome.js';
import { formatDuration } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { ModeTimeline } from '../../ui/mode-timeline.js';
import { RadioGroup } from '../../ui/radio-group.js';
import { Statistics } from './statistics.js';
import { usePlayback, type Playback } from './use-playback.js';

/** What viewers see. */
export function Watch({ roomId }: { roomId: string }): JSX.Element {
  const { room, connected, refused } = useRoom(roomId, undefined);
  const [choice, setChoice] = useState<Protocol | 'auto'>('auto');
  const now = useNow();
  if (refused !== undefined) {
    return (
      <>
        <TopBar home={false} />
        <Message icon="alert" title="No such channel">
          <p>The link may be wrong, or the channel is over.</p>
        </Message>
      </>
    );
  }
  if (room === undefined) {
    return (
      <>
        <TopBar home={false} />
        <Message title="Tuning in…" />
      </>
    );
  }
  const { startedAt, viewers } = room.program;
  const watching = viewers.whep + viewers.hls + viewers.flv;
  const onAir = room.participants.filter((participant) => participant.onAir).map(({ name }) => name);
  return (
    <>
      <TopBar title={room.name} home={false}>
        <StatePill room={room} />
        <span class="grow" />
        <span class="pill plain" title={`${watching} viewers`}>
          <Icon name="eye" /> {watching}
        </span>
      </TopBar>
      <Program room={room} choice={choice}>
        {(playback) => (
          <>
            {!connected && (
              <Notice kind="warn" message="Connection to the server lost" hint="Trying again…" />
            )}
            <div class="row wrap about">
              <p class="grow">
                <b>
                  {startedAt === null
                    ? 'Off air'
                    : `On air for ${formatDuration(now - Date.parse(startedAt))}`}
                </b>
                {onAir.length > 0 && <span class="soft"> with {onAir.join(', ')}</span>}
              </p>
              <RadioGroup
                label="Protocol"
                class="segmented"
                value={choice}
                options={(['auto', ...PROTOCOLS] as const).map((option) => ({
                  value: option,
                  content: (
                    <>
                      {option === 'auto' ? 'Auto' : PROTOCOL_NAMES[option]}
                      {choice === 'auto' && playback.playing && option === playback.protocol && (
                        <span class="inuse" title="in use" />
                      )}
                    </>
                  ),
                }))}
                onChoose={setChoice}
              />
            </div>
            {isOnAir(room) && <Statistics room={room} playback={playback} />}
            {room.program.timeline.length > 0 && (
              <section class="panel" aria-label="Timeline">
                <header>
                  <h2>Program timeline</h2>
                </header>
                <div class="body">
                  <ModeTimeline room={room} now={now} />
                </div>
              </section>
            )}
          </>
        )}
      </Program>
    </>
  );
}

function isOnAir({ program, state }: RoomView): boolean {
  return program.startedAt !== null && state !== 'idle';
}

function Program({
  room,
  choice,
  children,
}: {
  room: RoomView;
  choice: Protocol | 'auto';
  children: (playback: Playback) => JSX.Element;
}): JSX.Element {
  const onAir = isOnAir(room);
  const playback = usePlayback(room.id, choice, onAir);
  const { video, playing, problem } = playback;
  const [muted, setMuted] = useState(true);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.muted = muted;
  }, [muted, playing]);
  const fullscreen = (): void => {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else void frame.current?.requestFullscreen();
  };
  return (
    <main class="watch">
      <div class="tile whole screen" ref={frame} onDblClick={fullscreen}>
        <video ref={video} autoplay muted playsinline aria-label={`Program of ${room.name}`} />
        {!onAir && (
          <div class="placeholder">
            <Icon name="clock" />
            <b>The show has not begun</b>
            <span class="small">Stay here: it starts by itself.</span>
          </div>
        )}
        {onAir && !playing && (
          <div class="placeholder clear">
            <div class="spinner" />
            <span class="small">
              {problem === undefined
                ? `Connecting by ${PROTOCOL_NAMES[playback.protocol]}…`
                : `No picture yet (${problem}). Trying another way…`}
            </span>
          </div>
        )}
        {playing && muted && (
          <button type="button" class="button primary unmute" onClick={() => setMuted(false)}>
            <Icon name="volumeOff" /> Turn on sound
          </button>
        )}
        {playing && (
          <div class="overlay">
            {!muted && (
              <button
                type="button"
                class="button compact icon"
                aria-label="Turn off sound"
                title="Turn off sound"
                onClick={() => setMuted(true)}
              >
                <Icon name="volume" />
              </button>
            )}
            <button
              type="button"
              class="button compact icon"
              aria-label="Full screen"
              title="Full screen"
              onClick={fullscreen}
            >
              <Icon name="expand" />
            </button>
          </div>
        )}
      </div>
      {children(playback)}
    </main>
  );
}
