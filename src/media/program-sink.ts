import type { AacUnit, VideoUnit } from './access-unit.js';

/** A unit of the program: H.264 with 90 kHz times, AAC with times in samples; both on the program's one clock. */
export type ProgramUnit = VideoUnit | AacUnit;

/**
 * Anything the program goes to: an RTMP target, the origin, a recording. A sink has a bounded queue of its own and
 * never makes the program wait: when it falls behind it drops to the next IDR and counts what it dropped.
 */
export interface ProgramSink {
  /** Takes one unit without blocking and without throwing. */
  write(unit: ProgramUnit): void;
  /** Finishes what was written and releases everything. Idempotent. */
  close(): Promise<void>;
}
