import { EventEmitter } from 'node:events';
import { InvalidStateError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  checkProgramSettings,
  type Layout,
  type Mode,
  type ProgramSettings,
} from '../media/program-settings.js';
import { parseRtmpUrl } from '../rtmp/url.js';
import type { Sfu } from '../sfu/sfu.js';
import { newKey, secretsEqual } from './auth/secret.js';
import { NotFoundError } from './errors.js';
import { HOST_ID, type Participant } from './participant.js';
import { People } from './people.js';
import type { ProgramOutput } from './program-output.js';
import type { Publisher } from './publisher.js';
import { RoomProgram } from './room-program.js';
import type {
  OfferOptions,
  ParticipantChange,
  ParticipantView,
  RecordingView,
  RoomApi,
  RoomEvent,
  RoomEventListener,
  RoomMetrics,
  RoomSecrets,
  RoomView,
  SessionAnswer,
  SessionInfo,
  SessionPatch,
  TargetInput,
  TargetView,
} from './room-api.js';
import { RoomSessions } from './room-sessions.js';
import { roomMetrics, roomView, type RoomParts } from './room-view.js';
import type { RoomRecord, StateStore } from './state/state-store.js';

export interface RoomOptions {
  readonly record: RoomRecord;
  readonly store: StateStore;
  readonly sfu: Sfu;
  readonly output: ProgramOutput;
  /** Where OBS pushes to, without the stream key. */
  readonly rtmpUrl: string;
  readonly logger: Logger;
}

/** One channel: its people, its program, its outputs. */
export class Room implements RoomApi {
  readonly #store: StateStore;
  readonly #output: ProgramOutput;
  readonly #rtmpUrl: string;
  readonly #logger: Logger;
  readonly #people: People;
  readonly #program: RoomProgram;
  readonly #sessions: RoomSessions;
  readonly #events = new EventEmitter<{ event: [event: RoomEvent] }>();
  #record: RoomRecord;

  constructor({ record, store, sfu, output, rtmpUrl, logger }: RoomOptions) {
    this.#record = record;
    this.#store = store;
    this.#output = output;
    this.#rtmpUrl = rtmpUrl;
    this.#logger = logger;
    const people = new People(record.id, record.rtmpGuests ?? []);
    this.#people = people;
    const settings = (): ProgramSettings => this.#record.settings;
    const program = new RoomProgram({ output, participants: people.byId, settings, logger });
    this.#program = program;
    const emit = (event: RoomEvent): void => this.#emit(event);
    this.#sessions = new RoomSessions({ sfu, people, program, logger, emit });
    program.on('event', emit);
    output.on('event', emit);
    output.on('keyframe-needed', () => program.requestKeyframe());
    for (const target of record.targets) output.addTarget(target);
    this.#events.setMaxListeners(0);
  }

  get id(): string {
    return this.#record.id;
  }

