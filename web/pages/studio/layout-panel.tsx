import type { JSX } from 'preact';
import type { LayoutName } from '../../../src/media/program-settings.js';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { ApiClient } from '../../api/client.js';
import { LAYOUT_NAMES, LayoutPicture } from '../../ui/layout-picture.js';
import { RadioGroup } from '../../ui/radio-group.js';
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
      <RadioGroup
        label="Layout"
        class="body layouts"
        value={typeof room.layout === 'string' ? room.layout : undefined}
        options={(Object.keys(LAYOUT_NAMES) as LayoutName[]).map((layout) => ({
          value: layout,
          label: LAYOUT_NAMES[layout],
          title: LAYOUT_NAMES[layout],
          content: <LayoutPicture layout={layout} />,
        }))}
        onChoose={(layout) => void toasts.attempt(api.put(`/rooms/${room.id}/layout`, { layout }))}
      />
    </section>
  );
}
