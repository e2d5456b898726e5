import { randomUUID } from 'node:crypto';
import type { PatchResult } from '../webrtc/rtc-connection.js';
import { NotFoundError } from './errors.js';
import type { SessionAnswer, SessionInfo, SessionPatch } from './room-api.js';

/** What a WHIP publication and a WHEP subscription have in common. */
export interface MediaSession {
  readonly etag: string;
  patch(sdpFragment: string): PatchResult;
  close(reason?: string): unknown;
  once(event: 'closed', listener: () => void): unknown;
}

interface Entry {
  readonly kind: SessionInfo['kind'];
  readonly subject: string;
  readonly session: MediaSession;
}

/** The WHIP and WHEP sessions of a room by their unguessable ids; one leaves when its connection ends. */
export class MediaSessions {
  readonly #entries = new Map<string, Entry>();

  add(
    kind: SessionInfo['kind'],
    subject: string,
    { answerSdp, session }: { answerSdp: string; session: MediaSession },
  ): SessionAnswer {
    const sessionId = randomUUID();
    this.#entries.set(sessionId, { kind, subject, session });
    session.once('closed', () => this.#entries.delete(sessionId));
    return { answerSdp, sessionId, etag: withoutQuotes(session.etag) };
  }

  idOf(session: MediaSession): string | undefined {
    return [...this.#entries].find(([, entry]) => entry.session === session)?.[0];
  }

  info(id: string): SessionInfo | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    return { id, kind: entry.kind, etag: withoutQuotes(entry.session.etag), subject: entry.subject };
  }

  /** @throws NotFoundError, MalformedMediaError */
  patch(id: string, sdpFragment: string): SessionPatch {
    const session = this.#get(id);
    const result = session.patch(sdpFragment);
    const etag = withoutQuotes(session.etag);
    return result.kind === 'restarted' ? { etag, restartFragment: result.sdpFragment } : { etag };
  }

  /** @throws NotFoundError */
  async end(id: string): Promise<void> {
    const session = this.#get(id);
    this.#entries.delete(id);
    await session.close('ended by its owner');
  }

  /** Ends the sessions that `subject` opened. */
  async endOf(subject: string): Promise<void> {
    const theirs = [...this.#entries].filter(([, entry]) => entry.subject === subject);
    await this.#endAll(theirs.map(([id]) => id));
  }

  async close(): Promise<void> {
    await this.#endAll([...this.#entries.keys()]);
  }

  /** Ending a publisher ends those who play it: some may be gone when it is their turn. */
  async #endAll(ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        if (this.#entries.has(id)) await this.end(id);
      }),
    );
  }

  #get(id: string): MediaSession {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new NotFoundError(`no media session ${id}`);
    return entry.session;
  }
}

function withoutQuotes(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
