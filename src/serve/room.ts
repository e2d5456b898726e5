import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { InvalidOptionError, InvalidStateError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  checkProgramSettings,
  type Layout,
  type Mode,
  type ProgramSettings,
} from '../media/program-settings.js';
import { parseRtmpUrl } from '../rtmp/url.js';
import type { PacketSource } from '../sfu/packet-source.js';
import type { Sfu } from '../sfu/sfu.js';
import { newKey, secretsEqual } from './auth/secret.js';
import { NotFoundError } from './errors.js';
import { MediaSessions } from './media-sessions.js';
import { HOST_ID, Participant } from './participant.js';
import type { ProgramOutput } from './program-output.js';
import { WhipPublisher, type Publisher } from './publisher.js';
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
  RoomState,
  RoomView,
  SessionAnswer,
  SessionInfo,
  SessionPatch,
  TargetInput,
  TargetView,
} from './room-api.js';
import type { RoomRecord, StateStore } from './state/state-store.js';

/** Host and guests together: what the mixer's layouts are made for. */
const MAX_ACCEPTED = 6;
const MAX_WAITING = 20;

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
  readonly #sfu: Sfu;
  readonly #output: ProgramOutput;
  readonly #program: RoomProgram;
  readonly #rtmpUrl: string;
  readonly #logger: Logger;
  readonly #participants = new Map<string, Participant>();
  readonly #sessions = new MediaSessions();
  readonly #events = new EventEmitter<{ event: [event: RoomEvent] }>();
  #record: RoomRecord;

  constructor({ record, store, sfu, output, rtmpUrl, logger }: RoomOptions) {
    this.#record = record;
    this.#store = store;
    this.#sfu = sfu;
    this.#output = output;
    this.#rtmpUrl = rtmpUrl;
    this.#logger = logger;
    this.#participants.set(HOST_ID, Participant.host('Host'));
    for (const guest of record.rtmpGuests ?? [])
      this.#participants.set(guest.id, Participant.rtmpGuest(guest));
    const settings = (): ProgramSettings => this.#record.settings;
    this.#program = new RoomProgram({ output, participants: this.#participants, settings, logger });
    this.#program.on('event', (event) => this.#emit(event));
    output.on('event', (event) => this.#emit(event));
    output.on('keyframe-needed', () => this.#program.requestKeyframe());
    for (const target of record.targets) output.addTarget(target);
    this.#events.setMaxListeners(0);
  }

  get id(): string {
    return this.#record.id;
  }

  view(): RoomView {
    const { id, name, settings, createdAt } = this.#record;
    const program = this.#program;
    const collab = program.onAir?.mode === 'collab';
    return {
      id,
      name,
      state: this.#state(),
      mode: program.requestedMode,
      source: program.onAir?.source ?? null,
      participants: [...this.#participants.values()].map((participant) => participant.view(collab)),
      layout: settings.layout,
      settings,
      targets: this.#output.targets(),
      recording: this.#output.recording(),
      program: {
        startedAt: program.running ? (program.journal?.startedAt ?? null) : null,
        lastSwitchMs: program.onAir?.tookMs ?? null,
        timeline: program.journal?.timeline ?? [],
        bitrateBps: program.running ? (program.journal?.bitrateBps ?? 0) : 0,
        viewers: this.#viewers(),
      },
      process: {
        cpuPercent: program.process.cpuPercent,
        rssBytes: program.process.stats?.rssBytes ?? 0,
        restarts: program.process.restarts,
      },
      createdAt,
    };
  }

  metrics(): RoomMetrics {
    const { stats, restarts } = this.#program.process;
    return {
      targets: this.#output.targets().map(({ id, bytesOut, droppedUnits, reconnects, state }) => ({
        id,
        bytesOut,
        droppedUnits,
        reconnects,
        live: state === 'live',
      })),
      cpuSeconds: stats?.cpuSeconds ?? 0,
      rssBytes: stats?.rssBytes ?? 0,
      processRestarts: restarts,
      lateTicks: stats?.lateTicks ?? 0,
      decodeErrors: stats?.decodeErrors ?? 0,
      concealedSamples: stats?.concealedSamples ?? 0,
      participants: this.#participants.size,
      viewers: this.#viewers(),
    };
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
    const waiting = [...this.#participants.values()].filter(({ state }) => state === 'waiting').length;
    if (waiting >= MAX_WAITING) throw new InvalidStateError(`${waiting} guests are waiting already`);
    const guest = Participant.guest(name);
    this.#participants.set(guest.id, guest);
    this.#emit({ type: 'knock', participantId: guest.id, name });
    return this.#viewOf(guest);
  }

  async addRtmpGuest({ name }: { readonly name: string }): Promise<ParticipantView> {
    this.#requirePlace();
    const guest = Participant.rtmpGuest({ id: randomUUID(), name, streamKey: newKey() });
    this.#participants.set(guest.id, guest);
    this.#program.update(guest);
    await this.#saveRtmpGuests();
    return this.#viewOf(guest);
  }

  streamKeyOf(participantId: string): string {
    const { role, streamKey } = this.#participant(participantId);
    const key = role === 'host' ? this.#record.rtmpStreamKey : streamKey;
    if (key === undefined) throw new NotFoundError(`participant ${participantId} has no stream key`);
    return key;
  }

  /** Whose stream key this is. */
  byStreamKey(key: string): string | undefined {
    if (secretsEqual(key, this.#record.rtmpStreamKey)) return HOST_ID;
    const owner = [...this.#participants.values()].find(
      ({ streamKey }) => streamKey !== undefined && secretsEqual(key, streamKey),
    );
    return owner?.id;
  }

  acceptParticipant(participantId: string): ParticipantView {
    const guest = this.#participant(participantId);
    if (guest.state === 'waiting') this.#requirePlace();
    guest.state = 'accepted';
    return this.#changed(guest);
  }

  updateParticipant(participantId: string, change: ParticipantChange): ParticipantView {
    const participant = this.#participant(participantId);
    participant.change(change);
    if (change.name !== undefined && participant.streamKey !== undefined) {
      // Not awaited: the name is in effect now; what cannot be written is told in the log.
      void this.#saveRtmpGuests().catch((error: unknown) => this.#logger.error({ err: error }, 'not saved'));
    }
    return this.#changed(participant);
  }

  async removeParticipant(participantId: string, reason: string): Promise<void> {
    const participant = this.#participant(participantId);
    if (participant.role === 'host') throw new InvalidStateError('the host cannot be removed from the room');
    this.#participants.delete(participantId);
    this.#program.remove(participantId);
    await Promise.all([
      participant.publisher?.close(reason),
      this.#sessions.endOf(`guest:${participantId}`),
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
    await this.#participant(HOST_ID).publisher?.close('the program was ended');
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

  async publish(participantId: string, options: OfferOptions): Promise<SessionAnswer> {
    const participant = this.#participant(participantId);
    const { answerSdp, publication } = await this.#sfu.publish(options.offerSdp, negotiation(options));
    if (this.#participants.get(participantId) !== participant) {
      publication.close('the participant left meanwhile');
      throw new NotFoundError(`no participant ${participantId} in room ${this.id}`);
    }
    this.takePublisher(participantId, new WhipPublisher(publication));
    return this.#sessions.add('whip', options.subject, { answerSdp, session: publication });
  }

  /** A media session of this participant begins and takes the place of the one before. @throws NotFoundError */
  takePublisher(participantId: string, publisher: Publisher): void {
    const participant = this.#participant(participantId);
    const before = participant.publisher;
    participant.publisher = publisher;
    publisher.on('unit', (unit, arrivalUs) => {
      if (participant.publisher === publisher) this.#program.write(participantId, unit, arrivalUs);
    });
    publisher.once('closed', (reason) => {
      if (participant.publisher !== publisher) return;
      participant.publisher = undefined;
      this.#program.endSession(participant);
      if (participant.streamKey !== undefined) this.#program.update(participant);
      this.#logger.info({ participant: participantId, reason }, 'media session ended');
      this.#emit({ type: 'changed' });
    });
    if (before !== undefined) this.#replace(before, participantId);
    this.#program.beginSession(participant);
    this.#emit({ type: 'changed' });
  }

  async subscribeMedia(
    to: { readonly participant: string } | 'program',
    options: OfferOptions,
  ): Promise<SessionAnswer> {
    const source = to === 'program' ? this.#program.track : this.#packetsOf(to.participant);
    const { answerSdp, subscription } = await this.#sfu.subscribe(
      options.offerSdp,
      source,
      negotiation(options),
    );
    if (to === 'program') {
      this.#program.followViewers();
      subscription.once('closed', () => this.#program.followViewers());
    }
    return this.#sessions.add('whep', options.subject, { answerSdp, session: subscription });
  }

  session(sessionId: string): SessionInfo | undefined {
    return this.#sessions.info(sessionId);
  }

  async patchSession(sessionId: string, sdpFragment: string): Promise<SessionPatch> {
    return Promise.resolve(this.#sessions.patch(sessionId, sdpFragment));
  }

  endSession(sessionId: string): Promise<void> {
    return this.#sessions.end(sessionId);
  }

  async revokeInvites(): Promise<void> {
    await this.#save({ inviteGeneration: newKey() });
  }

  async rotateHostKey(): Promise<void> {
    await this.#save({ hostKey: newKey(), rtmpStreamKey: newKey() });
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    for (const { publisher } of this.#participants.values()) void publisher?.close('room closed');
    await this.#program.close();
    await this.#output.close();
    this.#emit({ type: 'closed' });
  }

  #state(): RoomState {
    const { running, onAir, requestedMode } = this.#program;
    if (!running || onAir === undefined) return 'idle';
    if (onAir.source === 'slate') return 'slate';
    return onAir.mode === requestedMode ? onAir.mode : 'switching';
  }

  #viewers(): { whep: number; hls: number; flv: number } {
    return { whep: this.#program.track.viewers, ...this.#output.viewers() };
  }

  #packetsOf(participantId: string): PacketSource {
    const { publisher } = this.#participant(participantId);
    if (publisher === undefined) {
      throw new InvalidStateError(`participant ${participantId} does not publish now`);
    }
    if (!(publisher instanceof WhipPublisher)) {
      throw new InvalidOptionError(
        `participant ${participantId} publishes by RTMP, which WHEP cannot carry`,
        {
          hint: 'Subscribe to the program instead.',
        },
      );
    }
    return publisher.publication;
  }

  #participant(id: string): Participant {
    const participant = this.#participants.get(id);
    if (participant === undefined) throw new NotFoundError(`no participant ${id} in room ${this.id}`);
    return participant;
  }

  #replace(publisher: Publisher, participantId: string): void {
    const sessionId =
      publisher instanceof WhipPublisher ? this.#sessions.idOf(publisher.publication) : undefined;
    void publisher.close('replaced by a new session of the same participant');
    if (sessionId !== undefined) this.#emit({ type: 'replaced', participantId, sessionId });
  }

  #requirePlace(): void {
    const accepted = [...this.#participants.values()].filter(({ state }) => state === 'accepted').length;
    if (accepted < MAX_ACCEPTED) return;
    throw new InvalidStateError(`the room is full: ${accepted} of ${MAX_ACCEPTED} people are in it`, {
      hint: 'Remove a guest first.',
    });
  }

  #saveRtmpGuests(): Promise<void> {
    const rtmpGuests = [...this.#participants.values()].flatMap(({ id, name, streamKey }) =>
      streamKey === undefined ? [] : [{ id, name, streamKey }],
    );
    return this.#save({ rtmpGuests });
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

function negotiation({ signal, remoteAddress }: OfferOptions): { signal?: AbortSignal; source: string } {
  return { source: remoteAddress, ...(signal === undefined ? {} : { signal }) };
}
