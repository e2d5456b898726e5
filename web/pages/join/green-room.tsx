import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { describeError } from '../../api/client.js';
import type { Capture } from '../../media/devices.js';
import { useBusy } from '../../ui/action-button.js';
import { Notice, TopBar } from '../../ui/chrome.js';
import { CaptureButtons, CaptureProblem, DevicePickers } from '../../ui/device-pickers.js';
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
  const [busy, run] = useBusy();
  const [error, setError] = useState<unknown>();
  const noPicture = !capture.cameraOn || (capture.stream?.getVideoTracks().length ?? 0) === 0;
  const join = async (): Promise<void> => {
    setError(undefined);
    localStorage.setItem(REMEMBERED_NAME, name.trim());
    try {
      await onJoin(name.trim());
    } catch (thrown) {
      setError(thrown);
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
            placeholder={<EmptyPreview capture={capture} />}
            covered={noPicture}
          />
          <div class="buttons">
            <CaptureButtons capture={capture} />
          </div>
        </div>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            run(join);
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
          <CaptureProblem capture={capture} />
          <DevicePickers capture={capture} />
          {error !== undefined && <Notice {...describeError(error)} />}
          <button
            type="submit"
            class="button primary"
            aria-busy={busy}
            disabled={name.trim() === '' || capture.stream === undefined}
          >
            Ask to join
          </button>
          <p class="small faint">The host lets you in. Nobody but the host sees you until then.</p>
        </form>
      </main>
    </>
  );
}

function EmptyPreview({ capture }: { capture: Capture }): JSX.Element {
  const { problem, stream, cameraOn } = capture;
  if (problem === undefined && stream === undefined) {
    return (
      <>
        <div class="spinner" />
        <span class="small">Opening your camera…</span>
      </>
    );
  }
  const hasCamera = (stream?.getVideoTracks().length ?? 0) > 0;
  return (
    <>
      <Icon name="cameraOff" />
      <span class="small">
        {stream === undefined
          ? 'No picture yet'
          : hasCamera && !cameraOn
            ? 'Your camera is off'
            : 'No camera: you can join by voice'}
      </span>
    </>
  );
}
