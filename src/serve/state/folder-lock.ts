import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { InvalidStateError } from '../../base/errors.js';

export const LOCK_NAME = 'server.lock';
/** `sun_path` of unix(7) has 108 bytes, the final zero included. */
const MAX_SOCKET_PATH = 100;
/** A living holder answers in well under a millisecond; one that is busy is still alive. */
const ANSWER_LIMIT_MS = 2_000;

/**
 * One server at a time for a folder: a unix socket in it that the holder listens on. When the holder dies, however it
 * dies, nobody listens any more, and the next server takes the leftover away.
 */
export class FolderLock {
  readonly #server: Server;
  readonly #directory: FileHandle | undefined;
  #releasing: Promise<void> | undefined;

  private constructor(server: Server, directory: FileHandle | undefined) {
    this.#server = server;
    this.#directory = directory;
  }

  /** @throws InvalidStateError when a living server holds it, naming its process */
  static async take(folder: string): Promise<FolderLock> {
    const isLong = Buffer.byteLength(folder) + LOCK_NAME.length + 24 > MAX_SOCKET_PATH;
    // Linux resolves a long folder through a descriptor of it.
    const directory = isLong ? await open(folder, 'r') : undefined;
    const reach = directory === undefined ? folder : `/proc/self/fd/${directory.fd}`;
    try {
      return new FolderLock(await listenAlone(folder, reach), directory);
    } catch (error) {
      await directory?.close();
      throw error;
    }
  }

  /** Idempotent. */
  release(): Promise<void> {
    this.#releasing ??= new Promise<void>((resolve) => this.#server.close(() => resolve())).then(() =>
      this.#directory?.close(),
    );
    return this.#releasing;
  }
}

async function listenAlone(folder: string, reach: string): Promise<Server> {
  const path = join(reach, LOCK_NAME);
  for (;;) {
    const server = await listen(path);
    if (server !== undefined) return server;
    const holder = await ask(path);
    if (holder !== undefined) throw inUse(folder, holder);
    // Moved aside before it is judged again: another server may have taken its place in between.
    const aside = `${path}.${randomBytes(4).toString('hex')}`;
    if (!(await attempt(rename(path, aside)))) continue;
    const successor = await ask(aside);
    if (successor !== undefined) await attempt(link(aside, path));
    await rm(aside, { force: true });
    if (successor !== undefined) throw inUse(folder, successor);
  }
}

/** @returns undefined when the path is taken, by the living or the dead */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).end(`${process.pid}`);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(new InvalidStateError(`${path}: cannot be locked: ${error.message}`, { cause: error }));
    });
    // The lock alone keeps no process alive.
    server.listen(path, () => resolve(server.unref()));
  });
}

/** @returns what the holder says of itself (its process id), '' when it says nothing; undefined when there is none */
function ask(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    let isAlive = false;
    const socket = connect(path);
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.on('connect', () => (isAlive = true));
    socket.on('data', (data) => (said = (said + data.toString('latin1')).slice(0, 16)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(isAlive ? said : undefined));
  });
}

function inUse(folder: string, holder: string): InvalidStateError {
  const which = /^\d+$/.test(holder) ? ` (process ${holder})` : '';
  return new InvalidStateError(`the state folder ${folder} is in use by another AnchorNet server${which}`, {
    hint: 'Stop that one first, or give this one a folder of its own by --state.',
  });
}

function attempt(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
