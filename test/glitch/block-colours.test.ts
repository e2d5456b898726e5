import { describe, expect, it } from 'vitest';
import { WindowShape } from '../../src/codec/aac/channel-stream.js';
import { risingHalf } from '../../src/codec/aac/window.js';
import { BlockColours, type ColourMeasures } from '../../src/glitch/bitstream/block-colours.js';
import { Sound } from '../../src/glitch/signal/sound.js';
import { noise } from '../libav/signal.js';

const FRAME = 1024;
const RATE = 48_000;

/** Noise in which neighbours are alike (a positive share) or unlike. */
function coloured(seed: number, share: number): Float32Array {
  let last = 0;
  return noise(3 * FRAME, seed, 0.2).map((x) => (last = x + share * last));
}

function measure(samples: Float32Array, shape: WindowShape): ColourMeasures {
  const sound = new Sound(RATE, 1);
  sound.append([samples], { timeMs: 0, unit: 0, byteOffset: 0 });
  return new BlockColours().measure(sound, FRAME, shape)!;
}

/** What a decoder makes of a block of one sound and a block of another. */
function spliced(one: Float32Array, other: Float32Array, shape: WindowShape): Float32Array {
  const rising = risingHalf('long', shape, FRAME);
  const out = one.slice();
  out.set(other.subarray(2 * FRAME), 2 * FRAME);
  for (let n = 0; n < FRAME; n++) {
    const mirrored = FRAME - 1 - n;
    const [up, down] = [rising[n]!, rising[mirrored]!];
    const [a, b] = [one.subarray(FRAME), other.subarray(FRAME)];
    out[FRAME + n] = down * (down * a[n]! + up * a[mirrored]!) + up * (up * b[n]! - down * b[mirrored]!);
  }
  return out;
}

function changed(one: Float32Array, other: Float32Array, at: number): Float32Array {
  const out = one.slice();
  out.set(other.subarray(at), at);
  return out;
}

describe.each([
  ['sine', WindowShape.sine],
  ['Kaiser-Bessel', WindowShape.kbd],
])('with %s windows', (_, shape) => {
  const [dark, bright] = [coloured(3, 0.9), coloured(8, -0.6)];

  it('finds each block of a splice to be of the colour of its own side', () => {
    for (const [one, other] of [
      [dark, bright],
      [bright, dark],
    ] as const) {
      const { share, betterDb } = measure(spliced(one, other, shape), shape);
      expect(share).toBeGreaterThan(0.8);
      expect(betterDb).toBeGreaterThan(5);
    }
  });

  it.each([0, 256, 512, 768, 1024])(
    'finds less of it where the sound changes %d samples into the overlap',
    (n) => {
      expect(measure(changed(dark, bright, FRAME + n), shape).share).toBeLessThan(0.6);
    },
  );

  it('finds nothing of it in sound that goes on', () => {
    expect(measure(dark, shape).evidence).toBeLessThan(50);
  });
});
