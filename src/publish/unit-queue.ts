import { unitTimeMs } from '../container/flv/muxer.js';
import type { ProgramUnit } from '../media/program-sink.js';

export interface UnitQueueLimits {
  /** Newest minus oldest time, in milliseconds. */
  readonly maxMs: number;
  readonly maxBytes: number;
}

/**
 * What waits for one slow receiver. When it is full, everything before the newest IDR goes, or everything if that is
 * not enough: what comes out can always be decoded.
 */
export class UnitQueue {
  readonly #limits: UnitQueueLimits;
  readonly #hasVideo: boolean;
  #units: ProgramUnit[] = [];
  #bytes = 0;
  #dropped = 0;
  #needsIdr: boolean;
  /** Nothing has gone out of this connection; audio waits for the first picture. */
  #isBeginning: boolean;
  #beginMs = -Infinity;

  /** @param hasVideo whether pictures are to come at all: audio alone waits for none */
  constructor(limits: UnitQueueLimits, hasVideo: boolean) {
    this.#limits = limits;
    this.#hasVideo = hasVideo;
    this.#needsIdr = this.#isBeginning = hasVideo;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get length(): number {
    return this.#units.length;
  }
  get spanMs(): number {
    const [first, last] = [this.#units[0], this.#units.at(-1)];
    return first === undefined || last === undefined ? 0 : Math.max(0, unitTimeMs(last) - unitTimeMs(first));
  }
  /** Units not let in or thrown out. Sound from before the first picture is nobody's loss. */
  get dropped(): number {
    return this.#dropped;
  }
  /** Pictures are left out until an IDR comes. */
  get needsIdr(): boolean {
    return this.#needsIdr;
  }

  /** A new connection: begins with an IDR; what still waits is not for it. */
  restart(): void {
    this.#clear();
    this.#needsIdr = this.#isBeginning = this.#hasVideo;
    this.#beginMs = -Infinity;
  }

  push(unit: ProgramUnit): void {
    if (!this.#admits(unit)) {
      if (!this.#isFromBefore(unit)) this.#dropped++;
      return;
    }
    this.#units.push(unit);
    this.#bytes += unit.data.length;
    if (this.#isFull()) this.#cut();
  }

  shift(): ProgramUnit | undefined {
    const unit = this.#units.shift();
    if (unit !== undefined) this.#bytes -= unit.data.length;
    return unit;
  }

  #admits(unit: ProgramUnit): boolean {
    if (unit.kind === 'audio') return !this.#isBeginning && unitTimeMs(unit) >= this.#beginMs;
    if (this.#needsIdr && !unit.isIdr) return false;
    if (this.#isBeginning) this.#beginMs = unitTimeMs(unit);
    this.#needsIdr = this.#isBeginning = false;
    return true;
  }

  #isFromBefore(unit: ProgramUnit): boolean {
    return unit.kind === 'audio' && !this.#isBeginning && unitTimeMs(unit) < this.#beginMs;
  }

  #isFull(): boolean {
    return this.#bytes > this.#limits.maxBytes || this.spanMs > this.#limits.maxMs;
  }

  #cut(): void {
    const newestIdr = this.#units.findLastIndex((unit) => unit.kind === 'video' && unit.isIdr);
    if (newestIdr > 0) {
      this.#dropped += newestIdr;
      for (const unit of this.#units.splice(0, newestIdr)) this.#bytes -= unit.data.length;
    }
    if (!this.#isFull()) return;
    this.#clear();
    this.#needsIdr = this.#hasVideo;
  }

  #clear(): void {
    this.#dropped += this.#units.length;
    this.#units = [];
    this.#bytes = 0;
  }
}
