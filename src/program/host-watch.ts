import { hostPresence, type Presence } from './host-presence.js';
import type { ParticipantMedia } from './participant-media.js';

/** Follows whether the host is there, since when it is not, and what a change of the program goes back to. */
export class HostWatch {
  #presence: Presence = 'gone';
  #goneSinceUs: number | undefined;

  get presence(): Presence {
    return this.#presence;
  }

  /** @returns whether the presence has changed */
  look(host: ParticipantMedia | undefined, nowUs: number, heardUs: number): boolean {
    const before = this.#presence;
    this.#presence = hostPresence(host, nowUs, heardUs);
    this.#goneSinceUs = this.#presence === 'gone' ? (this.#goneSinceUs ?? heardUs) : undefined;
    return this.#presence !== before;
  }

  /** How long the host has been gone, in µs; 0 while it is there. */
  goneForUs(heardUs: number): number {
    return this.#goneSinceUs === undefined ? 0 : heardUs - this.#goneSinceUs;
  }
}
