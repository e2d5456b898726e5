import { useEffect, useRef, useState } from 'preact/hooks';
import type { RoomEvent, RoomView } from '../../src/serve/room-api.js';
import type { ApiError } from './client.js';
import { openEvents } from './events.js';

export interface RoomFeed {
  /** Undefined until the first view is in. */
  readonly room: RoomView | undefined;
  readonly connected: boolean;
  readonly refused: ApiError | undefined;
}

/** The room as it is now, kept up to date. @param onEvent told of what happens in between */
export function useRoom(
  roomId: string,
  token: string | undefined,
  onEvent?: (event: RoomEvent) => void,
): RoomFeed {
  const [room, setRoom] = useState<RoomView>();
  const [connected, setConnected] = useState(true);
  const [refused, setRefused] = useState<ApiError>();
  const listener = useRef(onEvent);
  listener.current = onEvent;
  useEffect(() => {
    setRefused(undefined);
    return openEvents(`/rooms/${roomId}/events`, token, {
      onEvent: (name, data) => {
        if (name === 'room') setRoom(data as RoomView);
        else listener.current?.(data as RoomEvent);
      },
      onConnected: setConnected,
      onRefused: setRefused,
    });
  }, [roomId, token]);
  return { room, connected, refused };
}
