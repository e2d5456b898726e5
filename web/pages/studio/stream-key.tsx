import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiClient } from '../../api/client.js';
import { Icon } from '../../ui/icons.js';
import { copyText, type Toasts } from '../../ui/toasts.js';

interface Address {
  readonly rtmpUrl: string;
  readonly streamKey: string;
}

/** What OBS asks for. The key is copied, never shown: studios are seen on shared screens. */
export function StreamKey({
  path,
  api,
  toasts,
}: {
  path: string;
  api: ApiClient;
  toasts: Toasts;
}): JSX.Element {
  const [address, setAddress] = useState<Address>();
  useEffect(() => void toasts.attempt(api.get<Address>(path).then(setAddress)), [path]);
  const copy = (text: string, what: string): void =>
    void toasts.attempt(copyText(text).then(() => toasts.say(`${what} copied`)));
  if (address === undefined) return <div class="sources soft">Asking for the key…</div>;
  return (
    <div class="sources soft">
      <span>
        Server: <code>{address.rtmpUrl}</code>
      </span>
      <div class="row">
        <button type="button" class="button compact" onClick={() => copy(address.rtmpUrl, 'Server')}>
          <Icon name="copy" /> Server
        </button>
        <button type="button" class="button compact" onClick={() => copy(address.streamKey, 'Stream key')}>
          <Icon name="key" /> Copy stream key
        </button>
      </div>
    </div>
  );
}
