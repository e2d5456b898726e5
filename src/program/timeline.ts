import { sameConfig, type AacUnit, type VideoConfig, type VideoUnit } from '../media/access-unit.js';
import type { ProgramSource } from '../media/program-settings.js';

const AAC_FRAME = 1024;
/**
 * Least distance of two decoding times that had to be corrected, in 1/90000 s: one millisecond, so that they still
 * differ in FLV.
 */
const MIN_DTS_STEP = 90;
/** Presentation times remembered to find repeats; no stream reorders over more pictures (ITU-T H.264 §A.3.1: 16). */
const PTS_KEPT = 32;

export interface TimelineStats {
  /** Units that would have broken the order of the program, and those that depended on them. */
  droppedUnits: number;
  /** Decoding times moved, which happens where a mix meets a relay with reordered pictures. */
  correctedDts: number;
}

export type EmitProgramUnit = (unit: VideoUnit | AacUnit, source: ProgramSource) => void;

/**
 * The one place through which every unit of the program goes out, and which holds what viewers rely on: presentation
 * times strictly increase across pictures in presentation order, decoding times strictly increase and are never
 * above the presentation time, a new configuration comes with an IDR, and audio advances by exactly 1024 samples.
 * What would break that is dropped and counted, with everything up to the next IDR.
 */
export class ProgramTimeline {
  readonly stats: TimelineStats = { droppedUnits: 0, correctedDts: 0 };
  readonly #emit: EmitProgramUnit;
  #needsIdr = true;
  #config: VideoConfig | undefined;
  #maxPts = -1;
  #lastDts = -1;
  #idrPts = -1;
  #recentPts: number[] = [];
  #nextAudioPts: number | undefined;

  constructor(emit: EmitProgramUnit) {
    this.#emit = emit;
  }

  /** A program that was on the air before: nothing may come before these. */
  resume(videoPts: number, audioPts: number): void {
    this.#maxPts = videoPts - 1;
    this.#lastDts = videoPts - 1;
    this.#nextAudioPts = audioPts;
  }

  /** Greatest presentation time put out, in 1/90000 s; −1 before the first picture. */
  get lastVideoPts(): number {
    return this.#maxPts;
  }

  /** Presentation time of the last IDR, in 1/90000 s; −1 before the first. */
  get lastIdrPts(): number {
    return this.#idrPts;
  }

  /** Whether only an IDR can go out next. */
  get needsIdr(): boolean {
    return this.#needsIdr;
  }

  /** The source changes: only an IDR may follow. */
  expectIdr(): void {
    this.#needsIdr = true;
  }

  /** @returns whether the unit went out */
  video(unit: VideoUnit, source: ProgramSource): boolean {
    const dts = this.#dtsFor(unit);
    if (!this.#fits(unit) || dts === undefined) {
      this.#needsIdr = true;
      this.stats.droppedUnits++;
      return false;
    }
    if (unit.isIdr) {
      this.#needsIdr = false;
      this.#idrPts = unit.pts;
      this.#config = unit.config;
    }
    this.#maxPts = Math.max(this.#maxPts, unit.pts);
    this.#lastDts = dts;
    this.#recentPts.push(unit.pts);
    if (this.#recentPts.length > PTS_KEPT) this.#recentPts.shift();
    if (dts !== unit.dts) this.stats.correctedDts++;
    this.#emit(dts === unit.dts ? unit : { ...unit, dts }, source);
    return true;
  }

  #fits(unit: VideoUnit): boolean {
    if (unit.isIdr) return unit.pts > this.#maxPts;
    if (this.#needsIdr || this.#config === undefined || !sameConfig(this.#config, unit.config)) return false;
    // No picture that follows an IDR in decoding order precedes it in output order (ITU-T H.264 §3.69).
    return unit.pts > this.#idrPts && !this.#recentPts.includes(unit.pts);
  }

  #dtsFor(unit: VideoUnit): number | undefined {
    const wanted = Math.min(unit.dts, unit.pts);
    if (wanted > this.#lastDts) return wanted;
    const spaced = Math.min(this.#lastDts + MIN_DTS_STEP, unit.pts);
    return spaced > this.#lastDts ? spaced : undefined;
  }

  /** The pts of the next audio unit, in samples; `undefined` before {@link startAudio}. */
  get nextAudioPts(): number | undefined {
    return this.#nextAudioPts;
  }

  /** Sets where the audio grid begins. Only ever forward; without effect on a grid that is already past it. */
  startAudio(pts: number): void {
    this.#nextAudioPts = Math.max(pts, this.#nextAudioPts ?? pts);
  }

  /** Puts out a unit at the next position of the grid, whatever its own time says. */
  audio(unit: AacUnit, source: ProgramSource): void {
    const pts = this.#nextAudioPts ?? unit.pts;
    this.#nextAudioPts = pts + AAC_FRAME;
    this.#emit({ ...unit, pts }, source);
  }
}
