/** Below this nothing is changed, not by a bit. */
const THRESHOLD = 0.8;
const ATTACK_SECONDS = 0.002;
const RELEASE_SECONDS = 0.25;

/**
 * Keeps a sum within full scale. A common gain for all channels falls within milliseconds when the sum is too loud and
 * recovers slowly; what is still over the threshold meanwhile is bent by a tanh knee that never reaches 1. Without delay.
 */
export class Limiter {
  readonly #attack: number;
  readonly #release: number;
  #gain = 1;

  constructor(sampleRate: number) {
    this.#attack = 1 - Math.exp(-1 / (ATTACK_SECONDS * sampleRate));
    this.#release = 1 - Math.exp(-1 / (RELEASE_SECONDS * sampleRate));
  }

  /** Works in place; NaN and infinity become 0. */
  apply(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    if (this.#gain === 1 && channels.every(isBelowThreshold)) return;
    for (let i = 0; i < length; i++) {
      let peak = 0;
      for (const channel of channels) {
        if (!Number.isFinite(channel[i])) channel[i] = 0;
        peak = Math.max(peak, Math.abs(channel[i]!));
      }
      if (this.#gain === 1 && peak <= THRESHOLD) continue;
      this.#follow(peak);
      for (const channel of channels) channel[i] = bend(channel[i]! * this.#gain);
    }
  }

  #follow(peak: number): void {
    const wanted = peak > THRESHOLD ? THRESHOLD / peak : 1;
    this.#gain += (wanted - this.#gain) * (wanted < this.#gain ? this.#attack : this.#release);
    // Exactly unity again, so that the transparent path is taken.
    if (wanted === 1 && this.#gain > 0.9999) this.#gain = 1;
  }
}

/** False for NaN, too. */
function isBelowThreshold(samples: Float32Array): boolean {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    if (!(sample <= THRESHOLD && sample >= -THRESHOLD)) return false;
  }
  return true;
}

function bend(sample: number): number {
  const size = Math.abs(sample);
  if (size <= THRESHOLD) return sample;
  const room = 1 - THRESHOLD;
  return Math.sign(sample) * (THRESHOLD + room * Math.tanh((size - THRESHOLD) / room));
}