  view(): RoomView {
    return roomView(this.#parts);
  }

  metrics(): RoomMetrics {
    return roomMetrics(this.#parts);
  }

  secrets(): RoomSecrets {
    const { hostKey, rtmpStreamKey, inviteGeneration } = this.#record;
    return { hostKey, rtmpUrl: this.#rtmpUrl, rtmpStreamKey, inviteGeneration };
  }

  subscribe(listener: RoomEventListener): () => void {
    this.#events.on('event', listener);
    return () => this.#events.off('event', listener);
  }

  addGuest({ name }: { readonly name: string }): ParticipantView {
    const guest = this.#people.addGuest(name);
    this.#emit({ type: 'knock', participantId: guest.id, name });
    return this.#viewOf(guest);
  }

  async addRtmpGuest({ name }: { readonly name: string }): Promise<ParticipantView> {
    const guest = this.#people.addRtmpGuest(name);
    this.#program.update(guest);
    await this.#saveRtmpGuests();
    return this.#viewOf(guest);
  }

  streamKeyOf(participantId: string): string {
    const { role, streamKey } = this.#people.get(participantId);
    const key = role === 'host' ? this.#record.rtmpStreamKey : streamKey;
    if (key === undefined) throw new NotFoundError(`participant ${participantId} has no stream key`);
    return key;
  }

  /** Whose stream key this is. */
  byStreamKey(key: string): string | undefined {
    return secretsEqual(key, this.#record.rtmpStreamKey) ? HOST_ID : this.#people.byStreamKey(key)?.id;
  }

  acceptParticipant(participantId: string): ParticipantView {
    return this.#changed(this.#people.accept(participantId));
  }

  updateParticipant(participantId: string, change: ParticipantChange): ParticipantView {
    const participant = this.#people.get(participantId);
    participant.change(change);
    if (change.name !== undefined && participant.streamKey !== undefined) {
      // Not awaited: the name is in effect now; what cannot be written is told in the log.
      void this.#saveRtmpGuests().catch((error: unknown) => this.#logger.error({ err: error }, 'not saved'));
    }
    return this.#changed(participant);
  }

  async removeParticipant(participantId: string, reason: string): Promise<void> {
    const participant = this.#people.remove(participantId);
    this.#program.remove(participantId);
    await Promise.all([
      this.#sessions.endAllOf(participant, reason),
      ...(participant.streamKey === undefined ? [] : [this.#saveRtmpGuests()]),
    ]);
    this.#emit({ type: 'left', participantId, name: participant.name, reason });
  }

  setMode(mode: Mode): Promise<void> {
    if (!this.#program.running) {
      return Promise.reject(
        new InvalidStateError(`cannot switch to ${mode}: the host is not on air`, {
          hint: 'Go live from the studio page or push RTMP with the stream key first.',
        }),
      );
    }
    this.#program.setMode(mode);
    this.#emit({ type: 'changed' });
    return Promise.resolve();
  }

  async setLayout(layout: Layout): Promise<void> {
    await this.#save({ settings: { ...this.#record.settings, layout } });
    this.#program.setLayout(layout);
  }

  async endProgram(): Promise<void> {
    await this.#people.host.publisher?.close('the program was ended');
    await this.#program.end();
  }

  async updateSettings(change: Partial<ProgramSettings>): Promise<ProgramSettings> {
    const settings = checkProgramSettings({ ...this.#record.settings, ...change });
    const audio = (['audioSampleRate', 'audioChannels'] as const).filter(
      (field) => settings[field] !== this.#record.settings[field],
    );
    if (this.#program.running && audio.length > 0) {
      throw new InvalidStateError(`${audio.join(', ')} cannot change while the program is on air`, {
        hint: "Decoders are set up once for a program's sound: end the program first.",
      });
    }
    await this.#save({ settings });
    if (Object.keys(change).some((field) => field !== 'layout')) this.#program.configure(settings);
    else this.#program.setLayout(settings.layout);
    return settings;
  }

  async rename(name: string): Promise<void> {
    await this.#save({ name });
  }

  async addTarget({ url, name, enabled = true }: TargetInput): Promise<TargetView> {
    const target = { id: newKey().slice(0, 8), name: name ?? parseRtmpUrl(url).host, url, enabled };
    const view = this.#output.addTarget(target);
    await this.#save({ targets: [...this.#record.targets, target] });
    return view;
  }

  async updateTarget(targetId: string, change: Partial<TargetInput>): Promise<TargetView> {
    const present = this.#record.targets.find(({ id }) => id === targetId);
    if (present === undefined) throw new NotFoundError(`no target ${targetId} in room ${this.id}`);
    const target = { ...present, ...change };
    const view = this.#output.replaceTarget(target);
    await this.#save({ targets: this.#record.targets.map((each) => (each.id === targetId ? target : each)) });
    return view;
  }

  async removeTarget(targetId: string): Promise<void> {
    if (!this.#record.targets.some(({ id }) => id === targetId)) {
      throw new NotFoundError(`no target ${targetId} in room ${this.id}`);
    }
    this.#output.removeTarget(targetId);
    await this.#save({ targets: this.#record.targets.filter(({ id }) => id !== targetId) });
  }

  startRecording(): Promise<RecordingView> {
    return this.#output.startRecording();
  }

  stopRecording(): Promise<RecordingView> {
    return this.#output.stopRecording();
  }

  publish(participantId: string, options: OfferOptions): Promise<SessionAnswer> {
    return this.#sessions.publish(participantId, options);
  }

  /** A media session of this participant begins and takes the place of the one before. @throws NotFoundError */
  takePublisher(participantId: string, publisher: Publisher): void {
    this.#sessions.take(this.#people.get(participantId), publisher);
  }

  subscribeMedia(
    to: { readonly participant: string } | 'program',
    options: OfferOptions,
  ): Promise<SessionAnswer> {
    return this.#sessions.subscribe(to, options);
  }

  session(sessionId: string): SessionInfo | undefined {
    return this.#sessions.open.info(sessionId);
  }

  async patchSession(sessionId: string, sdpFragment: string): Promise<SessionPatch> {
    return Promise.resolve(this.#sessions.open.patch(sessionId, sdpFragment));
  }

  endSession(sessionId: string): Promise<void> {
    return this.#sessions.open.end(sessionId);
  }

  async revokeInvites(): Promise<void> {
    await this.#save({ inviteGeneration: newKey() });
  }

  async rotateHostKey(): Promise<void> {
    await this.#save({ hostKey: newKey(), rtmpStreamKey: newKey() });
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    await this.#program.close();
    await this.#output.close();
    this.#emit({ type: 'closed' });
  }

  get #parts(): RoomParts {
    return { record: this.#record, people: this.#people, program: this.#program, output: this.#output };
  }

  #saveRtmpGuests(): Promise<void> {
    return this.#save({ rtmpGuests: this.#people.rtmpGuests });
  }

  #viewOf(participant: Participant): ParticipantView {
    return participant.view(this.#program.onAir?.mode === 'collab');
  }

  #changed(participant: Participant): ParticipantView {
    this.#program.update(participant);
    this.#emit({ type: 'changed' });
    return this.#viewOf(participant);
  }

  async #save(change: Partial<RoomRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change };
    await this.#store.putRoom(this.#record);
    this.#emit({ type: 'changed' });
  }

  #emit(event: RoomEvent): void {
    this.#events.emit('event', event);
  }
}
