import type { GlitchKind } from '../../src/glitch/finding.js';
import type { Random } from './random.js';
import { RATE, type Stereo } from './sounds.js';

/** A defect in the sound, made at one place of a signal. */
export interface Defect {
  readonly kind: GlitchKind;
  /** From weak to strong. */
  readonly strengths: readonly number[];
  readonly unit: string;
  /**
   * Changes `sound` at `at`, in samples.
   *
   * @returns the sound with it, as a rule the one given, and where it begins unless at `at`
   */
  readonly make: (
    sound: Stereo,
    at: number,
    strength: number,
    random: Random,
  ) => Stereo | { readonly sound: Stereo; readonly at: number };
}

const samplesOf = (ms: number): number => Math.round((ms * RATE) / 1000);

export const soundDefects: readonly Defect[] = [
  {
    kind: 'gap',
    strengths: [3, 5, 10, 20, 50],
    unit: 'ms',
    make: (sound, at, ms) => {
      for (const side of sound) side.fill(0, at, at + samplesOf(ms));
      return sound;
    },
  },
  {
    kind: 'silence-run',
    strengths: [300, 600],
    unit: 'ms',
    make: (sound, at, ms) => {
      for (const side of sound) side.fill(0, at, at + samplesOf(ms));
      return sound;
    },
  },
  {
    kind: 'channel-dropout',
    strengths: [5, 10, 30, 100],
    unit: 'ms',
    make: (sound, at, ms, random) => {
      random.pick(sound).fill(0, at, at + samplesOf(ms));
      return sound;
    },
  },
  {
    kind: 'click',
    strengths: [0.1, 0.25, 0.5, 0.9],
    unit: 'of full scale',
    make: (sound, at, size, random) => {
      const length = random.integer(1, 4);
      const sign = random.pick([-1, 1]);
      for (const side of sound) for (let i = 0; i < length; i++) side[at + i]! += sign * size;
      return sound;
    },
  },
  {
    kind: 'skip',
    strengths: [64, 240, 1024, 4096],
    unit: 'samples',
    make: (sound, at, samples) => sound.map((side) => without(side, at, samples)) as unknown as Stereo,
  },
  {
    kind: 'repeat',
    strengths: [64, 240, 1024, 2048],
    unit: 'samples',
    make: (sound, at, samples) => sound.map((side) => twice(side, at, samples)) as unknown as Stereo,
  },
  {
    kind: 'noise-burst',
    strengths: [5, 10, 30, 100],
    unit: 'ms',
    make: (sound, at, ms, random) => {
      for (const side of sound)
        for (let i = 0; i < samplesOf(ms); i++) side[at + i] = random.between(-0.7, 0.7);
      return sound;
    },
  },
  {
    kind: 'level-jump',
    strengths: [-6, 6, -12],
    unit: 'dB',
    make: (sound, at, db) => {
      const gain = 10 ** (db / 20);
      for (const side of sound) for (let i = at; i < at + samplesOf(900); i++) side[i]! *= gain;
      return sound;
    },
  },
  {
    kind: 'clipping',
    strengths: [3, 6, 12],
    unit: 'dB over full scale',
    make: (sound, at, db) => {
      const length = samplesOf(400);
      let peak = 1e-6;
      for (const side of sound)
        for (let i = at; i < at + length; i++) peak = Math.max(peak, Math.abs(side[i] ?? 0));
      const gain = 10 ** (db / 20) / peak;
      let first = at + length;
      for (const side of sound) {
        for (let i = at; i < at + length; i++) {
          const x = side[i]! * gain;
          if (Math.abs(x) > 1) first = Math.min(first, i);
          side[i] = Math.max(-1, Math.min(1, x));
        }
      }
      return { sound, at: first };
    },
  },
  {
    kind: 'bandwidth-drop',
    strengths: [7000, 4000],
    unit: 'Hz',
    make: (sound, at, hz) => {
      for (const side of sound) lowPass(side, { from: at, to: at + samplesOf(1200), hz });
      return sound;
    },
  },
];

function without(side: Float32Array, at: number, samples: number): Float32Array {
  const out = new Float32Array(side.length - samples);
  out.set(side.subarray(0, at));
  out.set(side.subarray(at + samples), at);
  return out;
}

function twice(side: Float32Array, at: number, samples: number): Float32Array {
  const out = new Float32Array(side.length + samples);
  out.set(side.subarray(0, at));
  out.set(side.subarray(at - samples, at), at);
  out.set(side.subarray(at), at + samples);
  return out;
}

/** A windowed-sinc filter of 255 taps. */
function lowPass(side: Float32Array, { from, to, hz }: { from: number; to: number; hz: number }): void {
  const half = 127;
  const cut = (2 * hz) / RATE;
  const taps = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const n = i - half;
    const sinc = n === 0 ? cut : Math.sin(Math.PI * cut * n) / (Math.PI * n);
    return sinc * (0.42 + 0.5 * Math.cos((Math.PI * n) / half) + 0.08 * Math.cos((2 * Math.PI * n) / half));
  });
  const source = side.slice();
  for (let i = from; i < Math.min(to, side.length); i++) {
    let sum = 0;
    for (let k = -half; k <= half; k++) sum += taps[k + half]! * (source[i + k] ?? 0);
    side[i] = sum;
  }
}
