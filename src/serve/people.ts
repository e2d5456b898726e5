import { randomUUID } from 'node:crypto';
import { InvalidStateError } from '../base/errors.js';
import { newKey, secretsEqual } from './auth/secret.js';
import { NotFoundError } from './errors.js';
import { HOST_ID, Participant } from './participant.js';
import type { RtmpGuestRecord } from './state/state-store.js';

/** Host and guests together: what the mixer's layouts are made for. */
const MAX_ACCEPTED = 6;
const MAX_WAITING = 20;

/** The people of a room: its host, and the guests who knocked or were given a stream key. */
export class People {
  readonly #roomId: string;
  readonly #participants = new Map<string, Participant>();

  constructor(roomId: string, rtmpGuests: readonly RtmpGuestRecord[]) {
    this.#roomId = roomId;
    this.#add(Participant.host('Host'));
    for (const guest of rtmpGuests) this.#add(Participant.rtmpGuest(guest));
  }

  get byId(): ReadonlyMap<string, Participant> {
    return this.#participants;
  }

  get all(): Participant[] {
    return [...this.#participants.values()];
  }

  get host(): Participant {
    return this.get(HOST_ID);
  }

  /** @throws NotFoundError */
  get(id: string): Participant {
    const participant = this.#participants.get(id);
    if (participant === undefined) throw new NotFoundError(`no participant ${id} in room ${this.#roomId}`);
    return participant;
  }

  /** The guest whose stream key this is. */
  byStreamKey(key: string): Participant | undefined {
    return this.all.find(({ streamKey }) => streamKey !== undefined && secretsEqual(key, streamKey));
  }

  /** The guests that outlive a restart of the server. */
  get rtmpGuests(): RtmpGuestRecord[] {
    return this.all.flatMap(({ id, name, streamKey }) =>
      streamKey === undefined ? [] : [{ id, name, streamKey }],
    );
  }

  /** Somebody knocks. @throws InvalidStateError when too many wait already */
  addGuest(name: string): Participant {
    const waiting = this.#count('waiting');
    if (waiting >= MAX_WAITING) throw new InvalidStateError(`${waiting} guests are waiting already`);
    return this.#add(Participant.guest(name));
  }

  /** A guest with a stream key, let in from the first. @throws InvalidStateError when the room is full */
  addRtmpGuest(name: string): Participant {
    this.#requirePlace();
    return this.#add(Participant.rtmpGuest({ id: randomUUID(), name, streamKey: newKey() }));
  }

  /** @throws NotFoundError; InvalidStateError when the room is full */
  accept(id: string): Participant {
    const guest = this.get(id);
    if (guest.state === 'waiting') this.#requirePlace();
    guest.state = 'accepted';
    return guest;
  }

  /** @throws NotFoundError; InvalidStateError for the host */
  remove(id: string): Participant {
    const participant = this.get(id);
    if (participant.role === 'host') throw new InvalidStateError('the host cannot be removed from the room');
    this.#participants.delete(id);
    return participant;
  }

  #add(participant: Participant): Participant {
    this.#participants.set(participant.id, participant);
    return participant;
  }

  #requirePlace(): void {
    const accepted = this.#count('accepted');
    if (accepted < MAX_ACCEPTED) return;
    throw new InvalidStateError(`the room is full: ${accepted} of ${MAX_ACCEPTED} people are in it`, {
      hint: 'Remove a guest first.',
    });
  }

  #count(state: Participant['state']): number {
    return this.all.filter((participant) => participant.state === state).length;
  }
}
