import type { TimelineEntry } from '../../src/serve/room-api.js';

/** `away`: the slate stands in for a host who was there before; `starting`: before the first picture. */
export type PhaseKind = 'starting' | 'live' | 'collab' | 'away';

export interface Phase {
  readonly kind: PhaseKind;
  readonly lengthMs: number;
  /** From the request, or the cause, to its first picture. */
  readonly tookMs: number;
}

/**
 * The timeline as viewers see it. A lone host is live, whether relayed or mixed (with the relay off, or while pictures
 * come too late to be relayed): only who is seen makes a phase.
 */
export function phasesOf(timeline: readonly TimelineEntry[], now: number): readonly Phase[] {
  const first = timeline.findIndex(({ source }) => source !== 'slate');
  const begun = first === -1 ? timeline.length : first;
  const phases: Phase[] = [];
  for (const [index, entry] of timeline.entries()) {
    const kind = index < begun ? 'starting' : kindOf(entry);
    const next = timeline[index + 1];
    const end = next === undefined ? now : Date.parse(next.at);
    // The server's clock may be ahead of this one.
    const lengthMs = Math.max(0, end - Date.parse(entry.at));
    const before = phases.at(-1);
    if (before?.kind !== kind) phases.push({ kind, lengthMs, tookMs: entry.tookMs });
    else phases[phases.length - 1] = { ...before, lengthMs: before.lengthMs + lengthMs };
  }
  return phases;
}

/** How often the program went from one phase to another, and how long the last time took. */
export function switchesOf(phases: readonly Phase[]): { count: number; lastMs: number | undefined } {
  const begun = phases.filter(({ kind }) => kind !== 'starting');
  return {
    count: Math.max(0, begun.length - 1),
    lastMs: begun.length > 1 ? begun.at(-1)?.tookMs : undefined,
  };
}

function kindOf({ mode, source }: TimelineEntry): PhaseKind {
  if (source === 'slate') return 'away';
  return source === 'relay' ? 'live' : mode;
}
