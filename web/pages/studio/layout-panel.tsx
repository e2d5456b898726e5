import type { JSX } from 'preact';
import type { LayoutName } from '../../../src/media/program-settings.js';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import { LAYOUT_NAMES, LayoutPicture } from '../../ui/layout-picture.js';
import type { Toasts } from '../../ui/toasts.js';

/** How the pictures are arranged in collab mode. */
export function LayoutPanel({
  room,
  api,
  toasts,
}: {
  room: RoomView;
  api: ApiClient;
  toasts: Toasts;
}): JSX.Element {
  return (
    <section class="panel" aria-label="Layout">
      <header>
        <h2 class="grow">Layout</h2>
        <span class="small faint">
          {typeof room.layout === 'string' ? LAYOUT_NAMES[room.layout] : 'Custom'}
        </span>
      </header>
      <div class="body layouts" role="radiogroup" aria-label="Layout">
        {(Object.keys(LAYOUT_NAMES) as LayoutName[]).map((layout) => (
          <button
            key={layout}
            type="button"
            role="radio"
            aria-checked={room.layout === layout}
            aria-label={LAYOUT_NAMES[layout]}
            title={LAYOUT_NAMES[layout]}
            onClick={() => toasts.attempt(api.put(`/rooms/${room.id}/layout`, { layout }))}
          >
            <LayoutPicture layout={layout} />
          </button>
        ))}
      </div>
    </section>
  );
}
