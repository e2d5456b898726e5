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
const moving = Array<number>(6).fill(1);

it('a freeze begins with the picture that stays, although its copies are still being refined', () => {
  expect(findingsOf([...moving, 0.1, 0.1, ...still, 1, 1])).toMatchObject([
    { kind: 'freeze', severity: 'minor', timeMs: 5 * pictureMs, unit: 5, durationMs: 13 * pictureMs },
  ]);
});

it('a still that slow pictures come to is no defect', () => {
  expect(findingsOf([1, 1, 0.1, 0.1, 0.1, 0.1, ...still, 1])).toMatchObject([{ severity: 'info', unit: 5 }]);
});

it('a slide between slides, and a still that is cut to, are meant', () => {
  expect(findingsOf([1, ...still, 9, ...still, 9])).toMatchObject([
    { severity: 'info' },
    { severity: 'info' },
  ]);
  expect(findingsOf([...moving, 9, ...still, ...moving])).toMatchObject([{ severity: 'info' }]);
});

it('black that pictures fade to is meant, black that they are cut to is a defect', () => {
  const blackAfter = (levels: readonly number[]): Finding[] => {
    const findings: Finding[] = [];
    const stills = new Stills((finding) => findings.push(finding));
    const black = Array<number>(6).fill(16);
    for (const [index, level] of [90, 91, ...levels, ...black, 90].entries()) {
      const luma = new Uint8Array(LOOK_WIDTH * LOOK_HEIGHT).fill(level);
      stills.picture({ timeMs: index * pictureMs, unit: index, byteOffset: undefined, luma });
    }
    stills.end();
    return findings;
  };
  expect(blackAfter([80, 70, 60, 50, 40, 30])).toMatchObject([{ kind: 'black', severity: 'info' }]);
  expect(blackAfter([90, 91, 90, 91, 90, 91])).toMatchObject([{ kind: 'black', severity: 'minor' }]);
});
