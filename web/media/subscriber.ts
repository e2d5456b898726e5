import type { ApiError } from '../api/client.js';
import { preferH264, RtcLink, type LinkState } from './rtc-link.js';

export interface SubscriberOptions {
  readonly url: string;
  readonly token: string | undefined;
  onStream(stream: MediaStream): void;
  onState?(state: LinkState, error?: ApiError): void;
  onStats?(report: RTCStatsReport): void;
}

/** Plays by WHEP and keeps at it: one stream with audio and video, a new one after each reconnection. */
export function subscribe(options: SubscriberOptions): RtcLink {
  return new RtcLink({
    ...options,
    // Most subscriptions end because the server ended what they play, and the session with it.
    leavesSilently: true,
    setUp: (connection) => {
      const stream = new MediaStream();
      connection.addTransceiver('audio', { direction: 'recvonly' });
      preferH264(connection.addTransceiver('video', { direction: 'recvonly' }));
      connection.addEventListener('track', ({ track }) => {
        stream.addTrack(track);
        options.onStream(stream);
      });
    },
  });
}
