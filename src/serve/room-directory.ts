import { EventEmitter } from 'node:events';
import { InvalidOptionError, InvalidStateError } from '../base/errors.js';
import { checkProgramSettings, type ProgramSettings } from '../media/program-settings.js';
import { newKey } from './auth/secret.js';
import { NotFoundError } from './errors.js';
import type { Room } from './room.js';
import type { CreateRoomOptions, DirectoryEvent, RoomDirectory, RoomEvent } from './room-api.js';
import type { RoomRecord, StateStore } from './state/state-store.js';

const MAX_ROOMS = 100;
const MAX_ID_LENGTH = 48;

export interface RoomsOptions {
  readonly store: StateStore;
  /** What a new room starts from. */
  readonly settings: ProgramSettings;
  readonly makeRoom: (record: RoomRecord) => Room;
}

/** All rooms of this server, those of the state folder from the start. */
export class Rooms implements RoomDirectory {
  readonly #options: RoomsOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #events = new EventEmitter<{ event: [roomId: string, event: RoomEvent | DirectoryEvent] }>();

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.#events.setMaxListeners(0);
    for (const record of options.store.rooms()) this.#add(record);
  }

  list(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  get(id: string): Room | undefined {
    return this.#rooms.get(id);
  }

  async create({ id, name, settings }: CreateRoomOptions): Promise<Room> {
    if (this.#rooms.size >= MAX_ROOMS) throw new InvalidStateError(`there are ${MAX_ROOMS} rooms already`);
    const roomId = id ?? this.#freeId(name);
    if (!/^[a-z0-9][a-z0-9-]*$/.test(roomId) || roomId.length > MAX_ID_LENGTH) {
      throw new InvalidOptionError(
        `room id: expected up to ${MAX_ID_LENGTH} lower-case letters, digits and hyphens, got ${JSON.stringify(roomId.slice(0, 64))}`,
      );
    }
    if (this.#rooms.has(roomId)) throw new InvalidStateError(`room ${roomId} exists already`);
    const record: RoomRecord = {
      id: roomId,
      name,
      hostKey: newKey(),
      rtmpStreamKey: newKey(),
      inviteGeneration: newKey(),
      settings: checkProgramSettings({ ...this.#options.settings, ...settings }),
      targets: [],
      createdAt: new Date().toISOString(),
    };
    const room = this.#add(record);
    await this.#options.store.putRoom(record);
    this.#events.emit('event', roomId, { type: 'created' });
    return room;
  }

  async delete(id: string): Promise<void> {
    const room = this.#rooms.get(id);
    if (room === undefined) throw new NotFoundError(`room ${id} does not exist`);
    this.#rooms.delete(id);
    await room.close();
    await this.#options.store.removeRoom(id);
    this.#events.emit('event', id, { type: 'deleted' });
  }

  subscribe(listener: (roomId: string, event: RoomEvent | DirectoryEvent) => void): () => void {
    this.#events.on('event', listener);
    return () => this.#events.off('event', listener);
  }

  /** Whose stream key this is. */
  byStreamKey(key: string): { room: Room; participantId: string } | undefined {
    for (const room of this.list()) {
      const participantId = room.byStreamKey(key);
      if (participantId !== undefined) return { room, participantId };
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map((room) => room.close()));
  }

  #add(record: RoomRecord): Room {
    const room = this.#options.makeRoom(record);
    this.#rooms.set(record.id, room);
    room.subscribe((event) => this.#events.emit('event', record.id, event));
    return room;
  }

  #freeId(name: string): string {
    const base =
      name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .slice(0, MAX_ID_LENGTH - 4)
        .replace(/^-+|-+$/g, '') || 'room';
    for (let n = 1; ; n++) {
      const id = n === 1 ? base : `${base}-${n}`;
      if (!this.#rooms.has(id)) return id;
    }
  }
}
