import { describe, expect, it } from 'vitest';
import type { Finding, GlitchKind } from '../../src/glitch/finding.js';
import { Merge } from '../../src/glitch/merge.js';

function found(kind: GlitchKind, timeMs: number, more: Partial<Finding> = {}): Finding {
  return {
    kind,
    medium: 'audio',
    severity: 'minor',
    reason: '',
    timeMs,
    durationMs: 0,
    measured: {},
    cause: '',
    ...more,
  } as Finding;
}

const byReference = { isByReference: true } as const;

function merged(...findings: Finding[]): string[] {
  const kinds: string[] = [];
  const merge = new Merge(({ kind }) => kinds.push(kind));
  for (const finding of findings) merge.take(finding);
  merge.end();
  return kinds;
}

describe('of findings about one defect', () => {
  it('a hole goes before the ticks at its edges', () => {
    const gap = found('gap', 1000, { durationMs: 30 });
    expect(merged(found('click', 1000), gap, found('click', 1030))).toEqual(['gap']);
    expect(merged(gap, found('click', 1100))).toEqual(['gap', 'click']);
  });

  it('a bad seam goes before a dip in it, and a hole that is longer before the bad seam', () => {
    const seam = found('bad-seam', 1000, { durationMs: 21.3 });
    for (const known of [{}, byReference]) {
      expect(merged(found('gap', 1004, { durationMs: 6, ...known }), seam)).toEqual(['bad-seam']);
      expect(merged(seam, found('gap', 1004, { durationMs: 60, ...known }))).toEqual(['gap']);
    }
  });

  it('what was measured by the reference goes before a guess', () => {
    expect(merged(found('skip', 1000), found('click', 1001, byReference))).toEqual(['click']);
  });

  it('but for a hole of which the reference tells an edge or a part', () => {
    const gap = found('gap', 1000, { durationMs: 8 });
    const silence = found('silence-run', 1000, { durationMs: 300 });
    expect(merged(gap, found('click', 1009, byReference))).toEqual(['gap']);
    expect(merged(silence, found('gap', 1001, { durationMs: 150, ...byReference }))).toEqual(['silence-run']);
    expect(merged(found('bandwidth-drop', 1003, byReference), silence)).toEqual(['silence-run']);
  });

  it.each(['clipping', 'bandwidth-drop'] as const)('%s stays beside what it begins with', (kind) => {
    expect(merged(found(kind, 1000), found('level-jump', 1001, byReference))).toEqual([kind, 'level-jump']);
    expect(merged(found(kind, 1000), found(kind, 1001, byReference))).toEqual([kind]);
  });
});
