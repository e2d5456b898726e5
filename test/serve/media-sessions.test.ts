import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { MediaSessions, type MediaSession } from '../../src/serve/media-sessions.js';

class Session extends EventEmitter implements MediaSession {
  readonly etag = '"1"';
  readonly #players: readonly Session[];
  closed = 0;

  constructor(players: readonly Session[] = []) {
    super();
    this.#players = players;
  }

  patch(): { kind: 'trickled' } {
    return { kind: 'trickled' };
  }

  /** A publisher takes those who play it along, at once. */
  close(): void {
    this.closed += 1;
    this.emit('closed');
    for (const player of this.#players) player.close();
  }
}

describe('the media sessions of a room', () => {
  it('all end, though some end with others before it is their turn', async () => {
    const sessions = new MediaSessions();
    const player = new Session();
    const publisher = new Session([player]);
    sessions.add('whip', 'host', { answerSdp: '', session: publisher });
    const { sessionId } = sessions.add('whep', 'viewer', { answerSdp: '', session: player });
    await sessions.close();
    expect([publisher.closed, player.closed]).toEqual([1, 1]);
    expect(sessions.info(sessionId)).toBeUndefined();
  });
});
