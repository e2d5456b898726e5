import type { Finding } from '../finding.js';
import { soundKinds } from '../merge.js';

/** Frames that are remembered: 20 s, as findings come up to some seconds after their place. */
const KEPT = 1000;
/** Detectors place a defect so exactly. */
const NEAR_MS = 22;

/** Where the capture is like its reference of late: what is found there is in the source. */
export class Alike {
  #frames: { readonly fromMs: number; readonly toMs: number; readonly isAlike: boolean }[] = [];

  /** Frames come in the order of their times. */
  add(frame: { readonly fromMs: number; readonly toMs: number; readonly isAlike: boolean }): void {
    this.#frames.push(frame);
    if (this.#frames.length > 2 * KEPT) this.#frames = this.#frames.slice(-KEPT);
  }

  /** @returns the finding; `info` where it was guessed from sound that the reference has, too */
  revise(finding: Finding): Finding {
    if (finding.isByReference === true || !soundKinds.has(finding.kind) || finding.severity === 'info') {
      return finding;
    }
    const [from, to] = [finding.timeMs - NEAR_MS, finding.timeMs + finding.durationMs + NEAR_MS];
    const frames = this.#frames.filter(({ fromMs, toMs }) => toMs > from && fromMs < to);
    const isCovered = frames.length > 0 && frames[0]!.fromMs <= from && frames.at(-1)!.toMs >= to;
    if (!isCovered || !frames.every(({ isAlike }) => isAlike)) return finding;
    return { ...finding, severity: 'info', reason: 'the reference has the same: it is in the source' };
  }
}
