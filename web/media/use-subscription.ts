import { useEffect, useState } from 'preact/hooks';
import type { LinkState } from './rtc-link.js';
import { subscribe } from './subscriber.js';

/** A WHEP stream for as long as the component is there. @param url undefined while there is nothing to play */
export function useSubscription(
  url: string | undefined,
  token: string | undefined,
): { stream: MediaStream | undefined; state: LinkState } {
  const [stream, setStream] = useState<MediaStream>();
  const [state, setState] = useState<LinkState>('closed');
  useEffect(() => {
    if (url === undefined) return;
    const link = subscribe({ url, token, onStream: setStream, onState: setState });
    return () => {
      link.close();
      setStream(undefined);
    };
  }, [url, token]);
  return { stream, state };
}
