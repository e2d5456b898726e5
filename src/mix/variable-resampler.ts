/** Reach of the interpolation to either side, in samples. */
const HALF_WIDTH = 16;
/** Positions between two samples for which the kernel is tabulated; between those it is interpolated. */
const PHASES = 512;
const TAPS = 2 * HALF_WIDTH;

/** table[phase * TAPS + tap]: a windowed sinc (Kaiser, beta 9) centred `phase / PHASES` after tap HALF_WIDTH − 1. */
const table = buildTable();

/**
 * Plays PCM a little faster or slower (windowed-sinc interpolation). At exactly unity, on whole samples, what goes in
 * comes out bit by bit and at once; from the first deviation on it needs 16 samples of the future.
 */
export class VariableResampler {
  readonly #channels: number;
  /** The last samples given, at least HALF_WIDTH of them before the read position. */
  #held: Float32Array[];
  /** Read position within what is held. */
  #position = HALF_WIDTH;

  constructor(channels: number) {
    this.#channels = channels;
    this.#held = Array.from({ length: channels }, () => new Float32Array(HALF_WIDTH));
  }

  /** Input that has not been played yet, in samples; not whole while between two samples. */
  get unplayedSamples(): number {
    return this.#held[0]!.length - this.#position;
  }

  /**
   * @param input one array per channel
   * @param step input samples per output sample
   * @returns one array per channel; the input itself where nothing is to be done
   */
  push(input: readonly Float32Array[], step: number): readonly Float32Array[] {
    const added = input[0]!.length;
    if (step === 1 && this.#position === this.#held[0]!.length && added >= HALF_WIDTH) {
      this.#held = input.map((samples) => samples.slice(added - HALF_WIDTH));
      this.#position = HALF_WIDTH;
      return input;
    }
    const held = this.#held.map((before, i) => concat(before, input[i]!));
    const length = held[0]!.length;
    let output: Float32Array[];
    if (step === 1 && Number.isInteger(this.#position)) {
      output = held.map((samples) => samples.slice(this.#position));
      this.#position = length;
    } else {
      const count = Math.max(0, Math.floor((length - 1 - HALF_WIDTH - this.#position) / step) + 1);
      output = held.map((samples) => interpolate(samples, this.#position, step, count));
      this.#position += count * step;
    }
    const keepFrom = Math.max(0, Math.floor(this.#position) - HALF_WIDTH);
    this.#held = held.map((samples) => samples.slice(keepFrom));
    this.#position -= keepFrom;
    return output;
  }

  /** Forgets everything; the next sample pushed is the next one played. */
  reset(): void {
    this.#held = Array.from({ length: this.#channels }, () => new Float32Array(HALF_WIDTH));
    this.#position = HALF_WIDTH;
  }
}

function interpolate(samples: Float32Array, from: number, step: number, count: number): Float32Array {
  const output = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const position = from + i * step;
    const whole = Math.floor(position);
    const phase = (position - whole) * PHASES;
    const row = Math.floor(phase);
    const share = phase - row;
    const near = row * TAPS;
    const first = whole - HALF_WIDTH + 1;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const a = table[near + tap]!;
      sum += (a + (table[near + TAPS + tap]! - a) * share) * (samples[first + tap] ?? 0);
    }
    output[i] = sum;
  }
  return output;
}

function buildTable(): Float64Array {
  const beta = 9;
  const values = new Float64Array((PHASES + 1) * TAPS);
  for (let phase = 0; phase <= PHASES; phase++) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const x = tap - (HALF_WIDTH - 1) - phase / PHASES;
      const inWindow = 1 - (x / HALF_WIDTH) ** 2;
      const window = inWindow <= 0 ? 0 : bessel0(beta * Math.sqrt(inWindow)) / bessel0(beta);
      const value = (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
      values[phase * TAPS + tap] = value;
      sum += value;
    }
    // Unity gain at 0 Hz for every phase: otherwise the level would flutter with the position.
    for (let tap = 0; tap < TAPS; tap++) values[phase * TAPS + tap]! /= sum;
  }
  return values;
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function concat(a: Float32Array, b: Float32Array): Float32Array {
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
