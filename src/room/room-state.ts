import type { AacUnit, VideoUnit } from '../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { Mode, ProgramSettings } from '../media/program-settings.js';
import type { ProgramPosition, ToRoom } from './protocol.js';

/** What a new room process must be told to go on where the last one was: the standing state, without the units. */
export class RoomState {
  settings: ProgramSettings;
  readonly #participants = new Map<string, ToRoom & { type: 'participant' }>();
  readonly #sessions = new Set<string>();
  #mode: (ToRoom & { type: 'set-mode' }) | undefined;
  #layout: ToRoom | undefined;
  #opus: ToRoom | undefined;
  #videoPts: number | undefined;
  #audio: AacUnit | undefined;
  #atUs = 0;
  #ended = false;

  constructor(settings: ProgramSettings) {
    this.settings = settings;
  }

  /** As asked for. */
  get mode(): Mode {
    return this.#mode?.mode ?? 'live';
  }

  note(message: ToRoom): void {
    switch (message.type) {
      case 'participant':
        this.#participants.set(message.id, message);
        return;
      case 'participant-left':
        this.#participants.delete(message.id);
        this.#sessions.delete(message.id);
        return;
      case 'session':
        this.#sessions.add(message.id);
        return;
      case 'session-ended':
        this.#sessions.delete(message.id);
        return;
      case 'set-mode':
        this.#mode = message;
        return;
      case 'set-layout':
        this.#layout = message;
        return;
      case 'set-opus':
        this.#opus = message;
        return;
      default:
        return;
    }
  }

  noteEnd(): void {
    this.#ended = true;
  }

  noteProgramUnit(unit: VideoUnit | AacUnit, nowUs: number): void {
    this.#ended = false;
    if (unit.kind === 'video') {
      this.#videoPts = Math.max(unit.pts, this.#videoPts ?? unit.pts);
      this.#atUs = nowUs;
    } else {
      this.#audio = unit;
    }
  }

  /** Participants that send now and can be asked for an IDR. */
  keyframeSources(): string[] {
    return [...this.#sessions].filter((id) => this.#participants.get(id)?.canRequestKeyframe === true);
  }

  /** Messages for a new process, in order. */
  *replay(): Generator<ToRoom> {
    const resumeAt = this.#position();
    yield { type: 'configure', settings: this.settings, ...(resumeAt === undefined ? {} : { resumeAt }) };
    yield* this.#participants.values();
    for (const message of [this.#mode, this.#layout, this.#opus]) if (message !== undefined) yield message;
    for (const id of this.#sessions) yield { type: 'session', id };
  }

  #position(): ProgramPosition | undefined {
    if (this.#videoPts === undefined) return undefined;
    const duration = rescale(1, this.settings.fps, VIDEO_TIMESCALE);
    const videoPts = this.#videoPts + duration;
    return {
      videoPts,
      ...this.#audioPosition(videoPts),
      atUs: this.#atUs,
      ended: this.#ended,
    };
  }

  #audioPosition(videoPts: number): Pick<ProgramPosition, 'audioPts' | 'audioFormat' | 'lastAudio'> {
    const unit = this.#audio;
    // The sound is about to begin; the settings say at which rate.
    if (unit === undefined) {
      return { audioPts: rescale(videoPts, VIDEO_TIMESCALE, this.settings.audioSampleRate) };
    }
    const { sampleRate, channels } = unit.config;
    return {
      audioPts: unit.pts + unit.durationSamples,
      audioFormat: { sampleRate, channels: channels === 1 ? 1 : 2 },
      lastAudio: unit.data.toString('base64'),
    };
  }
}
