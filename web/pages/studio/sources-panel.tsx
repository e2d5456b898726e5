import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import type { Capture } from '../../media/devices.js';
import { DevicePickers } from '../../ui/device-pickers.js';
import type { Toasts } from '../../ui/toasts.js';
import { StreamKey } from './stream-key.js';

/** Camera and microphone, or OBS instead of both. */
export function SourcesPanel({
  room,
  api,
  capture,
  toasts,
}: {
  room: RoomView;
  api: ApiClient;
  capture: Capture;
  toasts: Toasts;
}): JSX.Element {
  const [shown, setShown] = useState(false);
  return (
    <section class="panel" aria-label="Camera and microphone">
      <header>
        <h2 class="grow">Camera and microphone</h2>
      </header>
      <div class="body stack">
        <DevicePickers capture={capture} />
        {shown ? (
          <StreamKey path={`/rooms/${room.id}/participants/host/key`} api={api} toasts={toasts} />
        ) : (
          <button type="button" class="button ghost compact" onClick={() => setShown(true)}>
            Stream from OBS instead
          </button>
        )}
      </div>
    </section>
  );
}
