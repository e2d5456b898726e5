import { useEffect, useRef } from 'preact/hooks';
import type { RoomView } from '../../../src/serve/room-api.js';
import type { PublisherControl } from '../../media/use-publisher.js';

/** A page that was reloaded is back by then; a tab that a browser restores the next day is not. */
const RELOAD_MS = 15_000;

/** Goes on sending after a reload, as long as the program is still waiting for its host. */
export function useResume(room: RoomView | undefined, publisher: PublisherControl, roomId: string): void {
  const key = `anchornet:sending:${roomId}`;
  const openedAt = useRef(Date.now());
  const { wanted } = publisher;
  const wasWanted = useRef(false);
  useEffect(() => {
    if (wanted) sessionStorage.setItem(key, 'yes');
    else if (wasWanted.current) sessionStorage.removeItem(key);
    wasWanted.current = wanted;
  }, [wanted]);
  useEffect(() => {
    if (room === undefined || wanted || sessionStorage.getItem(key) === null) return;
    const host = room.participants.find(({ role }) => role === 'host');
    const isLate = Date.now() - openedAt.current > RELOAD_MS;
    if (room.state === 'idle' || isLate) return sessionStorage.removeItem(key);
    // The session of before the reload is being ended; somebody else's stays.
    if (host?.publishing === false) publisher.start();
  }, [room, wanted]);
}
