import { randomUUID } from 'node:crypto';
import type { ParticipantSettings, Role } from '../media/participant.js';
import type { ParticipantChange, ParticipantState, ParticipantView } from './room-api.js';
import type { Publisher } from './publisher.js';
import type { RtmpGuestRecord } from './state/state-store.js';

export const HOST_ID = 'host';

/** The host or one guest of a room, with the media session it has at the moment. */
export class Participant {
  readonly id: string;
  readonly role: Role;
  name: string;
  state: ParticipantState;
  publisher: Publisher | undefined;
  /** Of a guest who comes by OBS or ffmpeg. A secret. */
  readonly streamKey: string | undefined;
  #gainDb = 0;
  #muted = false;

  private constructor(role: Role, id: string, name: string, state: ParticipantState, streamKey?: string) {
    this.role = role;
    this.id = id;
    this.name = name;
    this.state = state;
    this.streamKey = streamKey;
  }

  static host(name: string): Participant {
    return new Participant('host', HOST_ID, name, 'accepted');
  }

  static guest(name: string): Participant {
    return new Participant('guest', randomUUID(), name, 'waiting');
  }

  /** The host made the key for this guest: who has it is let in. */
  static rtmpGuest({ id, name, streamKey }: RtmpGuestRecord): Participant {
    return new Participant('guest', id, name, 'accepted', streamKey);
  }

  change({ name, gainDb, muted }: ParticipantChange): void {
    this.name = name ?? this.name;
    this.#gainDb = gainDb ?? this.#gainDb;
    this.#muted = muted ?? this.#muted;
  }

  /** What the mixer goes by. */
  settings(): ParticipantSettings {
    // A guest by RTMP was let in before anything came: no empty tile for who is not there.
    const isThere = this.streamKey === undefined || this.publisher !== undefined;
    return {
      role: this.role,
      name: this.name,
      gainDb: this.#gainDb,
      muted: this.#muted,
      onAir: this.role === 'host' || (this.state === 'accepted' && isThere),
    };
  }

  view(collab: boolean): ParticipantView {
    const publishing = this.publisher !== undefined;
    return {
      id: this.id,
      role: this.role,
      name: this.name,
      state: this.state,
      gainDb: this.#gainDb,
      muted: this.#muted,
      onAir: publishing && (this.role === 'host' || (collab && this.state === 'accepted')),
      publishing,
      protocol: this.publisher?.protocol ?? null,
      hasStreamKey: this.streamKey !== undefined,
      stats: this.publisher?.stats() ?? null,
    };
  }
}
