import type { Logger } from '../base/logger.js';
import type { AudioUnit } from '../media/access-unit.js';
import type { ProgramSource } from '../media/program-settings.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { LiveSeam } from '../splice/live-seam.js';
import { passableFormat, sameFormat, type AudioFormat } from './audio-format.js';
import { AudioPump } from './audio-pump.js';
import { HostAac } from './host-aac.js';
import type { MixStage } from './mix-stage.js';
import type { ParticipantMedia } from './participant-media.js';
import type { ProgramAacEncoder, ProgramOpusEncoder, Who } from './ports.js';
import type { ProgramClock } from './program-clock.js';
import type { ResumeAt } from './program-options.js';
import type { ProgramTimeline } from './timeline.js';

export interface ProgramAudioOptions {
  readonly clock: ProgramClock;
  readonly stage: MixStage;
  readonly timeline: ProgramTimeline;
  readonly logger: Logger;
  readonly format: () => AudioFormat;
  /** A host whose AAC can be passed through wants this format; nothing has been put out in another one. */
  readonly onFormat: (format: AudioFormat) => void;
  /** Whether a host who is alone is on air as it is: not when everything shall go through the mixer. */
  readonly relays: () => boolean;
  readonly openAac: (format: AudioFormat) => ProgramAacEncoder;
  readonly openOpus: (format: AudioFormat) => ProgramOpusEncoder;
  readonly onOpus: (unit: AudioUnit) => void;
  readonly onSeam: (seam: LiveSeam) => void;
}

/**
 * All of the program's sound. The first host decides its format and its grid of frames, so that AAC can be passed
 * through; both stay as they are until the program ends.
 */
export class ProgramAudio {
  readonly #options: ProgramAudioOptions;
  readonly #host: HostAac;
  readonly #pump: AudioPump;
  #opusWanted = false;

  constructor(options: ProgramAudioOptions) {
    const { stage, format, timeline, logger, openAac, onOpus, onSeam } = options;
    this.#options = options;
    this.#host = new HostAac(format);
    this.#pump = new AudioPump({
      format,
      timeline,
      logger,
      openEncoder: () => openAac(format()),
      render: (pts, frames, who) => stage.use((mixer) => mixer.renderAudio(pts, frames, who)),
      hostFrame: (pts) => this.#host.take(pts),
      mayPass: () => this.#mayPass(),
      onOpus,
      onSeam,
    });
  }

  /** The program has begun, with sound or about to have it. */
  get running(): boolean {
    return this.#pump.running;
  }

  /** Who is heard in what is made next: those of a mode that was left are, until the sound has come to its end. */
  get who(): Who {
    return this.#pump.who;
  }

  /** See {@link ResumeAt}; undefined before there is any sound. */
  get position(): Pick<ResumeAt, 'audioPts' | 'audioFormat' | 'lastAudio'> | undefined {
    const audioPts = this.#options.timeline.nextAudioPts;
    if (audioPts === undefined) return undefined;
    const lastAudio = this.#pump.lastUnit?.data.toString('base64');
    return {
      audioPts,
      audioFormat: this.#options.format(),
      ...(lastAudio === undefined ? {} : { lastAudio }),
    };
  }

  /** The first picture is at `videoPts` (1/90000 s). */
  begin(videoPts: number): void {
    if (!this.running) this.#pump.begin(videoPts);
  }

  /** Goes on where another program was; the timeline knows where. */
  resume({ lastAudio }: ResumeAt): void {
    this.#pump.resume(lastAudio === undefined ? undefined : Buffer.from(lastAudio, 'base64'));
  }

  stop(): void {
    this.#pump.stop();
  }

  /** A unit of the host's sound, while its timeline carries the clock. */
  hear(host: ParticipantMedia, unit: AudioUnit): void {
    this.#followFormat(unit);
    const { clock, stage, format } = this.#options;
    const offset = rescale(clock.hostOffset, VIDEO_TIMESCALE, format().sampleRate);
    const decode = (shift: number): ReturnType<MixStage['feedSound']> => stage.feedSound(host, unit, shift);
    this.#host.add({ unit, offset, decoder: host.input, decode }, this.#pump.grid);
    if (this.#pump.running && this.#pump.isWaiting) this.#pump.start(this.#host.phase);
  }

  endHostSession(): void {
    this.#host.endSession();
  }

  /** From program time `videoPts` (1/90000 s) on the sound is that of `who`. */
  setWho(who: Who, videoPts: number): void {
    this.#pump.setWho(who, rescale(videoPts, VIDEO_TIMESCALE, this.#options.format().sampleRate));
  }

  /** The program's sound as Opus too, whatever its source is. */
  setOpus(enabled: boolean): void {
    if (enabled === this.#opusWanted) return;
    this.#opusWanted = enabled;
    this.#pump.setOpus(enabled ? this.#options.openOpus(this.#options.format()) : undefined);
  }

  /** See {@link AudioPump.pumpTo}. */
  pumpTo(limit: number, source: ProgramSource): boolean {
    return this.#pump.pumpTo(limit, source);
  }

  close(): void {
    this.#pump.close();
  }

  #mayPass(): boolean {
    const settings = this.#options.stage.host?.settings;
    return this.#options.relays() && settings?.muted === false && settings.gainDb === 0;
  }

  #followFormat(unit: AudioUnit): void {
    const { timeline, format, relays, onFormat, openOpus } = this.#options;
    if (!this.#pump.isWaiting || timeline.nextAudioPts !== undefined || !relays()) return;
    const wanted = passableFormat(unit.config);
    if (wanted === undefined || sameFormat(wanted, format())) return;
    onFormat(wanted);
    if (this.#opusWanted) this.#pump.setOpus(openOpus(wanted));
  }
}
