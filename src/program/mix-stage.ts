import type { Logger } from '../base/logger.js';
import type { AccessUnit, AudioUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import type { PcmBlock } from '../media/pcm.js';
import type { Layout } from '../media/program-settings.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { ParticipantMedia } from './participant-media.js';
import type { ProgramMixer, Who } from './ports.js';
import type { ProgramClock } from './program-clock.js';

export interface MixStageOptions {
  readonly clock: ProgramClock;
  /** Of the program's sound. */
  readonly sampleRate: () => number;
  readonly layout: Layout;
  readonly logger: Logger;
  readonly openMixer: () => ProgramMixer;
  /** The mixer failed and has been replaced by a new one, to which everybody is added. */
  readonly onFailure: (reason: string) => void;
}

/** Everybody in the room and the mixer that decodes them. Outlives the failure of a mixer. */
export class MixStage {
  readonly #options: MixStageOptions;
  readonly #participants = new Map<string, ParticipantMedia>();
  #mixer: ProgramMixer;
  #layout: Layout;

  constructor(options: MixStageOptions) {
    this.#options = options;
    this.#layout = options.layout;
    this.#mixer = options.openMixer();
  }

  get participants(): Iterable<ParticipantMedia> {
    return this.#participants.values();
  }

  get host(): ParticipantMedia | undefined {
    for (const participant of this.#participants.values()) {
      if (participant.settings.role === 'host') return participant;
    }
    return undefined;
  }

  find(id: string): ParticipantMedia | undefined {
    return this.#participants.get(id);
  }

  /** The host and, if everybody is meant, the guests that are on air. */
  onAir(who: Who): ParticipantMedia[] {
    return [...this.#participants.values()].filter(
      ({ settings }) => settings.role === 'host' || (who === 'all' && settings.onAir),
    );
  }

  set(id: string, settings: ParticipantSettings): ParticipantMedia {
    let participant = this.#participants.get(id);
    if (participant === undefined) {
      participant = new ParticipantMedia(id, settings, this.#mixer.addParticipant(id, settings));
      this.#participants.set(id, participant);
    } else {
      participant.settings = settings;
      this.#mixer.updateParticipant(id, settings);
    }
    return participant;
  }

  remove(id: string): void {
    if (this.#participants.delete(id)) this.#mixer.removeParticipant(id);
  }

  setLayout(layout: Layout): void {
    this.#layout = layout;
    this.#mixer.setLayout(layout);
  }

  /** What is added to a participant's times to give program times, in 1/90000 s. */
  offsetOf(participant: ParticipantMedia): number {
    const { clock } = this.#options;
    return participant.settings.role === 'host' ? clock.hostOffset : clock.guestOffset(participant.map);
  }

  /** Gives the mixer what of the participant's GOP it has not seen. */
  feedPictures(participant: ParticipantMedia): void {
    const { settings, active, gop } = participant;
    if (!settings.onAir && settings.role !== 'host') return;
    if (!active || !this.#options.clock.running) return;
    if (!gop.decodable && participant.has('video')) participant.wantIdr();
    participant.feedVideo(this.offsetOf(participant));
  }

  feedUnit(participant: ParticipantMedia, unit: AccessUnit): void {
    if (!this.#options.clock.running) return;
    if (unit.kind === 'video') this.feedPictures(participant);
    else this.feedSound(participant, unit);
  }

  /**
   * @param shift added to the unit's program time, in samples at the program's rate
   * @returns what it decoded to, to be read only
   */
  feedSound(participant: ParticipantMedia, unit: AudioUnit, shift = 0): PcmBlock | undefined {
    if (!this.#options.clock.running) return undefined;
    const offset = rescale(this.offsetOf(participant), VIDEO_TIMESCALE, this.#options.sampleRate());
    return participant.feedAudio(unit, offset + shift);
  }

  /** @returns `undefined` when the mixer failed */
  use<T>(use: (mixer: ProgramMixer) => T): T | undefined {
    try {
      return use(this.#mixer);
    } catch (error) {
      this.#replace(error);
      return undefined;
    }
  }

  close(): void {
    this.#mixer.close();
  }

  #replace(error: unknown): void {
    this.reopen();
    this.#options.onFailure(error instanceof Error ? error.message : String(error));
  }

  /** Another mixer takes the place of this one; what everybody's GOPs hold can be given to it. */
  reopen(): void {
    try {
      this.#mixer.close();
    } catch (closeError) {
      this.#options.logger.warn({ err: closeError }, 'the former mixer did not close');
    }
    this.#mixer = this.#options.openMixer();
    this.#mixer.setLayout(this.#layout);
    for (const participant of this.#participants.values()) {
      participant.input = this.#mixer.addParticipant(participant.id, participant.settings);
      participant.gop.rewind();
    }
  }
}
