import { randomUUID } from 'node:crypto';
import { InvalidStateError, MalformedMediaError } from '../../src/base/errors.js';
import { defaultProgramSettings, type Layout, type Mode } from '../../src/media/program-settings.js';
import type {
  CreateRoomOptions,
  OfferOptions,
  ParticipantView,
  RecordingView,
  RoomApi,
  RoomDirectory,
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
} from '../../src/serve/room-api.js';
import { NotFoundError } from '../../src/serve/errors.js';
import { newKey } from '../../src/serve/auth/secret.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Rooms without media: all the rules of the interface, kept in memory. What the HTTP layer is tested against. */
export class MemoryRooms implements RoomDirectory {
  readonly #rooms = new Map<string, MemoryRoom>();
  readonly #listeners = new Set<Parameters<RoomDirectory['subscribe']>[0]>();

  list(): readonly MemoryRoom[] {
    return [...this.#rooms.values()];
  }

  get(id: string): MemoryRoom | undefined {
    return this.#rooms.get(id);
  }

  async create(options: CreateRoomOptions): Promise<MemoryRoom> {
    const id = options.id ?? options.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    if (this.#rooms.has(id)) throw new InvalidStateError(`room ${id} exists already`);
    const room = new MemoryRoom(id, options);
    this.#rooms.set(id, room);
    room.subscribe((event) => this.#listeners.forEach((listener) => listener(id, event)));
    for (const listener of this.#listeners) listener(id, { type: 'created' });
    return Promise.resolve(room);
  }

  async delete(id: string): Promise<void> {
    const room = this.#rooms.get(id);
    if (room === undefined) throw new NotFoundError(`room ${id} does not exist`);
    room.emit({ type: 'closed' });
    this.#rooms.delete(id);
    for (const listener of this.#listeners) listener(id, { type: 'deleted' });
    return Promise.resolve();
  }

  subscribe(listener: Parameters<RoomDirectory['subscribe']>[0]): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export class MemoryRoom implements RoomApi {
  readonly id: string;
  /** What the next views show; tests set it as they like. */
  state: Mutable<RoomView>;
  readonly offers: OfferOptions[] = [];
  readonly fragments: string[] = [];
  readonly #sessions = new Map<string, SessionInfo>();
  readonly #listeners = new Set<RoomEventListener>();
  readonly #streamKeys = new Map<string, string>();
  #secrets: RoomSecrets = {
    hostKey: newKey(),
    rtmpUrl: 'rtmp://127.0.0.1:1935/live',
    rtmpStreamKey: newKey(),
    inviteGeneration: newKey(),
  };

  constructor(id: string, options: CreateRoomOptions) {
    this.id = id;
    const settings = { ...defaultProgramSettings, ...options.settings };
    this.state = {
      id,
      name: options.name,
      state: 'idle',
      mode: 'live',
      source: null,
      participants: [participant({ id: 'host', role: 'host', name: 'Host', state: 'accepted' })],
      layout: settings.layout,
      settings,
      targets: [],
      recording: { state: 'off', file: null, startedAt: null, bytes: 0, lastError: null },
      program: {
        startedAt: null,
        lastSwitchMs: null,
        timeline: [],
        bitrateBps: 0,
        viewers: { whep: 0, hls: 0, flv: 0 },
      },
      process: { cpuPercent: 0, rssBytes: 0, restarts: 0 },
      createdAt: new Date().toISOString(),
    };
  }

  view(): RoomView {
    return this.state;
  }

  endProgram(): Promise<void> {
    this.state = { ...this.state, state: 'idle' };
    return Promise.resolve();
  }

  metrics(): RoomMetrics {
    return {
      targets: this.state.targets.map(({ id, bytesOut, droppedUnits, reconnects, state }) => ({
        id,
        bytesOut,
        droppedUnits,
        reconnects,
        live: state === 'live',
      })),
      cpuSeconds: 1.5,
      rssBytes: 100e6,
      processRestarts: 0,
      lateTicks: 0,
      decodeErrors: 0,
      concealedSamples: 0,
      participants: this.state.participants.length,
      viewers: this.state.program.viewers,
    };
  }

  secrets(): RoomSecrets {
    return this.#secrets;
  }

  subscribe(listener: RoomEventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: RoomEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  change(change: Partial<RoomView>): void {
    this.state = { ...this.state, ...change };
    this.emit({ type: 'changed' });
  }

  addGuest({ name }: { name: string }): ParticipantView {
    const guest = participant({ id: randomUUID(), role: 'guest', name, state: 'waiting' });
    this.change({ participants: [...this.state.participants, guest] });
    this.emit({ type: 'knock', participantId: guest.id, name });
    return guest;
  }

  async addRtmpGuest({ name }: { name: string }): Promise<ParticipantView> {
    const id = randomUUID();
    const guest = participant({ id, role: 'guest', name, state: 'accepted', hasStreamKey: true });
    this.change({ participants: [...this.state.participants, guest] });
    this.#streamKeys.set(id, newKey());
    return Promise.resolve(guest);
  }

  streamKeyOf(id: string): string {
    const key = id === 'host' ? this.#secrets.rtmpStreamKey : this.#streamKeys.get(id);
    if (key === undefined) throw new NotFoundError(`participant ${id} has no stream key`);
    return key;
  }

  acceptParticipant(id: string): ParticipantView {
    return this.#changeParticipant(id, { state: 'accepted' });
  }

  updateParticipant(id: string, change: Partial<ParticipantView>): ParticipantView {
    return this.#changeParticipant(id, change);
  }

  async removeParticipant(id: string, reason: string): Promise<void> {
    const name = this.state.participants.find((one) => one.id === id)?.name ?? '';
    this.change({ participants: this.state.participants.filter((one) => one.id !== id) });
    this.emit({ type: 'left', participantId: id, name, reason });
    return Promise.resolve();
  }

  async setMode(mode: Mode): Promise<void> {
    if (
      mode === 'collab' &&
      !this.state.participants.some(({ state, role }) => role === 'guest' && state === 'accepted')
    ) {
      throw new InvalidStateError('collab needs an accepted guest', { hint: 'Accept a guest first.' });
    }
    this.change({ mode });
    this.emit({ type: 'switched', mode, source: mode === 'live' ? 'relay' : 'mix', tookMs: 120 });
    return Promise.resolve();
  }

  async setLayout(layout: Layout): Promise<void> {
    this.change({ layout });
    return Promise.resolve();
  }

  async updateSettings(change: Partial<RoomView['settings']>): Promise<RoomView['settings']> {
    this.change({ settings: { ...this.state.settings, ...change } });
    return Promise.resolve(this.state.settings);
  }

  async rename(name: string): Promise<void> {
    this.change({ name });
    return Promise.resolve();
  }

  async addTarget(input: TargetInput): Promise<TargetView> {
    const target: TargetView = {
      id: randomUUID(),
      name: input.name ?? new URL(input.url).host,
      url: input.url.replace(/[^/]+$/, '••••'),
      enabled: input.enabled ?? true,
      state: 'connecting',
      bytesOut: 0,
      bitrateBps: 0,
      reconnects: 0,
      droppedUnits: 0,
      lastError: null,
      lastErrorHint: null,
    };
    this.change({ targets: [...this.state.targets, target] });
    return Promise.resolve(target);
  }

  async updateTarget(id: string, change: Partial<TargetInput>): Promise<TargetView> {
    const { enabled, name } = change;
    const rest = { ...(enabled === undefined ? {} : { enabled }), ...(name === undefined ? {} : { name }) };
    this.change({ targets: this.state.targets.map((one) => (one.id === id ? { ...one, ...rest } : one)) });
    const target = this.state.targets.find((one) => one.id === id);
    if (target === undefined) throw new NotFoundError(`target ${id}`);
    return Promise.resolve(target);
  }

  async removeTarget(id: string): Promise<void> {
    this.change({ targets: this.state.targets.filter((one) => one.id !== id) });
    return Promise.resolve();
  }

  async startRecording(): Promise<RecordingView> {
    if (this.state.recording.state === 'recording') throw new InvalidStateError('already recording');
    const recording = { ...this.state.recording, state: 'recording' as const, file: `${this.id}.mp4` };
    this.change({ recording: { ...recording, startedAt: new Date().toISOString() } });
    return Promise.resolve(this.state.recording);
  }

  async stopRecording(): Promise<RecordingView> {
    this.change({ recording: { ...this.state.recording, state: 'off' } });
    return Promise.resolve(this.state.recording);
  }

  async publish(participantId: string, options: OfferOptions): Promise<SessionAnswer> {
    this.#find(participantId);
    return Promise.resolve(this.#answer('whip', options));
  }

  async subscribeMedia(
    to: { participant: string } | 'program',
    options: OfferOptions,
  ): Promise<SessionAnswer> {
    if (to !== 'program') this.#find(to.participant);
    return Promise.resolve(this.#answer('whep', options));
  }

  session(id: string): SessionInfo | undefined {
    return this.#sessions.get(id);
  }

  /** Credentials other than those of the first fragment restart ICE. */
  async patchSession(id: string, fragment: string): Promise<SessionPatch> {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new NotFoundError(`session ${id}`);
    this.fragments.push(fragment);
    if (fragment === this.fragments[0]) return Promise.resolve({ etag: session.etag });
    const etag = randomUUID();
    this.#sessions.set(id, { ...session, etag });
    return Promise.resolve({ etag, restartFragment: 'a=ice-lite\r\n' });
  }

  async endSession(id: string): Promise<void> {
    this.#sessions.delete(id);
    return Promise.resolve();
  }

  async revokeInvites(): Promise<void> {
    this.#secrets = { ...this.#secrets, inviteGeneration: newKey() };
    return Promise.resolve();
  }

  async rotateHostKey(): Promise<void> {
    this.#secrets = { ...this.#secrets, hostKey: newKey(), rtmpStreamKey: newKey() };
    return Promise.resolve();
  }

  #answer(kind: SessionInfo['kind'], options: OfferOptions): SessionAnswer {
    if (!options.offerSdp.startsWith('v=0')) throw new MalformedMediaError('SDP offer: no v=0 line');
    this.offers.push(options);
    const session = { id: randomUUID(), kind, etag: randomUUID(), subject: options.subject };
    this.#sessions.set(session.id, session);
    return { answerSdp: 'v=0\r\n', sessionId: session.id, etag: session.etag };
  }

  #find(id: string): ParticipantView {
    const found = this.state.participants.find((one) => one.id === id);
    if (found === undefined) throw new NotFoundError(`participant ${id} is not in room ${this.id}`);
    return found;
  }

  #changeParticipant(id: string, change: Partial<ParticipantView>): ParticipantView {
    const changed = { ...this.#find(id), ...change };
    this.change({ participants: this.state.participants.map((one) => (one.id === id ? changed : one)) });
    return changed;
  }
}

function participant(
  some: Pick<ParticipantView, 'id' | 'role' | 'name' | 'state'> & Partial<ParticipantView>,
): ParticipantView {
  return {
    gainDb: 0,
    muted: false,
    onAir: false,
    publishing: false,
    protocol: null,
    hasStreamKey: false,
    stats: null,
    ...some,
  };
}
