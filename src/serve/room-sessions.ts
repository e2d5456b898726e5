import { InvalidOptionError, InvalidStateError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { PacketSource } from '../sfu/packet-source.js';
import type { Sfu } from '../sfu/sfu.js';
import { NotFoundError } from './errors.js';
import { MediaSessions } from './media-sessions.js';
import type { Participant } from './participant.js';
import type { People } from './people.js';
import { WhipPublisher, type Publisher } from './publisher.js';
import type { OfferOptions, RoomEvent, SessionAnswer } from './room-api.js';
import type { RoomProgram } from './room-program.js';

export interface RoomSessionsOptions {
  readonly sfu: Sfu;
  readonly people: People;
  readonly program: RoomProgram;
  readonly logger: Logger;
  readonly emit: (event: RoomEvent) => void;
}

/** A room's media sessions: what its people publish goes to the program, and both are played by WHEP. */
export class RoomSessions {
  readonly open = new MediaSessions();
  readonly #options: RoomSessionsOptions;

  constructor(options: RoomSessionsOptions) {
    this.#options = options;
  }

  async publish(participantId: string, options: OfferOptions): Promise<SessionAnswer> {
    const { sfu, people } = this.#options;
    const participant = people.get(participantId);
    const { answerSdp, publication } = await sfu.publish(options.offerSdp, negotiation(options));
    if (people.byId.get(participantId) !== participant) {
      publication.close('the participant left meanwhile');
      throw new NotFoundError(`participant ${participantId} left meanwhile`);
    }
    this.take(participant, new WhipPublisher(publication));
    return this.open.add('whip', options.subject, { answerSdp, session: publication });
  }

  /** A media session of this participant begins and takes the place of the one before. */
  take(participant: Participant, publisher: Publisher): void {
    const { program, logger, emit } = this.#options;
    const before = participant.publisher;
    participant.publisher = publisher;
    publisher.on('unit', (unit, arrivalUs) => {
      if (participant.publisher === publisher) program.write(participant.id, unit, arrivalUs);
    });
    publisher.once('closed', (reason) => {
      if (participant.publisher !== publisher) return;
      participant.publisher = undefined;
      program.endSession(participant);
      if (participant.streamKey !== undefined) program.update(participant);
      logger.info({ participant: participant.id, reason }, 'media session ended');
      emit({ type: 'changed' });
    });
    if (before !== undefined) this.#replace(before, participant.id);
    program.beginSession(participant);
    emit({ type: 'changed' });
  }

  async subscribe(
    to: { readonly participant: string } | 'program',
    options: OfferOptions,
  ): Promise<SessionAnswer> {
    const { sfu, people, program } = this.#options;
    const source = to === 'program' ? program.track : packetsOf(people.get(to.participant));
    const { answerSdp, subscription } = await sfu.subscribe(options.offerSdp, source, negotiation(options));
    if (to === 'program') {
      program.followViewers();
      subscription.once('closed', () => program.followViewers());
    }
    return this.open.add('whep', options.subject, { answerSdp, session: subscription });
  }

  /** Somebody leaves the room, with all that they publish and play. */
  async endAllOf(participant: Participant, reason: string): Promise<void> {
    await Promise.all([participant.publisher?.close(reason), this.open.endOf(`guest:${participant.id}`)]);
  }

  async close(): Promise<void> {
    await this.open.close();
    for (const { publisher } of this.#options.people.all) void publisher?.close('room closed');
  }

  #replace(publisher: Publisher, participantId: string): void {
    const sessionId = publisher instanceof WhipPublisher ? this.open.idOf(publisher.publication) : undefined;
    void publisher.close('replaced by a new session of the same participant');
    if (sessionId !== undefined) this.#options.emit({ type: 'replaced', participantId, sessionId });
  }
}

function packetsOf({ id, publisher }: Participant): PacketSource {
  if (publisher === undefined) throw new InvalidStateError(`participant ${id} does not publish now`);
  if (publisher instanceof WhipPublisher) return publisher.publication;
  throw new InvalidOptionError(`participant ${id} publishes by RTMP, which WHEP cannot carry`, {
    hint: 'Subscribe to the program instead.',
  });
}

function negotiation({ signal, remoteAddress }: OfferOptions): { signal?: AbortSignal; source: string } {
  return { source: remoteAddress, ...(signal === undefined ? {} : { signal }) };
}
