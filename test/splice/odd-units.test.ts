/** Access units as few encoders write them: what is passed through keeps every bit, and what joins it still fits. */
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAsc } from '../../src/codec/aac/asc.js';
import { channelWindows, parseRawDataBlock, type RawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { FRAME } from '../../src/splice/piece.js';
import { illegalWindowSteps } from '../peers/aac-windows.js';
import { bitsOf, bytesOf } from './bit-text.js';
import { music } from './music.js';
import { decode, encodeSource, piece, splice, type KnownSource, type Spliced } from './rig.js';
import { worstExcess } from './seam-noise.js';

const RATE = 48_000;
const SAMPLES = 3 * RATE;
const SEAM = 1.5 * RATE + 77;
/** The most that a seam may add to the noise of the encodes it joins. */
const WORST_EXCESS_DB = 6;

function expectSeamless(spliced: Spliced, sources: readonly KnownSource[], seam: number): void {
  expect(illegalWindowSteps(spliced.units)).toEqual([]);
  for (const { start, end } of spliced.splicer.bridges) {
    expect(['exact', 'rebuilt', 'none']).toContain(start);
    expect(['exact', 'rebuilt', 'none']).toContain(end);
  }
  const uncut = sources.map(({ decoded }) => decoded);
  expect(worstExcess(spliced.decoded, sources[0]!.original, uncut, seam)).toBeLessThan(WORST_EXCESS_DB);
}

function parsed({ data, config }: AacUnit): RawDataBlock {
  return parseRawDataBlock(data, parseAsc(config.asc));
}

describe('elements before the channels', () => {
  const original = [music(SAMPLES, 11)];
  let plain: readonly [KnownSource, KnownSource];
  beforeAll(() => {
    const options = { bitrateBps: 96_000, sampleRate: RATE };
    plain = [
      encodeSource(original, { ...options, encoder: 'libfdk_aac' }),
      encodeSource(original, { ...options, encoder: 'aac' }),
    ];
  });

  test.each([
    ['a data stream', `100 0000 0 00000011 ${'10110010'.repeat(3)}`, 'data'],
    ['a data stream on whole bytes', `100 0000 1 00000010 ${'10110010'.repeat(2)}`, 'data'],
    ['a fill element', `110 0011 0000 ${'1010'.repeat(5)}`, 'fill'],
    [
      'a program config element',
      '101 0000 01 0011 0001 0000 0000 00 000 0000 0 0 0 00000 000000 00000001 01000001',
      'program-config',
    ],
  ] as const)('%s is passed through', async (_, element, kind) => {
    const sources = plain.map((source): KnownSource => {
      const units = source.units.map((unit) => ({ ...unit, data: bytesOf(element + bitsOf(unit.data)) }));
      return { ...source, units, decoded: decode(units, 1, SAMPLES) };
    });
    expect(parsed(sources[0]!.units[50]!).sideElements).toContain(kind);
    const pieces = [piece(sources[0]!, 0, SEAM), piece(sources[1]!, SEAM, SAMPLES - SEAM)];
    const spliced = await splice(sources, { pieces, trims: true });
    expectSeamless(spliced, sources, SEAM);
    const known = new Set(sources.flatMap(({ units }) => units.map(({ data }) => data.toString('base64'))));
    const passed = spliced.units.filter(({ data }) => known.has(data.toString('base64')));
    const bridged = spliced.splicer.bridges.reduce((sum, { frames }) => sum + frames, 0);
    expect(passed).toHaveLength(spliced.units.length - bridged);
    expect(bridged).toBeLessThan(12);
  });
});

test('channels of a pair with windows of their own are joined, each by its own', async () => {
  // Attacks in one channel: the other one stays with long windows, so the pair cannot have a common one.
  const tone = Float32Array.from(
    { length: SAMPLES },
    (_, n) => 0.3 * Math.sin((2 * Math.PI * 440 * n) / RATE),
  );
  const clicks = tone.slice();
  for (let at = 5_000; at < SAMPLES - 100; at += 7_001) {
    for (let i = 0; i < 100; i++) clicks[at + i]! += 0.6 * (i % 2 === 0 ? 1 : -1) * Math.exp(-i / 20);
  }
  const original = [clicks, tone];
  const options = { bitrateBps: 128_000, sampleRate: RATE } as const;
  const a = encodeSource(original, { ...options, encoder: 'aac' });
  const b = encodeSource(original, { ...options, encoder: 'libfdk_aac' });
  const apart = a.units.filter((unit) => {
    const block = parsed(unit);
    const [left, right] = channelWindows(block);
    const isInside = unit.pts > RATE / 2 && unit.pts < SAMPLES - RATE;
    return isInside && !block.elements[0]!.commonWindow && left!.sequence !== right!.sequence;
  });
  expect(apart.length).toBeGreaterThan(4);
  for (const { pts } of apart.slice(0, 4)) {
    const seam = pts + 2 * FRAME;
    const there = [piece(a, 0, seam), piece(b, seam, SAMPLES - seam)];
    expectSeamless(await splice([a, b], { pieces: there, trims: true }), [a, b], seam);
    const back = [piece(b, 0, seam), piece(a, seam, SAMPLES - seam)];
    expectSeamless(await splice([b, a], { pieces: back, trims: true }), [b, a], seam);
  }
});
