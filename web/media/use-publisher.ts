import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { describeError } from '../api/client.js';
import type { Capture } from './devices.js';
import { Publisher, type PublishFigures } from './publisher.js';
import type { LinkState } from './rtc-link.js';

export interface PublisherControl {
  readonly state: LinkState;
  readonly figures: PublishFigures | undefined;
  readonly error: { message: string; hint?: string | undefined } | undefined;
  /** Asked to send, whether or not the connection is up this moment. */
  readonly wanted: boolean;
  readonly start: () => void;
  readonly stop: () => void;
  /** Stops when the server has ended the session already. */
  readonly abandon: () => void;
  /** A session gave way to a newer one: if it was this one, sending is over here, or the two would fight for ever. */
  readonly yieldTo: (replacedSessionId: string) => void;
}

/** Sends the capture while wanted, and follows a change of devices. */
export function usePublisher(options: {
  roomId: string;
  token: string | undefined;
  capture: Capture;
  bitrateBps: number | undefined;
}): PublisherControl {
  const { roomId, token, capture, bitrateBps = 2_500_000 } = options;
  const [state, setState] = useState<LinkState>('closed');
  const [figures, setFigures] = useState<PublishFigures>();
  const [error, setError] = useState<PublisherControl['error']>();
  const [wanted, setWanted] = useState(false);
  const publisher = useRef<Publisher | undefined>(undefined);
  const { stream } = capture;

  useEffect(() => {
    if (!wanted || stream === undefined) return;
    if (publisher.current !== undefined) return publisher.current.replace(stream);
    publisher.current = new Publisher({
      url: `/whip/${roomId}`,
      token,
      stream,
      maxVideoBitrateBps: bitrateBps,
      onState: (next, refusal) => {
        setState(next);
        setError(refusal === undefined ? undefined : describeError(refusal));
        if (next === 'refused') setWanted(false);
      },
      onFigures: setFigures,
    });
  }, [wanted, stream]);

  const end = useCallback((isOver: boolean) => {
    publisher.current?.close(isOver);
    publisher.current = undefined;
    setWanted(false);
    setFigures(undefined);
  }, []);
  const stop = useCallback(() => end(false), [end]);
  const abandon = useCallback(() => end(true), [end]);
  const yieldTo = useCallback(
    (replaced: string) => {
      if (publisher.current?.owns(replaced) !== true) return;
      abandon();
      setError({
        message: 'Sending goes on from elsewhere',
        hint: 'Another window or program of yours has taken over. Take over again to send from here.',
      });
    },
    [abandon],
  );
  useEffect(() => {
    if (!wanted) publisher.current = void publisher.current?.close();
  }, [wanted]);
  useEffect(() => {
    // Said at once, so that the server need not find out; whether it goes on after a reload is for the page.
    const leave = (): void => publisher.current?.close();
    window.addEventListener('pagehide', leave);
    return () => {
      window.removeEventListener('pagehide', leave);
      stop();
    };
  }, []);
  return {
    state,
    figures,
    error,
    wanted,
    start: () => (setError(undefined), setWanted(true)),
    stop,
    abandon,
    yieldTo,
  };
}
