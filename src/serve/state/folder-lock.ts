import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { InvalidStateError } from '../../base/errors.js';

/** Followed by a dot and a number from 1. */
export const LOCK_NAME = 'server.lock';
/** `sun_path` of unix(7) has 108 bytes, the final zero included. */
const MAX_SOCKET_PATH = 100;
/** Of the separator and number behind the name. */
const NUMBER_LENGTH = 18;
/** A living holder answers in well under a millisecond; one that is busy is still alive. */
const ANSWER_LIMIT_MS = 2_000;

/**
 * One server at a time for a folder: a unix socket in it that the holder listens on. When the holder dies, however it
 * dies, nobody listens any more, and the next server listens on a socket of the next number: the highest number that
 * somebody listens on holds the folder. A leftover is only removed by who holds a higher number, so that no two servers
 * that find it at once can both come out on top.
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
    const isLong = Buffer.byteLength(folder) + LOCK_NAME.length + NUMBER_LENGTH > MAX_SOCKET_PATH;
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
  const at = (number: number): string => join(reach, `${LOCK_NAME}.${number}`);
  for (;;) {
    const leftover = (await numbersIn(reach)).at(-1);
    const holder = leftover === undefined ? undefined : await ask(at(leftover));
    if (holder !== undefined) throw inUse(folder, holder);
    const number = (leftover ?? 0) + 1;
    const server = await listen(at(number));
    // Another one was faster: it is asked in the next round.
    if (server === undefined) continue;
    for (const other of await numbersIn(reach)) {
      if (other < number) await rm(at(other), { force: true });
      const successor = other > number ? await ask(at(other)) : undefined;
      if (successor === undefined) continue;
      server.close();
      throw inUse(folder, successor);
    }
    return server;
  }
}

/** Numbers of the sockets in a folder, ascending. */
async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  const numbers = names.map((name) =>
    name.startsWith(`${LOCK_NAME}.`) ? Number(name.slice(LOCK_NAME.length + 1)) : 0,
  );
  return numbers.filter((number) => Number.isSafeInteger(number) && number > 0).sort((a, b) => a - b);
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
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // What refuses for another reason, such as a full queue, is not dead.
      if (code !== 'ECONNREFUSED' && code !== 'ENOENT') isAlive = true;
    });
    socket.on('close', () => resolve(isAlive ? said : undefined));
  });
}

function inUse(folder: string, holder: string): InvalidStateError {
  const which = /^\d+$/.test(holder) ? ` (process ${holder})` : '';
  return new InvalidStateError(`the state folder ${folder} is in use by another AnchorNet server${which}`, {
    hint: 'Stop that one first, or give this one a folder of its own by --state.',
  });
}
