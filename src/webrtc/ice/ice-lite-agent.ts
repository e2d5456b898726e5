import { randomCredentials, type IceCredentials } from './credentials.js';
import type { Path } from './path.js';
import { buildBindingSuccess, StunClass, verifyIntegrity, type StunMessage } from './stun.js';

/** Addresses one peer may have nominated at once; the oldest gives way. */
const MAX_PATHS = 8;

export interface IceLiteEvents {
  /** A path was nominated for the first time. False when its address is in use by another session. */
  readonly onPathAdded: (path: Path) => boolean;
  /** A path is forgotten. */
  readonly onPathRemoved: (path: Path) => void;
}

/**
 * ICE-lite (RFC 8445 §2.5): answers the peer's checks and follows its nominations. Only an authentic USE-CANDIDATE
 * opens a path, so nobody without the session's password can move, or feed, the session.
 */
export class IceLiteAgent {
  readonly #events: IceLiteEvents;
  readonly #paths = new Map<string, Path>();
  #local = randomCredentials();
  /** Those of before an ICE restart, valid until the peer nominates with the new ones. */
  #previous: { readonly local: IceCredentials; readonly remoteUfrag: string } | undefined;
  #remoteUfrag: string;
  #selected: Path | undefined;

  constructor(remoteUfrag: string, events: IceLiteEvents) {
    this.#remoteUfrag = remoteUfrag;
    this.#events = events;
  }

  get local(): IceCredentials {
    return this.#local;
  }

  get remoteUfrag(): string {
    return this.#remoteUfrag;
  }

  get selected(): Path | undefined {
    return this.#selected;
  }

  get localUfrags(): readonly string[] {
    return this.#previous === undefined
      ? [this.#local.ufrag]
      : [this.#local.ufrag, this.#previous.local.ufrag];
  }

  /** New credentials (RFC 8445 §9); media goes on over the old path until the peer nominates with them. */
  restart(remoteUfrag: string): void {
    this.#previous = { local: this.#local, remoteUfrag: this.#remoteUfrag };
    this.#local = randomCredentials();
    this.#remoteUfrag = remoteUfrag;
  }

  /**
   * Takes a STUN message whose user name begins with one of our fragments. Returns whether it was authentic; only
   * then anything is sent or kept.
   */
  receive(datagram: Buffer, message: StunMessage, path: Path): boolean {
    if (message.type !== StunClass.request || message.username === undefined) return false;
    const credentials = this.#credentialsFor(message.username);
    if (credentials === undefined || !verifyIntegrity(datagram, message, credentials.password)) return false;
    path.send(buildBindingSuccess(message, path, credentials.password));
    if (message.useCandidate) {
      if (credentials === this.#local) this.#previous = undefined;
      this.#nominate(path);
    }
    return true;
  }

  /** Forgets a path whose socket is gone. */
  removePath(path: Path): void {
    const known = this.#paths.get(path.key);
    if (known === undefined) return;
    this.#paths.delete(path.key);
    this.#events.onPathRemoved(known);
    if (this.#selected === known) this.#selected = [...this.#paths.values()].at(-1);
  }

  close(): void {
    for (const path of this.#paths.values()) this.#events.onPathRemoved(path);
    this.#paths.clear();
    this.#selected = undefined;
  }

  #credentialsFor(username: string): IceCredentials | undefined {
    if (username === `${this.#local.ufrag}:${this.#remoteUfrag}`) return this.#local;
    const previous = this.#previous;
    if (previous !== undefined && username === `${previous.local.ufrag}:${previous.remoteUfrag}`)
      return previous.local;
    return undefined;
  }

  /** The newest nomination wins: a peer that moves to another network keeps nominating where it wants to be. */
  #nominate(path: Path): void {
    const known = this.#paths.get(path.key);
    if (known !== undefined) {
      this.#selected = known;
      return;
    }
    if (!this.#events.onPathAdded(path)) return;
    this.#paths.set(path.key, path);
    this.#selected = path;
    this.#evict();
  }

  #evict(): void {
    if (this.#paths.size <= MAX_PATHS) return;
    for (const path of this.#paths.values()) {
      if (path === this.#selected) continue;
      this.removePath(path);
      return;
    }
  }
}
