import { expect, it } from 'vitest';
import type { PictureDetector, Report } from '../../src/glitch/detector.js';
import type { Finding } from '../../src/glitch/finding.js';
import { Black } from '../../src/glitch/picture/black.js';
import { Freeze } from '../../src/glitch/picture/freeze.js';
import { LOOK_HEIGHT, LOOK_WIDTH } from '../../src/glitch/picture/picture-look.js';

const pictureMs = 40;

type Luma = (x: number, y: number) => number;
interface Picture {
  readonly luma: Luma;
  readonly isIdr?: boolean;
}

function findingsOf(
  Detector: new (report: Report) => PictureDetector,
  pictures: readonly Picture[],
): Finding[] {
  const findings: Finding[] = [];
  const detector = new Detector((finding) => findings.push(finding));
  for (const [unit, { luma, isIdr = false }] of pictures.entries()) {
    const pixels = Uint8Array.from({ length: LOOK_WIDTH * LOOK_HEIGHT }, (_, i) =>
      luma(i % LOOK_WIDTH, Math.floor(i / LOOK_WIDTH)),
    );
    detector.picture({ timeMs: unit * pictureMs, unit, byteOffset: undefined, isIdr, luma: pixels });
  }
  detector.end?.();
  return findings;
}

const freezes = (pictures: readonly Picture[]): Finding[] => findingsOf(Freeze, pictures);

/** A bright box at its n-th place, before stripes. */
const box =
  (n: number): Luma =>
  (x, y) =>
    x >= n % 50 && x < (n % 50) + 10 && y > 8 && y < 24 ? 200 : 60 + 2 * (y % 8);
const slide =
  (n: number): Luma =>
  (x, y) =>
    40 + ((x * (n + 3) + y * (n + 5)) % 90);
/** Detail that an encoder adds or takes away: a pixel in four, by one. */
const refined =
  (luma: Luma, n: number): Luma =>
  (x, y) =>
    luma(x, y) + ((x + y + n) % 4 === 0 ? 1 : 0);
/** What an encoder makes of the same picture when it begins anew at a low rate. */
const anew =
  (luma: Luma): Luma =>
  (x, y) =>
    luma(x, y) + (x % 8 < 4 ? 1 : -1);

const moving = (from: number, count: number): Picture[] =>
  Array.from({ length: count }, (_, n) => ({ luma: box(from + n) }));
const still = (luma: Luma, count: number): Picture[] => Array<Picture>(count).fill({ luma });
/** From one slide to the next. */
const fade = (from: Luma, to: Luma): Picture[] =>
  Array.from({ length: 14 }, (_, n) => ({
    luma: (x, y) => Math.round(from(x, y) + ((to(x, y) - from(x, y)) * (n + 1)) / 15),
  }));

it('a freeze begins with the picture that stays, although its copies are still being refined', () => {
  const copies = Array.from({ length: 12 }, (_, n): Picture => ({ luma: refined(box(19), n) }));
  expect(freezes([...moving(0, 20), ...copies, ...moving(32, 10)])).toMatchObject([
    { kind: 'freeze', severity: 'minor', timeMs: 19 * pictureMs, unit: 19, durationMs: 13 * pictureMs },
  ]);
});

it('a freeze whose first copies are put right all over begins with the picture that they are of', () => {
  const brighter = (by: number): Luma => {
    return (x, y) => box(19)(x, y) + by;
  };
  const copies = [{ luma: brighter(1) }, ...still(brighter(2), 11)];
  expect(freezes([...moving(0, 20), ...copies, ...moving(32, 10)])).toMatchObject([
    { severity: 'minor', unit: 19, durationMs: 13 * pictureMs, measured: { pictures: 13 } },
  ]);
});

it('a picture that is coded anew in the middle of a freeze is still the same', () => {
  const copies = still(box(19), 10);
  const after: Picture[] = [{ luma: anew(box(19)), isIdr: true }, ...still(anew(box(19)), 10)];
  expect(freezes([...moving(0, 20), ...copies, ...after, ...moving(41, 10)])).toMatchObject([
    { kind: 'freeze', severity: 'minor', unit: 19, durationMs: 22 * pictureMs },
  ]);
});

it('a freeze that ends with an IDR is told, and one freeze after the other', () => {
  const [first, ...others] = moving(32, 10);
  const frozen = [...moving(0, 20), ...still(box(19), 12), { ...first!, isIdr: true }, ...others];
  expect(freezes([...frozen, ...still(box(41), 12), ...moving(12, 10)])).toMatchObject([
    { severity: 'minor', unit: 19 },
    { severity: 'minor', unit: 41 },
  ]);
});

it('what stops and goes on from there has not missed anything', () => {
  expect(freezes([...moving(0, 20), ...still(box(19), 12), ...moving(20, 10)])).toMatchObject([
    { severity: 'info', unit: 19 },
  ]);
});

it('what creeps on is no freeze', () => {
  const creeping = Array.from({ length: 80 }, (_, n): Picture => ({ luma: (x, y) => box(19)(x, y) + n / 4 }));
  expect(freezes([...moving(0, 20), ...creeping, ...moving(60, 10)])).toEqual([]);
});

it('a slide between slides, and a still that is cut to, are meant', () => {
  const slides = [0, 1, 2].flatMap((n) => still(slide(n), 20));
  expect(freezes(slides).map(({ severity }) => severity)).toEqual(['info', 'info', 'info']);
  const inserted = freezes([...moving(0, 20), ...still(slide(1), 30), ...moving(50, 20)]);
  expect(inserted).toMatchObject([{ severity: 'info', unit: 20 }]);
});

it('a still that pictures fade to is meant', () => {
  const [one, other] = [slide(0), slide(1)];
  const found = freezes([...still(one, 20), ...fade(one, other), ...still(other, 60)]);
  expect(found.map(({ severity }) => severity)).toEqual(['info', 'info']);
});

it('a capture that ends frozen is told from two seconds on', () => {
  expect(freezes([...moving(0, 20), ...still(box(19), 40)])).toMatchObject([{ severity: 'info' }]);
  expect(freezes([...moving(0, 20), ...still(box(19), 60)])).toMatchObject([{ severity: 'major' }]);
});

it('black that pictures fade to is meant, black that they are cut to is a defect', () => {
  const blackAfter = (levels: readonly number[]): Finding[] =>
    findingsOf(
      Black,
      [90, 91, ...levels, ...Array<number>(6).fill(16), 90].map((level) => ({ luma: () => level })),
    );
  expect(blackAfter([80, 70, 60, 50, 40, 30])).toMatchObject([{ kind: 'black', severity: 'info' }]);
  expect(blackAfter([90, 91, 90, 91, 90, 91])).toMatchObject([{ kind: 'black', severity: 'minor' }]);
});
