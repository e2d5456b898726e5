import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ParticipantView } from '../../../src/serve/room-api.js';
import { ApiClient, ApiError } from '../../api/client.js';
import { forgetToken, keepToken, keptToken, takeToken } from '../../api/credentials.js';
import { useCapture } from '../../media/devices.js';
import { Message, TopBar } from '../../ui/chrome.js';
import { Call } from './call.js';
import { GreenRoom } from './green-room.js';

type Stage =
  | { readonly name: 'checking' }
  | { readonly name: 'refused'; readonly error: ApiError }
  | { readonly name: 'green-room'; readonly roomName: string }
  | { readonly name: 'in'; readonly token: string; readonly participantId: string }
  | { readonly name: 'over'; readonly reason: string };

interface Caller {
  readonly kind: string;
  readonly participantId?: string;
}

/** What a guest sees, from the invite link to the goodbye. */
export function Join({ roomId }: { roomId: string }): JSX.Element {
  const invite = useState(() => takeToken(`invite:${roomId}`))[0];
  const [stage, setStage] = useState<Stage>({ name: 'checking' });
  const capture = useCapture(
    { width: 1280, height: 720, fps: 30 },
    stage.name === 'green-room' || stage.name === 'in',
  );
  const scope = `participant:${roomId}`;

  useEffect(() => {
    void enter(roomId, invite, keptToken(scope)).then(setStage);
  }, []);

  const knock = async (name: string): Promise<void> => {
    const answer = await new ApiClient(invite).post<{ participant: ParticipantView; token: string }>(
      `/rooms/${roomId}/participants`,
      { name },
    );
    keepToken(scope, answer.token);
    setStage({ name: 'in', token: answer.token, participantId: answer.participant.id });
  };
  const leave = (reason: string): void => {
    forgetToken(scope);
    setStage({ name: 'over', reason });
  };

  if (stage.name === 'in') {
    return (
      <Call
        roomId={roomId}
        token={stage.token}
        participantId={stage.participantId}
        capture={capture}
        onOver={leave}
      />
    );
  }
  if (stage.name === 'green-room') {
    return <GreenRoom roomName={stage.roomName} capture={capture} onJoin={knock} />;
  }
  return (
    <>
      <TopBar home={false} />
      {stage.name === 'checking' && <Message title="Opening the door…" />}
      {stage.name === 'refused' && <Refused error={stage.error} />}
      {stage.name === 'over' && (
        <Message icon="leave" title={stage.reason}>
          <p>Thank you for taking part.</p>
          {invite !== undefined && (
            <button
              type="button"
              class="button"
              onClick={() => void enter(roomId, invite, undefined).then(setStage)}
            >
              Join again
            </button>
          )}
        </Message>
      )}
    </>
  );
}

/** Where to begin: back in the call after a reload, in the green room with an invite, or nowhere. */
async function enter(roomId: string, invite: string | undefined, kept: string | undefined): Promise<Stage> {
  try {
    if (kept !== undefined) {
      const me = await new ApiClient(kept).get<Caller>(`/me?room=${roomId}`).catch(() => undefined);
      if (me?.kind === 'participant' && me.participantId !== undefined) {
        return { name: 'in', token: kept, participantId: me.participantId };
      }
    }
    const api = new ApiClient(invite);
    const room = await api.get<{ name: string }>(`/rooms/${roomId}`);
    const me = await api.get<Caller>(`/me?room=${roomId}`);
    if (me.kind === 'anonymous') {
      return { name: 'refused', error: new ApiError(401, { detail: 'an invite is needed' }) };
    }
    return { name: 'green-room', roomName: room.name };
  } catch (error) {
    return { name: 'refused', error: error instanceof ApiError ? error : new ApiError(0, {}) };
  }
}

function Refused({ error }: { error: ApiError }): JSX.Element {
  if (error.status === 404) {
    return (
      <Message icon="alert" title="This room does not exist">
        <p>It may be over. Ask the host for a new link.</p>
      </Message>
    );
  }
  if (error.status === 0) {
    return (
      <Message icon="alert" title="The server cannot be reached">
        <button type="button" class="button" onClick={() => location.reload()}>
          Try again
        </button>
      </Message>
    );
  }
  return (
    <Message icon="key" title="This invite does not work">
      <p>It has expired or was revoked, or the link was cut short. Ask the host for a new one.</p>
    </Message>
  );
}
