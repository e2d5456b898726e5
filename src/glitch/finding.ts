/** What a finding is about. `docs/analyze-glitch.md` describes each kind and what sets its severity. */
export type GlitchKind =
  | 'gap'
  | 'silence-run'
  | 'repeat'
  | 'skip'
  | 'click'
  | 'level-jump'
  | 'channel-dropout'
  | 'clipping'
  | 'bandwidth-drop'
  | 'noise-burst'
  | 'bad-seam'
  | 'alien-frame'
  | 'illegal-window'
  | 'encoder-change'
  | 'priming-leak'
  | 'config-change'
  | 'damaged-frame'
  | 'pts-gap'
  | 'pts-overlap'
  | 'pts-backwards'
  | 'av-skew'
  | 'irregular-duration'
  | 'freeze'
  | 'black'
  | 'missing-idr'
  | 'resolution-change'
  | 'decode-error';

/** `info`: legal and inaudible, or only a habit; `minor`: noticed by who attends; `major`: noticed by anyone. */
export type Severity = 'info' | 'minor' | 'major';

const ranks: Readonly<Record<Severity, number>> = { info: 0, minor: 1, major: 2 };

/** Grows with severity. */
export function severityRank(severity: Severity): number {
  return ranks[severity];
}

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return ranks[severity] >= ranks[least];
}

export type Medium = 'audio' | 'video';

/** A severity and why it is that. */
export interface Verdict {
  readonly severity: Severity;
  readonly reason: string;
}

/** A place of a capture where something is wrong. */
export interface Finding extends Verdict {
  readonly kind: GlitchKind;
  readonly medium: Medium;
  /** From the first time stamp of the capture, so that it is what a player shows. */
  readonly timeMs: number;
  /** 0 for an instant. */
  readonly durationMs: number;
  /** The access unit, counted from 0 in its track; undefined in formats without them. */
  readonly unit: number | undefined;
  /** Where that unit (for WAV: the sample) begins, in bytes; undefined when another program has rewritten the input. */
  readonly byteOffset: number | undefined;
  /** Figures behind the finding; units are in the names. */
  readonly measured: Readonly<Record<string, number | string>>;
  /** The likely cause, in plain words. */
  readonly cause: string;
  /** Seen against a reference: it is so, not likely so. */
  readonly isByReference?: true;
}

/** Worst first; among equals, in order of time. */
export function byWeight(a: Finding, b: Finding): number {
  return ranks[b.severity] - ranks[a.severity] || a.timeMs - b.timeMs;
}
