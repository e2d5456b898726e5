import { EventEmitter } from 'node:events';
import { systemClock } from '../base/clock.js';
import { asAnchorNetError, InvalidOptionError, NativeError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import type { AacUnit, AccessUnit, AudioUnit, VideoUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import {
  checkProgramSettings,
  type Layout,
  type Mode,
  type ProgramSettings,
  type ProgramSource,
} from '../media/program-settings.js';
import type { LiveSeam } from '../splice/live-seam.js';
import type { FromRoom, RoomStats, ToRoom } from './protocol.js';
import { RoomChild } from './room-child.js';
import { RoomState } from './room-state.js';

export interface RoomProcessOptions {
  readonly settings: ProgramSettings;
  readonly logger?: Logger;
}

/** The first picture of a new source is out; `tookMs` counts from the request or the cause. */
export interface Switched {
  readonly mode: Mode;
  readonly source: ProgramSource;
  /** Program time in 1/90000 s. */
  readonly videoPts: number;
  readonly tookMs: number;
}

export type RoomProcessEvents = {
  /** A unit of the program, times continuous through every switch and restart. */
  unit: [unit: VideoUnit | AacUnit, source: ProgramSource];
  /** The program's sound as Opus, while {@link RoomProcess.setOpus} is on. */
  opus: [unit: AudioUnit];
  /** Ask this participant's publisher for an IDR. */
  'request-keyframe': [participantId: string];
  switched: [switched: Switched];
  /** The host's own AAC and that of the program's encoder met. */
  'audio-seam': [seam: LiveSeam];
  stats: [stats: RoomStats];
  warning: [message: string];
  /** The host stayed away for longer than the grace period. Its next session begins the program anew. */
  'program-ended': [];
  /** The process crashed or hung, and a new one goes on. */
  restarted: [reason: string];
  /** It died again and again in collab: the new one goes on in live, where no guest is decoded or mixed. */
  'fell-back': [reason: string];
};

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;
/** A process that lived this long did not die of what killed the one before. */
const HEALTHY_MS = 10_000;
/** Deaths in a row after which what is mixed is taken for the cause. */
const DEATHS_BEFORE_FALL_BACK = 3;

/**
 * Main's side of one room's media process: sends it what the participants send, gets the program back, and when the
 * process crashes or hangs starts another that takes up the program where it was.
 */
export class RoomProcess extends EventEmitter<RoomProcessEvents> {
  restarts = 0;
  readonly #logger: Logger;
  readonly #state: RoomState;
  #child: RoomChild | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  #deathsInRow = 0;
  #retry: NodeJS.Timeout | undefined;
  #droppedBefore = 0;
  #whenReady: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Resolves when the process is ready for units.
   *
   * @throws InvalidOptionError for settings out of range, NativeError when it does not start
   */
  static async open(options: RoomProcessOptions): Promise<RoomProcess> {
    const room = new RoomProcess(options);
    try {
      await new Promise<void>((resolve, reject) => {
        room.#whenReady = { resolve, reject };
        room.#start();
      });
    } catch (error) {
      await room.close();
      throw error;
    }
    return room;
  }

  private constructor(options: RoomProcessOptions) {
    super();
    this.#logger = options.logger ?? silentLogger;
    this.#state = new RoomState(checkProgramSettings(options.settings));
  }

  /** The operating system's id of the present process, for measurements. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Units that the process was too slow to take. */
  get droppedUnits(): number {
    return this.#droppedBefore + (this.#child?.droppedUnits ?? 0);
  }

  /**
   * Changes the program's settings while it runs: the same process takes up the program anew where it is, from the
   * host's next IDR.
   *
   * @throws InvalidOptionError for settings out of range, and for another sample rate or channel count: the
   *   AudioSpecificConfig of a program never changes
   */
  configure(settings: ProgramSettings): void {
    const { audioSampleRate, audioChannels } = this.#state.settings;
    if (settings.audioSampleRate !== audioSampleRate || settings.audioChannels !== audioChannels) {
      throw new InvalidOptionError(
        `audio of a running program: expected ${audioSampleRate} Hz and ${audioChannels} channels, ` +
          `got ${settings.audioSampleRate} Hz and ${settings.audioChannels}`,
      );
    }
    this.#state.settings = checkProgramSettings(settings);
    if (this.#closing !== undefined) return;
    for (const message of this.#state.replay()) this.#child?.send(message);
  }

  setParticipant(id: string, settings: ParticipantSettings, canRequestKeyframe: boolean): void {
    this.#send({ type: 'participant', id, settings, canRequestKeyframe });
  }

  removeParticipant(id: string): void {
    this.#send({ type: 'participant-left', id });
  }

  /** A media session of the participant begins: its timeline has a new origin. */
  beginSession(id: string): void {
    this.#send({ type: 'session', id });
  }

  /** The media session ended or fell silent; the participant may come back with a new one. */
  endSession(id: string): void {
    this.#send({ type: 'session-ended', id });
  }

  /** @param arrivalUs system clock when the unit's last packet arrived */
  write(id: string, unit: AccessUnit, arrivalUs: number): void {
    this.#send({ type: 'unit', id, unit, arrivalUs });
  }

  setMode(mode: Mode): void {
    this.#send({ type: 'set-mode', mode });
  }

  setLayout(layout: Layout): void {
    this.#send({ type: 'set-layout', layout });
  }

  /** Somebody watches by WHEP what has no Opus of its own: also encode the program's sound as Opus. */
  setOpus(enabled: boolean): void {
    this.#send({ type: 'set-opus', enabled });
  }

  /** An output needs an IDR of the program soon. */
  requestProgramKeyframe(): void {
    this.#send({ type: 'request-program-keyframe' });
  }

  /** Ends the process, by force when it does not go within two seconds. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(message: ToRoom): void {
    if (this.#closing !== undefined) return;
    this.#state.note(message);
    this.#child?.send(message);
  }

  #start(): void {
    const child = new RoomChild({
      logger: this.#logger,
      onMessage: (message) => this.#onMessage(child, message),
      onLost: (reason) => this.#lost(child, reason),
    });
    this.#child = child;
    for (const message of this.#state.replay()) child.send(message);
  }

  #onMessage(child: RoomChild, message: FromRoom): void {
    switch (message.type) {
      case 'ready':
        this.#whenReady?.resolve();
        this.#whenReady = undefined;
        return;
      case 'failed':
        child.kill(message.message);
        return;
      case 'stats': {
        const droppedUnits = message.stats.droppedUnits + this.droppedUnits;
        this.emit('stats', { ...message.stats, droppedUnits });
        return;
      }
      case 'program-unit':
        this.#state.noteProgramUnit(message.unit, systemClock.nowUs());
        this.emit('unit', message.unit, message.source);
        return;
      case 'program-opus':
        this.emit('opus', message.unit);
        return;
      case 'request-keyframe':
        this.emit('request-keyframe', message.id);
        return;
      case 'switched': {
        const { mode, source, videoPts, tookMs } = message;
        this.emit('switched', { mode, source, videoPts, tookMs });
        return;
      }
      case 'audio-seam':
        this.emit('audio-seam', message.seam);
        return;
      case 'program-ended':
        this.#state.noteEnd();
        this.emit('program-ended');
        return;
      case 'warning':
        this.#logger.warn({ room: message.message }, 'room process');
        this.emit('warning', message.message);
        return;
    }
  }

  #lost(child: RoomChild, reason: string): void {
    this.#child = undefined;
    this.#droppedBefore += child.droppedUnits;
    if (this.#whenReady !== undefined) {
      this.#whenReady.reject(new NativeError(`the room process did not start: ${reason}`));
      this.#whenReady = undefined;
      return;
    }
    if (systemClock.nowUs() - child.startedUs > HEALTHY_MS * 1_000) {
      this.#backoffMs = FIRST_BACKOFF_MS;
      this.#deathsInRow = 0;
    }
    this.#deathsInRow++;
    this.#logger.error({ reason, restartInMs: this.#backoffMs }, 'room process lost');
    if (this.#deathsInRow >= DEATHS_BEFORE_FALL_BACK && this.#state.mode === 'collab') this.#fallBack(reason);
    this.#retry = setTimeout(() => this.#restart(reason), this.#backoffMs);
    this.#backoffMs = Math.min(MAX_BACKOFF_MS, this.#backoffMs * 2);
  }

  #fallBack(reason: string): void {
    this.#logger.error({ deaths: this.#deathsInRow }, 'room process dies in collab: back to live');
    this.#state.note({ type: 'set-mode', mode: 'live' });
    this.emit('fell-back', reason);
  }

  #restart(reason: string): void {
    this.#retry = undefined;
    this.restarts++;
    try {
      this.#start();
    } catch (error) {
      this.#logger.error({ err: asAnchorNetError(error) }, 'room process restart');
      this.#retry = setTimeout(() => this.#restart(reason), MAX_BACKOFF_MS);
      return;
    }
    this.emit('restarted', reason);
    // The new process will ask too, once it has started; by then the IDR shall be there.
    for (const id of this.#state.keyframeSources()) this.emit('request-keyframe', id);
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#retry);
    const child = this.#child;
    this.#child = undefined;
    await child?.stop();
  }
}
