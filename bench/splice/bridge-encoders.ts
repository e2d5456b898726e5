import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { bridgeEncoders, maxBitrateBps } from '../../src/splice/bridge-encoder.js';
import { FRAME } from '../../src/splice/piece.js';
import { decode, encodeSource } from '../../test/splice/rig.js';
import { hopErrors } from '../../test/splice/seam-noise.js';
import { print, spread } from './figures.js';
import { makeSignal, materials } from './materials.js';

const RATE = 48_000;
const SECONDS = 8;
const CHANNEL_BPS = 96_000;
/** Hops that are judged together: eight frames, as around a seam. */
const HOPS = 32;
/** Silence and music in turn: the hardest for an encoder that shares out bits over time. */
const GATE_SAMPLES = 9_000;

/** How much louder the noise of sound that was encoded once becomes when it is encoded again, by encoder. */
export async function compareBridgeEncoders(): Promise<void> {
  for (const channels of [1, 2] as const) {
    const format = { sampleRate: RATE, channels };
    const most = maxBitrateBps(format);
    print(
      `\nEncoded a second time, ${channels} channels: loudest hop over the source's own, median/p95/max dB; kb/s used`,
    );
    for (const [name, open] of [
      ['fdk 192k a channel', () => AacEncoder.open({ ...format, bitrateBps: 192_000 * channels })],
      ['fdk, all bits', () => AacEncoder.open({ ...format, bitrateBps: most })],
      ['libav as it comes, all bits', () => AacEncoder.open({ ...format, encoder: 'aac', bitrateBps: most })],
      ...bridgeEncoders(format).map((open, n) => [`faithful, coder ${n + 1}`, open] as const),
    ] as const) {
      const excess: number[] = [];
      let [bytes, seconds] = [0, 0];
      for (const sound of await sounds(channels)) {
        for (const encoder of ['libfdk_aac', 'aac'] as const) {
          const source = encodeSource(sound, {
            encoder,
            bitrateBps: CHANNEL_BPS * channels,
            sampleRate: RATE,
          });
          const again = open();
          const units = [
            ...again.encode({ sampleRate: RATE, pts: 0, channels: source.decoded }),
            ...again.flush(),
          ];
          excess.push(...localExcess(decode(units, channels, SECONDS * RATE), source.decoded, sound));
          bytes += units.reduce((sum, { data }) => sum + data.length, 0);
          seconds += SECONDS;
        }
      }
      print(`  ${name.padEnd(32)}${spread(excess).padEnd(18)}${((8 * bytes) / seconds / 1000).toFixed(0)}`);
    }
  }
}

async function sounds(channels: 1 | 2): Promise<Float32Array[][]> {
  const format = { sampleRate: RATE, channels, seconds: SECONDS };
  const made = await Promise.all(materials.map((material) => makeSignal(material, 12, format)));
  const gated = made[materials.indexOf('music')]!.map((samples) =>
    samples.map((sample, n) => (Math.floor(n / GATE_SAMPLES) % 2 === 0 ? sample : 0)),
  );
  return [...made, gated];
}

function localExcess(
  heard: readonly Float32Array[],
  before: readonly Float32Array[],
  wanted: readonly Float32Array[],
): number[] {
  // Both encoders' beginnings and ends are left out.
  const place = { from: 8 * FRAME, hops: Math.floor((SECONDS * RATE) / 256) - 16 * 4 };
  const noise = (sound: readonly Float32Array[]): number[][] =>
    sound.map((samples, channel) => hopErrors(samples, wanted[channel]!, place));
  const [now, own] = [noise(heard), noise(before)];
  const loudest = (errors: number[][], at: number): number =>
    Math.max(...errors.flatMap((hops) => hops.slice(at, at + HOPS)));
  const found: number[] = [];
  for (let at = 0; at + HOPS <= place.hops; at += HOPS / 4) {
    found.push(10 * Math.log10(loudest(now, at) / loudest(own, at)));
  }
  return found;
}
