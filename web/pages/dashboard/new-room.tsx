import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RoomView } from '../../../src/serve/room-api.js';
import { describeError, type ApiClient } from '../../api/client.js';
import { useBusy } from '../../ui/action-button.js';
import { Notice } from '../../ui/chrome.js';

const PICTURES = [
  {
    label: '720p · 30 fps · 2.5 Mb/s',
    settings: { width: 1280, height: 720, fps: 30, videoBitrateBps: 2_500_000 },
  },
  {
    label: '1080p · 30 fps · 4.5 Mb/s',
    settings: { width: 1920, height: 1080, fps: 30, videoBitrateBps: 4_500_000 },
  },
  {
    label: '480p · 30 fps · 1.2 Mb/s',
    settings: { width: 854, height: 480, fps: 30, videoBitrateBps: 1_200_000 },
  },
] as const;

/** Asks for a name and a picture size, and creates the room. */
export function NewRoom({
  api,
  onClose,
  onCreated,
}: {
  api: ApiClient;
  onClose: () => void;
  onCreated: (room: RoomView) => void;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState('');
  const [picture, setPicture] = useState(0);
  const [error, setError] = useState<unknown>();
  const [busy, run] = useBusy();
  useEffect(() => dialog.current?.showModal(), []);

  const create = async (): Promise<void> => {
    setError(undefined);
    try {
      const { settings } = PICTURES[picture] ?? PICTURES[0];
      onCreated(await api.post<RoomView>('/rooms', { name: name.trim(), settings }));
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <dialog ref={dialog} class="card" onClose={onClose} aria-label="New room">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          run(create);
        }}
      >
        <h1>New room</h1>
        <label class="field">
          <span>Name</span>
          <input
            class="input"
            required
            maxLength={60}
            placeholder="Friday night show"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Mixed picture</span>
          <select
            class="input"
            value={picture}
            onChange={(event) => setPicture(Number(event.currentTarget.value))}
          >
            {PICTURES.map(({ label }, index) => (
              <option key={label} value={index}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {error !== undefined && <Notice {...describeError(error)} />}
        <div class="row">
          <span class="grow" />
          <button type="button" class="button ghost" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={name.trim() === ''} aria-busy={busy}>
            Create room
          </button>
        </div>
      </form>
    </dialog>
  );
}
