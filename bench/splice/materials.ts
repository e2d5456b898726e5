import { interpolate, REACH } from '../../src/splice/interpolate.js';
import { music as tonesWithAttacks } from '../../test/splice/music.js';
import { Random } from '../glitch/random.js';
import { makeSound, RATE, silence, type Stereo } from '../glitch/sounds.js';

/** Speech is the sample's voice; everything else is made. */
export const materials = ['speech', 'music', 'attacks', 'tones', 'noise', 'applause'] as const;
export type Material = (typeof materials)[number];

export interface SignalFormat {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly seconds: number;
}

/** One array per channel, the same for the same seed. */
export async function makeSignal(
  material: Material,
  seed: number,
  { sampleRate, channels, seconds }: SignalFormat,
): Promise<Float32Array[]> {
  const samples = seconds * sampleRate;
  if (material === 'attacks') {
    return Array.from({ length: channels }, (_, i) => tonesWithAttacks(samples, 2 * seed + i, sampleRate));
  }
  // A little more, for the interpolation.
  const made = await (material === 'applause'
    ? applause(seconds + 1, new Random(seed))
    : makeSound(material, seconds + 1, seed));
  const step = RATE / sampleRate;
  return made
    .slice(0, channels)
    .map((sound) => (step === 1 ? sound.subarray(0, samples) : interpolate(sound, REACH, step, samples)));
}

/** Many hands: bursts of noise of a few milliseconds, each from a place and with a colour of its own. */
function applause(seconds: number, random: Random): Stereo {
  const CLAPS_PER_SECOND = 90;
  const out = silence(seconds);
  for (let clap = 0; clap < seconds * CLAPS_PER_SECOND; clap++) {
    const start = random.integer(0, out[0].length - 1);
    const length = Math.min(out[0].length - start, Math.round(RATE * 0.03));
    const pan = random.between(0.1, 0.9);
    const level = random.between(0.02, 0.2);
    const colour = random.between(0.2, 0.9);
    const decay = RATE * random.between(0.002, 0.006);
    let state = 0;
    for (let i = 0; i < length; i++) {
      state = colour * state + (1 - colour) * random.normal();
      const x = level * state * Math.exp(-i / decay);
      out[0][start + i]! += x * (1 - pan);
      out[1][start + i]! += x * pan;
    }
  }
  return out;
}
