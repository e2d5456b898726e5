import type { BridgeEncoder } from './frame-encoder.js';
import { encoderNoise, encoderNoiseReach } from './joint-noise.js';
import type { BridgeOptions } from './make-bridge.js';

/** Frames beside a bridge that share sound with it. */
const BESIDE = 1;

/**
 * Of some encoders the one whose loudest error over a bridge's sound is the least: what is best for tones is not best
 * where sound sets in after silence.
 *
 * @returns undefined when there are none
 * @throws NativeError when one fails
 */
export async function quietestEncoder(
  encoders: readonly (() => BridgeEncoder)[],
  place: { readonly from: number; readonly to: number },
  options: Pick<BridgeOptions, 'sampleRate' | 'sound'>,
): Promise<(() => BridgeEncoder) | undefined> {
  if (encoders.length < 2) return encoders[0];
  const [from, to] = [place.from - BESIDE, place.to + BESIDE + 1];
  const frames = new Map<number, readonly Float32Array[]>();
  for (let frame = from - encoderNoiseReach.before; frame < to + encoderNoiseReach.after; frame++) {
    frames.set(frame, await options.sound(frame));
  }
  const sound = (frame: number): readonly Float32Array[] => frames.get(frame)!;
  const noises = encoders.map((open) => encoderNoise(from, to, { ...options, open, sound }));
  return encoders[noises.indexOf(Math.min(...noises))];
}
