import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { AacUnit, AudioUnit, VideoUnit } from '../media/access-unit.js';
import type { Mode, ProgramSettings, ProgramSource } from '../media/program-settings.js';
import type { LiveSeam } from '../splice/live-seam.js';
import type { AudioFormat } from './audio-format.js';
import type { Backlog } from './backlog.js';
import type { ProgramAacEncoder, ProgramMixer, ProgramOpusEncoder } from './ports.js';

/** Where a restarted program takes up. */
export interface ResumeAt {
  readonly videoPts: number;
  readonly audioPts: number;
  /** Of all the program's sound; that of the settings when it is not known. */
  readonly audioFormat?: AudioFormat;
  /** The last unit of sound that was put out, in base64: what comes next must fit to its windows. */
  readonly lastAudio?: string;
  readonly atUs: number;
  /** The grace period had run out: the program begins anew with the host's next session, only later. */
  readonly ended?: boolean;
}

export interface ProgramStats {
  /** Mixed pictures late by more than one picture duration. */
  readonly lateTicks: number;
  /** Units that would have broken the order of the program. */
  readonly droppedUnits: number;
  /** Of the participants present. */
  readonly decodeErrors: number;
  readonly concealedSamples: number;
}

export interface ProgramEvents {
  unit(unit: VideoUnit | AacUnit, source: ProgramSource): void;
  opus(unit: AudioUnit): void;
  requestKeyframe(participantId: string): void;
  switched(change: { mode: Mode; source: ProgramSource; videoPts: number; tookMs: number }): void;
  /** The host's own AAC and that of the program's encoder met. */
  seam(seam: LiveSeam): void;
  ended(): void;
  warning(message: string): void;
}

export interface ProgramOptions {
  readonly settings: ProgramSettings;
  readonly resumeAt?: ResumeAt | undefined;
  readonly clock: Clock;
  /** Kept by whoever reads what is written to the program. */
  readonly backlog: Backlog;
  readonly logger: Logger;
  /** The settings are those given, but for the format of the sound: that is the host's where it can be. */
  readonly openMixer: (settings: ProgramSettings) => ProgramMixer;
  readonly openAac: (format: AudioFormat) => ProgramAacEncoder;
  readonly openOpus: (format: AudioFormat) => ProgramOpusEncoder;
  readonly events: ProgramEvents;
}
