import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { describeError } from '../../api/client.js';
import type { Capture } from '../../media/devices.js';
import { Notice, TopBar } from '../../ui/chrome.js';
import { CaptureButtons, DevicePickers } from '../../ui/device-pickers.js';
import { Icon } from '../../ui/icons.js';
import { Tile } from '../../ui/video.js';

const REMEMBERED_NAME = 'anchornet:name';

/** A name, and a look at oneself, before knocking. */
export function GreenRoom({
  roomName,
  capture,
  onJoin,
}: {
  roomName: string;
  capture: Capture;
  onJoin: (name: string) => Promise<void>;
}): JSX.Element {
  const [name, setName] = useState(() => localStorage.getItem(REMEMBERED_NAME) ?? '');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const noPicture = !capture.cameraOn || (capture.stream?.getVideoTracks().length ?? 0) === 0;
  const join = async (): Promise<void> => {
    setBusy(true);
    localStorage.setItem(REMEMBERED_NAME, name.trim());
    try {
      await onJoin(name.trim());
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <>
      <TopBar home={false} />
      <main class="green-room">
        <div class="preview">
          <Tile
            name={name.trim() === '' ? 'You' : name}
            stream={capture.stream}
            mirrored
            empty={noPicture ? <EmptyPreview problem={capture.problem} /> : undefined}
          />
          <div class="buttons">
            <CaptureButtons capture={capture} />
          </div>
        </div>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void join();
          }}
        >
          <div>
            <p class="soft">You are invited to</p>
            <h1>{roomName}</h1>
          </div>
          <label class="field">
            <span>Your name, as viewers will see it</span>
            <input
              class="input"
              required
              maxLength={60}
              autocomplete="name"
              placeholder="Ada Lovelace"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <DevicePickers capture={capture} />
          {error !== undefined && <Notice {...describeError(error)} />}
          <button
            type="submit"
            class="button primary"
            disabled={busy || name.trim() === '' || capture.stream === undefined}
          >
            {busy ? 'Knocking…' : 'Ask to join'}
          </button>
          <p class="small faint">The host lets you in. Nobody but the host sees you until then.</p>
        </form>
      </main>
    </>
  );
}

function EmptyPreview({ problem }: { problem: string | undefined }): JSX.Element {
  return (
    <>
      <Icon name="cameraOff" />
      <span class="small">{problem === undefined ? 'Your camera is off' : 'No picture yet'}</span>
    </>
  );
}
