import { expect, it } from 'vitest';
import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import { openCapture } from '../../src/glitch/capture/open.js';
import type { Finding } from '../../src/glitch/finding.js';

async function findingsOf(name: string): Promise<Finding[]> {
  const capture = await openCapture(new URL(`../../samples/${name}`, import.meta.url).pathname);
  const findings: Finding[] = [];
  await analyseCapture(capture, { pictures: true, onFinding: (finding) => findings.push(finding) });
  await capture.close();
  return findings;
}

it('finds in the glitchy sample what was done to it, where it was done', async () => {
  const findings = await findingsOf('glitchy.flv');
  const at = (kind: string, medium: string): number | undefined =>
    findings.find((finding) => finding.kind === kind && finding.medium === medium)?.unit;
  // Sequence headers are tags, not units.
  expect(at('pts-gap', 'audio')).toBe(89);
  expect(at('damaged-frame', 'audio')).toBe(175);
  expect(at('pts-overlap', 'audio')).toBe(265);
  expect(at('pts-gap', 'video')).toBe(170);
});

it.each(['show.flv', 'show.mp4', 'voice.m4a', 'host.mp4', 'guest.mp4'])(
  'finds nothing in %s',
  async (name) => {
    expect((await findingsOf(name)).filter(({ severity }) => severity !== 'info')).toEqual([]);
  },
);
