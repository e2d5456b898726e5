import { glyphs, ligatures, marks, unknownGlyph } from './glyphs.js';
import { toDrawableText } from './transliterate.js';

/** How much of each pixel a drawing covers, 0 to 255, row by row. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly coverage: Uint8Array;
}

interface Segment {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** In font units: a capital is 14 high, a line 24. */
const CAPITAL = 14;
const LINE = 24;
const TOP = 3;
const SPACING = 3.4;
const STROKE_RADIUS = 1.05;
const CURVE_STEPS = 8;
const LOWER_MARK_Y = 3;
const UPPER_MARK_Y = -0.8;

/**
 * Draws one line of text, antialiased. Letters with marks are put together from both; what the font does not have is
 * transliterated or left out ({@link drawable}); text past `maxWidth` ends in an ellipsis.
 *
 * @param capitalHeight in pixels
 */
export function drawText(text: string, capitalHeight: number, maxWidth: number): Mask {
  const scale = capitalHeight / CAPITAL;
  let letters = [...new Intl.Segmenter().segment(drawable(text))].map(({ segment }) => segment);
  const room = maxWidth / scale;
  if (lineWidth(letters) > room) {
    while (letters.length > 0 && lineWidth([...letters, '…']) > room) letters = letters.slice(0, -1);
    letters = [...letters, '…'];
  }
  const width = Math.max(1, Math.min(Math.ceil(maxWidth), Math.ceil(lineWidth(letters) * scale)));
  const height = Math.ceil(LINE * scale);
  const coverage = new Uint8Array(width * height);
  let x = 2 * STROKE_RADIUS;
  for (const letter of letters) {
    const { advance, segments } = shape(letter);
    for (const segment of segments) {
      strokeSegment(coverage, width, height, {
        x1: (segment.x1 + x) * scale,
        y1: (segment.y1 + TOP) * scale,
        x2: (segment.x2 + x) * scale,
        y2: (segment.y2 + TOP) * scale,
        radius: Math.max(0.6, STROKE_RADIUS * scale),
      });
    }
    x += advance + SPACING;
  }
  return { width, height, coverage };
}

/** The first letters of the first and last word, for who has no picture. */
export function initialsOf(name: string): string {
  const words = drawable(name)
    .trim()
    .split(/\s+/u)
    .filter((word) => word !== '');
  const first = (word: string | undefined): string =>
    word === undefined ? '' : ([...new Intl.Segmenter().segment(word)][0]?.segment ?? '');
  const letters = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '');
  return letters === '' ? '?' : letters.toLocaleUpperCase('en');
}

/** What of a text is drawn; empty when there is nothing of it in our alphabets. */
export function drawable(text: string): string {
  return toDrawableText(replaceLigatures(text), isDrawn);
}

/** Letters count by their base: a mark that is not known is left off. */
function isDrawn(grapheme: string): boolean {
  return glyphs[grapheme] !== undefined || glyphs[[...grapheme.normalize('NFD')][0] ?? ''] !== undefined;
}

function replaceLigatures(text: string): string {
  return [...text.normalize('NFC')].map((char) => ligatures[char] ?? char).join('');
}

function lineWidth(letters: readonly string[]): number {
  const inner = letters.reduce((sum, letter) => sum + shape(letter).advance + SPACING, -SPACING);
  return Math.max(0, inner) + 4 * STROKE_RADIUS;
}

/** One letter with its marks, in font units from its left edge. */
function shape(letter: string): { advance: number; segments: Segment[] } {
  const whole = glyphs[letter];
  if (whole !== undefined) return { advance: whole[0], segments: flatten(whole[1], 0, 0) };
  const [base = '', ...combining] = [...letter.normalize('NFD')];
  const known = combining.filter((mark) => marks[mark] !== undefined);
  const dotless = base === 'i' && known.some((mark) => marks[mark]!.below !== true) ? 'ı' : base;
  const [advance, path] = glyphs[dotless] ?? unknownGlyph;
  const segments = flatten(path, 0, 0);
  const markY = base === base.toLowerCase() ? LOWER_MARK_Y : UPPER_MARK_Y;
  for (const mark of known) {
    const { path: markPath, below } = marks[mark]!;
    segments.push(...flatten(markPath, advance / 2, below === true ? 0 : markY));
  }
  return { advance, segments };
}

function flatten(path: string, dx: number, dy: number): Segment[] {
  const segments: Segment[] = [];
  let x = 0;
  let y = 0;
  const lineTo = (toX: number, toY: number): void => {
    segments.push({ x1: x + dx, y1: y + dy, x2: toX + dx, y2: toY + dy });
    x = toX;
    y = toY;
  };
  for (const [, command, rest = ''] of path.matchAll(/([MLC])([^MLC]*)/g)) {
    const n = rest.trim().split(/\s+/).map(Number);
    const at = (i: number): number => n[i] ?? 0;
    if (command === 'M') {
      x = at(0);
      y = at(1);
    } else if (command === 'L') {
      lineTo(at(0), at(1));
    } else {
      const [fromX, fromY] = [x, y];
      for (let step = 1; step <= CURVE_STEPS; step++) {
        const t = step / CURVE_STEPS;
        const u = 1 - t;
        const bezier = (a: number, b: number, c: number, d: number): number =>
          u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
        lineTo(bezier(fromX, at(0), at(2), at(4)), bezier(fromY, at(1), at(3), at(5)));
      }
    }
  }
  return segments;
}

/** A round-ended stroke: coverage falls from 1 to 0 within a pixel around its edge. */
function strokeSegment(
  coverage: Uint8Array,
  width: number,
  height: number,
  stroke: Segment & { readonly radius: number },
): void {
  const { x1, y1, x2, y2, radius } = stroke;
  const reach = radius + 1;
  const left = Math.max(0, Math.floor(Math.min(x1, x2) - reach));
  const right = Math.min(width - 1, Math.ceil(Math.max(x1, x2) + reach));
  const top = Math.max(0, Math.floor(Math.min(y1, y2) - reach));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y1, y2) + reach));
  const dx = x2 - x1;
  const dy = y2 - y1;
  const lengthSquared = dx * dx + dy * dy;
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x1;
      const py = row + 0.5 - y1;
      const t = lengthSquared === 0 ? 0 : Math.max(0, Math.min(1, (px * dx + py * dy) / lengthSquared));
      const distance = Math.hypot(px - t * dx, py - t * dy);
      const value = Math.round(255 * Math.max(0, Math.min(1, radius + 0.5 - distance)));
      const index = row * width + column;
      if (value > coverage[index]!) coverage[index] = value;
    }
  }
}
