import { EventEmitter } from 'node:events';
import { systemClock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { AccessUnit } from '../media/access-unit.js';
import type { Layout, Mode, ProgramSettings, ProgramSource } from '../media/program-settings.js';
import { RoomProcess, type Switched } from '../room/room-process.js';
import type { RoomStats } from '../room/protocol.js';
import { ProgramTrack } from '../sfu/program-track.js';
import type { Participant } from './participant.js';
import { ProgramJournal } from './program-journal.js';
import type { ProgramOutput } from './program-output.js';
import { WhipPublisher } from './publisher.js';
import type { RoomEvent } from './room-api.js';

/** Units that wait for a starting process: about ten seconds of one publisher. */
const MAX_WAITING_CALLS = 1_000;

export interface RoomProgramOptions {
  readonly output: ProgramOutput;
  readonly participants: ReadonlyMap<string, Participant>;
  readonly settings: () => ProgramSettings;
  readonly logger: Logger;
}

/**
 * A room's program while it is on air: the media process that makes it, the outputs that carry it, and the WHEP track
 * that follows the same switches. It begins with the host's first session and ends when the host stays away.
 */
export class RoomProgram extends EventEmitter<{ event: [event: RoomEvent] }> {
  readonly track: ProgramTrack;
  readonly #options: RoomProgramOptions;
  #process: RoomProcess | undefined;
  /** Calls for a process that is still starting. */
  #waiting: ((process: RoomProcess) => void)[] | undefined;
  #journal: ProgramJournal | undefined;
  #stats: RoomStats | undefined;
  #statsAtUs = 0;
  #cpuPercent = 0;
  #restarts = 0;
  #requested: Mode = 'live';
  #onAir: { readonly mode: Mode; readonly source: ProgramSource; readonly tookMs: number } | undefined;

  constructor(options: RoomProgramOptions) {
    super();
    this.#options = options;
    this.track = ProgramTrack.open({ logger: options.logger });
    this.track.on('keyframe-needed', () => this.requestKeyframe());
  }

  get running(): boolean {
    return this.#process !== undefined || this.#waiting !== undefined;
  }

  get requestedMode(): Mode {
    return this.#requested;
  }

  get onAir(): { readonly mode: Mode; readonly source: ProgramSource; readonly tookMs: number } | undefined {
    return this.#onAir;
  }

  get journal(): ProgramJournal | undefined {
    return this.#journal;
  }

  get process(): { stats: RoomStats | undefined; cpuPercent: number; restarts: number } {
    return { stats: this.#stats, cpuPercent: this.#cpuPercent, restarts: this.#restarts };
  }

  /** A media session of a participant begins. The host's first one puts the program on air. */
  beginSession(participant: Participant): void {
    if (!this.running) {
      if (participant.role !== 'host') return;
      this.#start();
    }
    this.#call((process) => {
      this.#register(process, participant);
      process.beginSession(participant.id);
    });
    if (participant.role === 'host') this.#followSource();
  }

  endSession(participant: Participant): void {
    this.#call((process) => process.endSession(participant.id));
    if (participant.role === 'host') this.#followSource();
  }

  write(participantId: string, unit: AccessUnit, arrivalUs: number): void {
    // A host whose session outlives its program, after a long silence, begins another.
    if (!this.running) {
      const participant = this.#options.participants.get(participantId);
      if (participant !== undefined) this.beginSession(participant);
    }
    this.#call((process) => process.write(participantId, unit, arrivalUs));
  }

  update(participant: Participant): void {
    this.#call((process) => this.#register(process, participant));
  }

  remove(participantId: string): void {
    this.#call((process) => process.removeParticipant(participantId));
  }

  setMode(mode: Mode): void {
    this.#requested = mode;
    this.#call((process) => process.setMode(mode));
    this.#followSource();
  }

  setLayout(layout: Layout): void {
    this.#call((process) => process.setLayout(layout));
  }

  /** New settings on air: the program goes on from the host's next IDR. */
  configure(settings: ProgramSettings): void {
    this.#call((process) => process.configure(settings));
    this.#followSource();
  }

  requestKeyframe(): void {
    this.#call((process) => process.requestProgramKeyframe());
  }

  /** To be called when viewers of {@link track} come or go. */
  followViewers(): void {
    const needed = this.track.viewers > 0 && this.#relayedPublication() === undefined;
    this.#call((process) => process.setOpus(needed));
  }

  /** Takes the program off air: the process ends, and so do the outputs. Idempotent. */
  async end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    this.#waiting = undefined;
    this.#onAir = undefined;
    this.#stats = undefined;
    this.#cpuPercent = 0;
    process?.removeAllListeners();
    // Both let go of their present parts before they wait for anything: a new program may begin meanwhile.
    await Promise.all([this.#options.output.end(), process?.close()]);
    this.emit('event', { type: 'changed' });
  }

  async close(): Promise<void> {
    await this.end();
    this.track.close();
  }

  #start(): void {
    const settings = this.#options.settings();
    const waiting: ((process: RoomProcess) => void)[] = [];
    this.#waiting = waiting;
    this.#journal = new ProgramJournal(settings.fps);
    this.#requested = 'live';
    this.#options.output.begin();
    RoomProcess.open({ settings, logger: this.#options.logger }).then(
      (process) => this.#started(process, waiting),
      (error: unknown) => {
        if (this.#waiting !== waiting) return;
        this.#options.logger.error({ error }, 'the room process does not start');
        this.emit('event', {
          type: 'warning',
          message: `the media process does not start: ${String(error)}`,
        });
        void this.end();
      },
    );
  }

  /** @param calls what was asked of the process while it was starting */
  #started(process: RoomProcess, calls: readonly ((process: RoomProcess) => void)[]): void {
    if (this.#waiting !== calls) {
      // The program was ended before its process was there.
      void process.close();
      return;
    }
    this.#waiting = undefined;
    this.#process = process;
    this.#listen(process);
    for (const participant of this.#options.participants.values()) {
      this.#register(process, participant);
      if (participant.role === 'guest' && participant.publisher !== undefined)
        process.beginSession(participant.id);
    }
    for (const call of calls) call(process);
    this.followViewers();
  }

  #listen(process: RoomProcess): void {
    const { output, participants } = this.#options;
    process.on('unit', (unit) => {
      output.write(unit);
      if (unit.kind === 'video') this.track.pushUnit(unit);
      const gap = this.#journal?.noteUnit(unit);
      if (gap !== undefined) this.emit('event', { type: 'pts-gap', ...gap });
    });
    process.on('opus', (unit) => this.track.pushUnit(unit));
    process.on('request-keyframe', (id) => participants.get(id)?.publisher?.requestKeyframe());
    process.on('switched', (switched) => this.#switched(switched));
    process.on('audio-seam', (seam) => this.emit('event', { type: 'audio-seam', ...seam }));
    process.on('stats', (stats) => this.#noteStats(stats));
    process.on('warning', (message) => this.emit('event', { type: 'warning', message }));
    process.on('restarted', (reason) => {
      this.#restarts++;
      this.emit('event', { type: 'warning', message: `media process restarted: ${reason}` });
    });
    process.on('fell-back', (reason) => {
      this.#requested = 'live';
      this.#followSource();
      const message = `media process died again and again in collab (${reason}): back to live`;
      this.emit('event', { type: 'warning', message });
    });
    process.on('program-ended', () => void this.end());
  }

  #switched({ mode, source, tookMs }: Switched): void {
    this.#onAir = { mode, source, tookMs };
    this.#journal?.noteSwitch({ mode, source, tookMs });
    this.emit('event', { type: 'switched', mode, source, tookMs });
  }

  #noteStats(stats: RoomStats): void {
    const before = this.#stats;
    const nowUs = systemClock.nowUs();
    const elapsedSeconds = (nowUs - this.#statsAtUs) / 1e6;
    this.#stats = stats;
    this.#statsAtUs = nowUs;
    // A restarted process counts its CPU time from nothing.
    const used = before === undefined ? 0 : Math.max(0, stats.cpuSeconds - before.cpuSeconds);
    this.#cpuPercent = Math.round((used / elapsedSeconds) * 100);
    this.followViewers();
    this.emit('event', { type: 'changed' });
  }

  #register(process: RoomProcess, participant: Participant): void {
    const canRequestKeyframe = participant.publisher?.canRequestKeyframe ?? false;
    process.setParticipant(participant.id, participant.settings(), canRequestKeyframe);
  }

  /** The WHEP track carries the host's own packets whenever the program relays a WebRTC host. */
  #followSource(): void {
    const publication = this.#relayedPublication();
    if (publication === undefined) this.track.useUnits();
    else this.track.relay(publication);
    this.followViewers();
  }

  #relayedPublication(): WhipPublisher['publication'] | undefined {
    const { participants, settings } = this.#options;
    if (this.#requested !== 'live' || settings().relay === 'off') return undefined;
    const host = [...participants.values()].find(({ role }) => role === 'host');
    return host?.publisher instanceof WhipPublisher ? host.publisher.publication : undefined;
  }

  #call(call: (process: RoomProcess) => void): void {
    if (this.#process !== undefined) call(this.#process);
    else if (this.#waiting !== undefined && this.#waiting.length < MAX_WAITING_CALLS)
      this.#waiting.push(call);
  }
}
