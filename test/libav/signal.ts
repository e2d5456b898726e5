import type { PcmBlock } from '../../src/media/pcm.js';

/** Low-passed noise: its autocorrelation has one sharp peak, so a shift of a single sample shows. */
export function noise(samples: number, seed = 1, level = 0.3): Float32Array {
  let state = seed >>> 0;
  const out = new Float32Array(samples);
  let low = 0;
  for (let i = 0; i < samples; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    low += 0.15 * ((state / 2 ** 31 - 1) * level - low);
    out[i] = low * 3;
  }
  return out;
}

export function sine(samples: number, frequency: number, sampleRate: number, level = 0.5): Float32Array {
  return Float32Array.from(
    { length: samples },
    (_, i) => level * Math.sin((2 * Math.PI * frequency * i) / sampleRate),
  );
}

export function block(channels: readonly Float32Array[], pts: number, sampleRate = 48_000): PcmBlock {
  return { sampleRate, pts, channels };
}

/** Cuts a signal into blocks of the given lengths, over and over. */
export function* cut(signal: Float32Array, pts: number, lengths: readonly number[]): Generator<PcmBlock> {
  for (let at = 0, n = 0; at < signal.length; n++) {
    const length = Math.min(lengths[n % lengths.length]!, signal.length - at);
    yield block([signal.slice(at, at + length)], pts + at);
    at += length;
  }
}

/** The shift in [-range, range] by which `heard` must be moved back to match `said`; both from the same time on. */
export function bestShift(
  said: Float32Array,
  heard: Float32Array,
  range: number,
): { shift: number; score: number } {
  let best = { shift: 0, score: -Infinity };
  for (let shift = -range; shift <= range; shift++) {
    let dot = 0;
    let saidEnergy = 0;
    let heardEnergy = 0;
    for (let i = range; i < said.length - range && i + shift < heard.length; i++) {
      const a = said[i]!;
      const b = heard[i + shift]!;
      dot += a * b;
      saidEnergy += a * a;
      heardEnergy += b * b;
    }
    const score = dot / Math.sqrt(saidEnergy * heardEnergy + 1e-20);
    if (score > best.score) best = { shift, score };
  }
  return best;
}

export function largestStep(signal: Float32Array, from = 1, to = signal.length): number {
  let largest = 0;
  for (let i = Math.max(1, from); i < to; i++)
    largest = Math.max(largest, Math.abs(signal[i]! - signal[i - 1]!));
  return largest;
}

/** Blocks of one channel laid on one array from `pts` on; what lies outside is left out. */
export function lay(blocks: readonly PcmBlock[], pts: number, samples: number): Float32Array {
  const out = new Float32Array(samples);
  for (const { channels, pts: at } of blocks) {
    channels[0]!.forEach((sample, i) => {
      const index = at + i - pts;
      if (index >= 0 && index < samples) out[index] = sample;
    });
  }
  return out;
}
