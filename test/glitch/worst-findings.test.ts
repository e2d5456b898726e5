import { expect, it } from 'vitest';
import type { Finding, Severity } from '../../src/glitch/finding.js';
import { MAX_FINDINGS, WorstFindings } from '../../src/glitch/worst-findings.js';

function finding(severity: Severity, timeMs: number): Finding {
  return {
    ...{ kind: 'click', severity, timeMs, medium: 'audio', durationMs: 0, unit: undefined },
    ...{ byteOffset: undefined, reason: '', measured: {}, cause: '' },
  };
}

it('of more findings than a report holds the worst stay, however late they come, and all are counted', () => {
  const worst = new WorstFindings();
  const total = 5 * MAX_FINDINGS;
  for (let n = 0; n < total; n++) worst.add(finding(n % 1000 === 999 ? 'minor' : 'info', n));
  worst.add(finding('major', total));
  const { findings, leftOut } = worst.take();
  expect(findings).toHaveLength(MAX_FINDINGS);
  expect(leftOut).toBe(total + 1 - MAX_FINDINGS);
  expect(worst.counts).toEqual({ click: total + 1 });
  expect(worst.severities).toEqual({ info: total - total / 1000, minor: total / 1000, major: 1 });
  expect(findings[0]).toMatchObject({ severity: 'major', timeMs: total });
  const minor = findings.filter(({ severity }) => severity === 'minor');
  expect(minor.map(({ timeMs }) => timeMs)).toEqual(
    Array.from({ length: total / 1000 }, (_, n) => 1000 * n + 999),
  );
  // Of the mildest, the first.
  expect(findings.at(-1)!.timeMs).toBeLessThan(MAX_FINDINGS);
});
