import { ApiError, authorization, refusal } from '../api/client.js';
import { iceServersFor } from './ice-servers.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;
/** ICE and DTLS take well under a second; this long means there is no way through. */
const CONNECT_TIMEOUT_MS = 10_000;
/** "disconnected" often mends itself; after this long it does not. */
const DISCONNECT_PATIENCE_MS = 3_000;
const STATS_EVERY_MS = 2_000;

export type LinkState = 'connecting' | 'up' | 'reconnecting' | 'refused' | 'closed';

export interface LinkOptions {
  /** The WHIP or WHEP endpoint. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Adds transceivers and handlers to a fresh connection. */
  setUp(connection: RTCPeerConnection): void;
  /** What to make of the server's answer before it is applied. */
  readonly adapt?: (answerSdp: string) => string;
  /** Ends the session by closing the connection alone, without a DELETE. */
  readonly leavesSilently?: boolean;
  onState?(state: LinkState, error?: ApiError): void;
  onStats?(report: RTCStatsReport): void;
}

/** One WHIP or WHEP session that is made anew, with growing pauses, whenever it breaks. */
export class RtcLink {
  readonly #options: LinkOptions;
  readonly #closed = new AbortController();
  #connection: RTCPeerConnection | undefined;
  #session: string | undefined;
  /** The newest session, over or not. */
  #lastSession: string | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    void this.#keepUp();
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#connection;
  }

  /** Whether a session of the server is, or was at last, the one of this link. */
  owns(sessionId: string): boolean {
    return this.#lastSession?.endsWith(`/${sessionId}`) ?? false;
  }

  /** @param isOver the server has ended the session already: there is nobody to say goodbye to */
  close(isOver = false): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#end(isOver);
    this.#options.onState?.('closed');
  }

  async #keepUp(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    this.#options.onState?.('connecting');
    while (!this.#closed.signal.aborted) {
      try {
        await this.#connect();
        retryMs = FIRST_RETRY_MS;
        this.#options.onState?.('up');
        await this.#untilBroken();
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        // 401 and 403 stay as they are; 404 and 409 may pass: a host comes back, a guest is let in.
        if (error instanceof ApiError && [401, 403, 415, 422].includes(error.status)) {
          this.#end();
          return this.#options.onState?.('refused', error);
        }
        this.#options.onState?.('reconnecting', error instanceof ApiError ? error : undefined);
      }
      this.#end();
      if (this.#closed.signal.aborted) return;
      this.#options.onState?.('reconnecting');
      await pause(retryMs * (0.75 + Math.random() / 2), this.#closed.signal);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }

  /** Offer and answer over one POST; the server has a public side, so candidates of ours need not be awaited. */
  async #connect(): Promise<void> {
    const { url, token } = this.#options;
    const iceServers = await iceServersFor(url, token);
    this.#closed.signal.throwIfAborted();
    const connection = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#connection = connection;
    this.#options.setUp(connection);
    await connection.setLocalDescription(await connection.createOffer());
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...authorization(token), 'content-type': 'application/sdp' },
      body: connection.localDescription?.sdp ?? '',
      signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]),
    });
    if (!response.ok) throw await refusal(response);
    const location = response.headers.get('location');
    if (location !== null) this.#session = new URL(location, new URL(url, document.baseURI)).href;
    this.#lastSession = this.#session;
    const { adapt = (sdp: string): string => sdp } = this.#options;
    const answer = adapt(await response.text());
    this.#closed.signal.throwIfAborted();
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
    await settled(connection, this.#closed.signal);
  }

  async #untilBroken(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const stats = setInterval(() => {
      if (connection.connectionState === 'connected') {
        void connection.getStats().then((report) => this.#options.onStats?.(report));
      }
    }, STATS_EVERY_MS);
    try {
      for (;;) {
        await stateChange(connection, this.#closed.signal);
        const { connectionState } = connection;
        if (connectionState === 'failed' || connectionState === 'closed') return;
        if (connectionState !== 'disconnected') continue;
        const patience = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(DISCONNECT_PATIENCE_MS)]);
        await stateChange(connection, patience).catch(() => undefined);
        if (connection.connectionState !== 'connected') return;
      }
    } finally {
      clearInterval(stats);
    }
  }

  #end(isOver = false): void {
    const { token, leavesSilently = false } = this.#options;
    this.#connection?.close();
    this.#connection = undefined;
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined || isOver || leavesSilently) return;
    const headers = authorization(token);
    void fetch(session, { method: 'DELETE', headers, keepalive: true }).catch(() => undefined);
  }
}

/** H.264 first: it is what the program is made of. Others stay, so that a browser without it gets a clear answer. */
export function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const rank = ({ mimeType, sdpFmtpLine = '' }: (typeof codecs)[number]): number => {
    if (mimeType.toLowerCase() !== 'video/h264') return 2;
    return sdpFmtpLine.includes('packetization-mode=1') ? 0 : 1;
  };
  if (codecs.length > 0) transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}

/** @throws Error when it fails or takes too long */
async function settled(connection: RTCPeerConnection, stopped: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([stopped, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
  while (connection.connectionState !== 'connected') {
    if (connection.connectionState === 'failed') throw new Error('no way through to the server');
    await stateChange(connection, deadline);
  }
}

function stateChange(connection: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('timed out'));
    if (signal.aborted) return gone();
    signal.addEventListener('abort', gone, { once: true });
    connection.addEventListener(
      'connectionstatechange',
      () => {
        signal.removeEventListener('abort', gone);
        resolve();
      },
      { once: true },
    );
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
