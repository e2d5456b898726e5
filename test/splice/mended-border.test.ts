import { describe, expect, test } from 'vitest';
import { AROUND, MENDED, mendedBorder } from '../../src/splice/mended-border.js';
import { music } from './music.js';
import { encodeSource, piece, splice } from './rig.js';

const RATE = 48_000;
const REACH = AROUND + MENDED;

/** Two partials, and hiss 60 dB down. */
const tones = Float32Array.from({ length: 2 * REACH }, (_, n) => {
  const hiss = ((Math.imul(n + 1, 0x9e3779b1) >>> 0) / 2 ** 32 - 0.5) * 3e-4;
  return 0.3 * Math.sin(n * 0.043) + 0.1 * Math.sin(n * 0.31) + hiss;
});

describe('Where one recording begins as another one ends', () => {
  test('blurred edges become what the sound on either side makes of them', () => {
    const blurred = tones.slice();
    for (let i = -12; i < 12; i++) blurred[REACH + i]! *= 0.5 + Math.abs(i) / 24;
    const mended = mendedBorder(blurred)!;
    mended.forEach((sample, i) => expect(sample).toBeCloseTo(tones[AROUND + i]!, 2));
  });

  test('sound that goes on by itself is left as it is', () => {
    expect(mendedBorder(tones)).toBeUndefined();
    expect(mendedBorder(new Float32Array(2 * REACH))).toBeUndefined();
  });

  test('two halves of a piece of music, encoded apart, are joined without a tick', async () => {
    const samples = 3 * RATE;
    const cut = 1.5 * RATE;
    const original = [music(samples, 3)];
    const coding = { encoder: 'aac', bitrateBps: 64_000, sampleRate: RATE } as const;
    const halves = [
      encodeSource(original, { ...coding, to: cut }),
      encodeSource(original, { ...coding, from: cut }),
    ] as const;
    const { splicer } = await splice(halves, {
      pieces: [piece(halves[0], 0, cut), piece(halves[1], cut, samples - cut)],
      trims: true,
    });
    const [, second] = splicer.plan.starts;
    const [joined] = await splicer.sound(second! - MENDED, second! + MENDED);
    const plain = [0, 1].flatMap((half) =>
      Array.from(halves[half]!.decoded[0]!.subarray(cut - (1 - half) * MENDED, cut + half * MENDED)),
    );
    // The largest second difference: what a tick has more of than the sound around it.
    const bend = (heard: ArrayLike<number>): number =>
      Math.max(
        ...Array.from(heard, (x, i) => Math.abs(x - 2 * (heard[i - 1] ?? x) + (heard[i - 2] ?? x))).slice(2),
      );
    const before = halves[0].decoded[0]!.subarray(cut - 2 * AROUND, cut - AROUND);
    expect(bend(plain)).toBeGreaterThan(1.5 * bend(before));
    expect(bend(joined!)).toBeLessThan(1.1 * bend(before));
  });
});
