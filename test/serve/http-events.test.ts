import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoomView } from '../../src/serve/room-api.js';
import { openHttp, type HttpFixture } from './http-fixture.js';

let http: HttpFixture;
const open: EventReader[] = [];
beforeEach(async () => {
  http = await openHttp();
});
afterEach(async () => {
  for (const reader of open.splice(0)) reader.close();
  await http[Symbol.asyncDispose]();
});

interface SseEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** A plain reader of the wire format, as a browser would read it. */
class EventReader {
  readonly #abort = new AbortController();
  readonly #events: AsyncGenerator<SseEvent, void>;
  retryMs: number | undefined;

  constructor(token?: string, lastEventId?: string) {
    this.#events = this.#read(token, lastEventId);
    open.push(this);
  }

  async next(name: string): Promise<SseEvent> {
    for (;;) {
      const result = await this.#events.next();
      if (result.done === true) throw new Error('the stream ended');
      if (result.value.name === name) return result.value;
    }
  }

  /** Resolves when the server ends the stream. */
  async ended(): Promise<void> {
    for (let done = false; !done;) done = (await this.#events.next()).done === true;
  }

  close(): void {
    this.#abort.abort();
  }

  async *#read(token?: string, lastEventId?: string): AsyncGenerator<SseEvent, void> {
    const response = await fetch(`${http.base}/api/v1/rooms/show/events`, {
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      signal: this.#abort.signal,
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (key: string) =>
          lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2);
        if (field('retry') !== undefined) this.retryMs = Number(field('retry'));
        const data = field('data');
        if (data !== undefined) yield { name: field('event') ?? '', id: field('id'), data: JSON.parse(data) };
      }
    }
  }
}

const view = async (reader: EventReader): Promise<RoomView> => (await reader.next('room')).data as RoomView;

describe('room events', () => {
  it('begin with the room as it is, then follow each change', async () => {
    const reader = new EventReader(http.room.secrets().hostKey);
    expect((await view(reader)).name).toBe('The show');
    expect(reader.retryMs).toBeGreaterThan(0);
    await http.room.rename('Another name');
    expect((await view(reader)).name).toBe('Another name');
  });

  it('tell the host of a knock, and the public of switches only', async () => {
    const host = new EventReader(http.room.secrets().hostKey);
    const viewer = new EventReader();
    await view(host);
    await view(viewer);
    http.room.addGuest({ name: 'Ada' });
    http.room.emit({ type: 'switched', mode: 'live', source: 'relay', tookMs: 90 });
    expect((await host.next('knock')).data).toMatchObject({ name: 'Ada' });
    expect((await host.next('switched')).data).toMatchObject({ tookMs: 90 });
    const first = await viewer.next('switched');
    expect(first.data).toMatchObject({ source: 'relay' });
  });

  it('repeat what a client missed while it was away', async () => {
    const { hostKey } = http.room.secrets();
    const before = new EventReader(hostKey);
    await view(before);
    http.room.emit({ type: 'warning', message: 'first' });
    const { id } = await before.next('warning');
    before.close();
    http.room.emit({ type: 'warning', message: 'second' });
    const after = new EventReader(hostKey, id);
    expect((await after.next('warning')).data).toMatchObject({ message: 'second' });
  });

  it('end for a guest who is sent away, after telling why', async () => {
    const guest = http.room.addGuest({ name: 'Ada' });
    const reader = new EventReader(await http.tokens.participant(http.room, guest.id));
    expect((await view(reader)).participants.map(({ name }) => name)).toEqual(['Host', 'Ada']);
    await http.room.removeParticipant(guest.id, 'removed by the host');
    expect((await reader.next('left')).data).toMatchObject({ reason: 'removed by the host' });
    await reader.ended();
  });

  it('end when the room is deleted', async () => {
    const reader = new EventReader();
    await view(reader);
    await http.rooms.delete('show');
    await reader.next('closed');
    await reader.ended();
  });

  it('cost a slow client its stream, not the server its memory', async () => {
    const { connect } = await import('node:net');
    const socket = connect(Number(new URL(http.base).port), '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(
      `GET /api/v1/rooms/show/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${http.room.secrets().hostKey}\r\n\r\n`,
    );
    const probe = new EventReader(http.room.secrets().hostKey);
    await view(probe);
    const message = 'x'.repeat(100_000);
    // Kernel buffers take some megabytes before anything piles up on our side.
    for (let index = 0; index < 200; index += 1) http.room.emit({ type: 'warning', message });
    probe.close();
    socket.resume();
    await closed;
  });
});
