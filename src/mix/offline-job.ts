import type { ProgramSettings } from '../media/program-settings.js';

/** One recorded participant of an offline mix. */
export interface OfflineInput {
  /** An MP4 with H.264, AAC or Opus. */
  readonly path: string;
  /** Shown as the label. */
  readonly name: string;
  /** When it comes on, from the program's beginning. */
  readonly startMs: number;
}

/** What the child process is asked to do. The first input is the host. */
export interface OfflineJob {
  readonly inputs: readonly OfflineInput[];
  readonly settings: ProgramSettings;
  /** Written from scratch; renamed by the parent once complete. */
  readonly outputPath: string;
}

export interface OfflineResult {
  readonly pictures: number;
  /** Length of the program. */
  readonly durationMs: number;
  readonly bytes: number;
  /** Pictures and audio units of the inputs that could not be decoded. */
  readonly decodeErrors: number;
}

/** Program time that is done, told while it works. */
export interface OfflineProgress {
  readonly doneMs: number;
}
