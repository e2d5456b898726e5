import { expect, it } from 'vitest';
import type { Finding } from '../../src/glitch/finding.js';
import { LOOK_HEIGHT, LOOK_WIDTH } from '../../src/glitch/picture/picture-look.js';
import { Stills } from '../../src/glitch/picture/stills.js';

const pictureMs = 40;

/** What is found in pictures that differ from the one before by so much, each in every pixel. */
function findingsOf(differences: readonly number[]): Finding[] {
  const findings: Finding[] = [];
  const stills = new Stills((finding) => findings.push(finding));
  const size = LOOK_WIDTH * LOOK_HEIGHT;
  let luma = new Uint8Array(size).fill(100);
  for (const [index, difference] of differences.entries()) {
    // A share of the pixels changes by 10.
    const changed = Math.round((difference * size) / 10);
    luma = luma.map((value, pixel) => (pixel < changed ? 210 - value : value));
    stills.picture({ timeMs: index * pictureMs, unit: index, byteOffset: undefined, luma });
  }
  stills.end();
  return findings;
}

const still = Array<number>(10).fill(0);

it('a freeze begins with the picture that stays, although its copies are still being refined', () => {
  expect(findingsOf([1, 1, 1, 0.1, 0.1, ...still, 1, 1])).toMatchObject([
    { kind: 'freeze', severity: 'minor', timeMs: 2 * pictureMs, unit: 2, durationMs: 13 * pictureMs },
  ]);
});

it('a still that slow pictures come to is no defect', () => {
  expect(findingsOf([1, 1, 0.1, 0.1, 0.1, 0.1, ...still, 1])).toMatchObject([{ severity: 'info', unit: 5 }]);
});
