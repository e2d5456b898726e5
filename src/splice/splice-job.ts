import type { JointKind } from './bridge.js';
import type { Techniques, TechniqueName } from './techniques.js';

/** A moment in a file: seconds, or samples at the file's own rate. */
export type Point = { readonly seconds: number } | { readonly samples: number };

/** A stretch of a file; without points, from its beginning and to its end. */
export interface PieceSpec {
  readonly path: string;
  readonly in?: Point | undefined;
  readonly out?: Point | undefined;
}

export type OutputFormat = 'mp4' | 'm4a' | 'flv' | 'adts';

/** What the child process is asked to do. */
export interface SpliceJob {
  readonly pieces: readonly PieceSpec[];
  readonly format: OutputFormat;
  /** Written from scratch; renamed by the parent once complete. */
  readonly outputPath: string;
  /** For what is encoded until it is laid out; removed by the parent. */
  readonly spoolPath: string;
  /** `exact`: all sound is encoded anew by one encoder, no sample is gained or lost. */
  readonly audio: 'smart' | 'exact';
  readonly techniques: Techniques;
  /** Of what is encoded; by the sources' own when left out. */
  readonly audioBitrateBps?: number | undefined;
}

export interface SeamReport {
  /** Where two pieces meet, in seconds of the program. */
  readonly seconds: number;
  readonly before: string;
  readonly after: string;
  /** Frames of sound encoded anew around it, those of `rescaledFrames` not counted. */
  readonly bridgedFrames: number;
  /** Frames in which the sound plays a little faster or slower. */
  readonly rescaledFrames: number;
  /** How the bridge meets the passed frames before and after it. */
  readonly start: JointKind;
  readonly end: JointKind;
  readonly techniques: readonly TechniqueName[];
  /** By how much what follows is later than its true time, in samples; at most half a frame either way. */
  readonly offsetSamples: number;
  /**
   * Loudest error of the seam as decoded, over that of the program's encoder going over the same sound without a seam, in
   * dB; undefined where nothing is passed through at either side.
   */
  readonly excessDb: number | undefined;
  /** Pictures encoded anew because they belong to groups that were cut. */
  readonly encodedPictures: number;
}

/** The time map of a piece: source time `in` plays at `at`; both in seconds. */
export interface PieceReport {
  readonly path: string;
  readonly in: number;
  readonly out: number;
  readonly at: number;
  readonly offsetSamples: number;
  readonly passedFrames: number;
  /** Why its sound or its pictures could not be passed through. */
  readonly notes: readonly string[];
}

export interface SpliceResult {
  readonly seams: readonly SeamReport[];
  readonly pieces: readonly PieceReport[];
  readonly seconds: number;
  readonly bytes: number;
  readonly passedFrames: number;
  readonly bridgedFrames: number;
  readonly copiedPictures: number;
  readonly encodedPictures: number;
}

export interface SpliceProgress {
  readonly stage: 'reading' | 'splicing' | 'writing';
  /** 0…1 of the stage. */
  readonly done: number;
}

/** What the child process says while it works. */
export type FromSplice =
  /** An input of another kind: answered by {@link BroughtIn}. */
  | { readonly type: 'bring-in'; readonly path: string }
  | { readonly type: 'progress'; readonly progress: SpliceProgress };

/** Where the MP4 lies that an input has become. */
export interface BroughtIn {
  readonly path: string;
  readonly target: string;
}
