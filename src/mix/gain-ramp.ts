/** A gain that moves to each new target along a straight line, so that no change of it clicks. */
export class GainRamp {
  readonly #samplesPerUnit: number;
  #gain: number;
  #target: number;
  #stepPerSample = 0;

  /** @param rampSamples how long each change takes */
  constructor(gain: number, rampSamples: number) {
    this.#gain = gain;
    this.#target = gain;
    this.#samplesPerUnit = rampSamples;
  }

  get gain(): number {
    return this.#gain;
  }

  /** Whether nothing is heard and nothing will be. */
  get isSilent(): boolean {
    return this.#gain === 0 && this.#target === 0;
  }

  moveTo(target: number): void {
    if (target === this.#target) return;
    this.#target = target;
    this.#stepPerSample = (target - this.#gain) / this.#samplesPerUnit;
  }

  /** Scales all channels in place, in step with each other. */
  apply(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    if (this.#gain === this.#target) {
      if (this.#gain === 1) return;
      for (const channel of channels) for (let i = 0; i < length; i++) channel[i]! *= this.#gain;
      return;
    }
    for (let i = 0; i < length; i++) {
      const left = this.#target - this.#gain;
      this.#gain =
        Math.abs(left) <= Math.abs(this.#stepPerSample) ? this.#target : this.#gain + this.#stepPerSample;
      for (const channel of channels) channel[i]! *= this.#gain;
    }
  }
}

/** @param decibels 0 is unity */
export function decibelsToGain(decibels: number): number {
  return decibels === 0 ? 1 : 10 ** (decibels / 20);
}
