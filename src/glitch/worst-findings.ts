import { byWeight, type Finding, type GlitchKind, type Severity } from './finding.js';

/** Beyond this a capture is beyond help, and memory is not. */
export const MAX_FINDINGS = 5000;

/** Keeps the worst findings of a capture and counts all; in memory that does not grow with their number. */
export class WorstFindings {
  readonly counts: Partial<Record<GlitchKind, number>> = {};
  readonly severities: Record<Severity, number> = { info: 0, minor: 0, major: 0 };
  #kept: Finding[] = [];

  add(finding: Finding): void {
    this.counts[finding.kind] = (this.counts[finding.kind] ?? 0) + 1;
    this.severities[finding.severity]++;
    this.#kept.push(finding);
    // Sorting now and then is less work than finding each one its place.
    if (this.#kept.length >= 2 * MAX_FINDINGS) this.#kept = this.#worst();
  }

  /** Worst first, and in order of time; at most {@link MAX_FINDINGS}. */
  take(): { readonly findings: readonly Finding[]; readonly leftOut: number } {
    const findings = this.#worst();
    const { info, minor, major } = this.severities;
    return { findings, leftOut: info + minor + major - findings.length };
  }

  #worst(): Finding[] {
    return this.#kept.sort(byWeight).slice(0, MAX_FINDINGS);
  }
}
