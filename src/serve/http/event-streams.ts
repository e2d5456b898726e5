import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { DirectoryEvent, RoomApi, RoomDirectory, RoomEvent } from '../room-api.js';
import { isToldOf, visibleRoom, type Audience } from './room-visibility.js';

/** A client this far behind is cut off; it comes back by itself and is told the present state. */
const MAX_PENDING_BYTES = 256 * 1024;
const MAX_CLIENTS_PER_ROOM = 1_000;
const MAX_CLIENTS_PER_SOURCE = 100;
/** Events kept for clients that come back with Last-Event-ID. */
const REPLAY_LENGTH = 64;
const RETRY_MS = 1_000;
/** Proxies cut connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** Figures in the view change all the time; people need them once a second. */
const REFRESH_MS = 1_000;
/** Changes in one burst share one view. */
const COALESCE_MS = 50;

interface Client {
  readonly response: ServerResponse;
  readonly audience: Audience;
  readonly source: string;
  /** The last view sent, to send none twice. */
  lastView: string;
}

interface RoomStream {
  readonly room: RoomApi;
  readonly clients: Set<Client>;
  readonly replay: { readonly id: number; readonly event: RoomEvent }[];
  pendingView: NodeJS.Timeout | undefined;
}

export interface AttachOptions {
  readonly response: ServerResponse;
  readonly audience: Audience;
  /** Address of the client. */
  readonly source: string;
  readonly lastEventId: string | undefined;
}

/**
 * Server-sent events of all rooms. Each client gets a `room` event (the view, as its audience may see it) at once and
 * whenever it changes, and the discrete events in between under their own names.
 */
export class EventStreams {
  /** Tells ids of this run from those of one before. */
  readonly #run = randomBytes(4).toString('hex');
  readonly #streams = new Map<string, RoomStream>();
  readonly #rooms: RoomDirectory;
  readonly #unsubscribe: () => void;
  readonly #timers: readonly NodeJS.Timeout[];
  #lastId = 0;

  constructor(rooms: RoomDirectory) {
    this.#rooms = rooms;
    this.#unsubscribe = rooms.subscribe((roomId, event) => this.#onEvent(roomId, event));
    this.#timers = [
      setInterval(() => this.#refreshAll(), REFRESH_MS).unref(),
      setInterval(() => this.#heartbeat(), HEARTBEAT_MS).unref(),
    ];
  }

  /** @returns false when there is no room for another client */
  attach(room: RoomApi, options: AttachOptions): boolean {
    const stream = this.#streamOf(room);
    const fromSource = [...stream.clients].filter(({ source }) => source === options.source).length;
    if (stream.clients.size >= MAX_CLIENTS_PER_ROOM || fromSource >= MAX_CLIENTS_PER_SOURCE) return false;
    const { response, audience, source } = options;
    const client: Client = { response, audience, source, lastView: '' };
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    stream.clients.add(client);
    response.on('close', () => stream.clients.delete(client));
    response.on('error', () => stream.clients.delete(client));
    for (const { id, event } of this.#missedSince(stream, options.lastEventId)) this.#tell(client, id, event);
    this.#sendView(stream, client, new Map());
    return true;
  }

  /** Ends the streams of those who may no longer listen as what they came as. */
  detach(roomId: string, audience: Audience): void {
    for (const client of this.#streams.get(roomId)?.clients ?? []) {
      if (client.audience === audience) client.response.end();
    }
  }

  close(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) clearInterval(timer);
    for (const id of [...this.#streams.keys()]) this.#drop(id);
  }

  #streamOf(room: RoomApi): RoomStream {
    const known = this.#streams.get(room.id);
    if (known?.room === room) return known;
    const stream: RoomStream = { room, clients: new Set(), replay: [], pendingView: undefined };
    this.#streams.set(room.id, stream);
    return stream;
  }

  #onEvent(roomId: string, event: RoomEvent | DirectoryEvent): void {
    if (event.type === 'created') return;
    if (event.type === 'deleted') return this.#drop(roomId);
    const room = this.#rooms.get(roomId);
    if (room === undefined) return;
    const stream = this.#streamOf(room);
    this.#scheduleView(stream);
    if (event.type === 'changed') return;
    const id = ++this.#lastId;
    stream.replay.push({ id, event });
    if (stream.replay.length > REPLAY_LENGTH) stream.replay.shift();
    for (const client of stream.clients) this.#tell(client, id, event);
    if (event.type === 'left') this.detach(roomId, `guest:${event.participantId}`);
  }

  #scheduleView(stream: RoomStream): void {
    if (stream.clients.size === 0) return;
    stream.pendingView ??= setTimeout(() => {
      stream.pendingView = undefined;
      this.#refresh(stream);
    }, COALESCE_MS).unref();
  }

  #refreshAll(): void {
    for (const stream of this.#streams.values()) this.#refresh(stream);
  }

  #refresh(stream: RoomStream): void {
    const views = new Map<Audience, string>();
    for (const client of stream.clients) this.#sendView(stream, client, views);
  }

  #sendView(stream: RoomStream, client: Client, views: Map<Audience, string>): void {
    const { audience } = client;
    const view = views.get(audience) ?? JSON.stringify(visibleRoom(stream.room, audience));
    views.set(audience, view);
    if (view === client.lastView) return;
    client.lastView = view;
    this.#write(client, `event: room\ndata: ${view}\n\n`);
  }

  #tell(client: Client, id: number, event: RoomEvent): void {
    if (!isToldOf(client.audience, event)) return;
    this.#write(client, `id: ${this.#run}-${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  #write({ response }: Client, text: string): void {
    if (response.writableLength > MAX_PENDING_BYTES) {
      response.destroy();
      return;
    }
    response.write(text);
  }

  #heartbeat(): void {
    for (const stream of this.#streams.values()) {
      for (const client of stream.clients) this.#write(client, ':\n\n');
    }
  }

  #missedSince(stream: RoomStream, lastEventId: string | undefined): RoomStream['replay'] {
    const [run, id] = lastEventId?.split('-') ?? [];
    return run === this.#run ? stream.replay.filter((entry) => entry.id > Number(id)) : [];
  }

  #drop(roomId: string): void {
    const stream = this.#streams.get(roomId);
    if (stream === undefined) return;
    this.#streams.delete(roomId);
    clearTimeout(stream.pendingView);
    for (const { response } of stream.clients) response.end();
  }
}
