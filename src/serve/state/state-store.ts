import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidStateError } from '../../base/errors.js';
import { silentLogger, type Logger } from '../../base/logger.js';
import type { ProgramSettings } from '../../media/program-settings.js';
import { FolderLock } from './folder-lock.js';
import { StateFile } from './state-file.js';

export interface TargetRecord {
  readonly id: string;
  readonly name: string;
  /** Stream key included. */
  readonly url: string;
  readonly enabled: boolean;
}

/** A guest who comes by OBS or ffmpeg: the key stays good until the host removes the guest. */
export interface RtmpGuestRecord {
  readonly id: string;
  readonly name: string;
  readonly streamKey: string;
}

/** All of a room that outlives the process. */
export interface RoomRecord {
  readonly id: string;
  readonly name: string;
  readonly hostKey: string;
  readonly rtmpStreamKey: string;
  /** Part of each invite token; replaced to revoke them. */
  readonly inviteGeneration: string;
  readonly settings: ProgramSettings;
  readonly targets: readonly TargetRecord[];
  /** Absent in states written before there were any. */
  readonly rtmpGuests?: readonly RtmpGuestRecord[];
  /** ISO 8601. */
  readonly createdAt: string;
}

interface StateContent {
  /** Signs invite tokens; 32 bytes, base64url. */
  readonly signingSecret: string;
  readonly rooms: readonly RoomRecord[];
}

export const STATE_FILE_NAME = 'anchornet.json';

/** `~/.anchornet` */
export function defaultStateFolder(): string {
  return join(homedir(), '.anchornet');
}

/** Rooms, keys, targets and settings, in memory and on disk. */
export class StateStore {
  readonly folder: string;
  readonly #lock: FolderLock;
  readonly #file: StateFile;
  readonly #signingSecret: string;
  readonly #rooms: Map<string, RoomRecord>;
  #dirty = false;
  #writing: Promise<void> | undefined;

  private constructor(lock: FolderLock, folder: string, file: StateFile, content: StateContent) {
    this.folder = folder;
    this.#lock = lock;
    this.#file = file;
    this.#signingSecret = content.signingSecret;
    this.#rooms = new Map(content.rooms.map((room) => [room.id, room]));
  }

  /** @throws InvalidStateError when another server uses the folder, or the state is damaged beyond its backup */
  static async open(options: { readonly folder: string; readonly logger?: Logger }): Promise<StateStore> {
    const { folder, logger = silentLogger } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await FolderLock.take(folder);
    try {
      const file = new StateFile(join(folder, STATE_FILE_NAME), logger);
      const content = await file.read();
      if (content !== undefined) return new StateStore(lock, folder, file, checkContent(content, file.path));
      const signingSecret = randomBytes(32).toString('base64url');
      const store = new StateStore(lock, folder, file, { signingSecret, rooms: [] });
      await store.#save();
      return store;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Key of invite and participant tokens. */
  get signingSecret(): Uint8Array {
    return Buffer.from(this.#signingSecret, 'base64url');
  }

  rooms(): readonly RoomRecord[] {
    return [...this.#rooms.values()];
  }

  room(id: string): RoomRecord | undefined {
    return this.#rooms.get(id);
  }

  /** Adds or replaces a room; resolves when it is on disk. */
  async putRoom(record: RoomRecord): Promise<void> {
    this.#rooms.set(record.id, record);
    await this.#save();
  }

  async removeRoom(id: string): Promise<void> {
    if (this.#rooms.delete(id)) await this.#save();
  }

  /** Waits for what is being written and leaves the folder to others. Idempotent. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#lock.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Changes that come while a write is under way share the next one. */
  async #save(): Promise<void> {
    this.#dirty = true;
    this.#writing ??= this.#writeUntilClean().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #writeUntilClean(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      const content: StateContent = { signingSecret: this.#signingSecret, rooms: this.rooms() };
      await this.#file.write(content);
    }
  }
}

function checkContent(content: unknown, path: string): StateContent {
  const candidate = content as Partial<StateContent>;
  if (typeof candidate.signingSecret !== 'string' || !Array.isArray(candidate.rooms)) {
    throw new InvalidStateError(`state file ${path} is intact but not a state of this program`, {
      hint: 'Point --state at another folder.',
    });
  }
  return candidate as StateContent;
}
