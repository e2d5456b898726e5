import { Random } from './random.js';
import { makeSound, RATE, silence, type Stereo } from './sounds.js';

/** Sound that looks like a defect and is none. */
export const negatives = [
  'gated-music',
  'glitch-music',
  'square-waves',
  'plosives',
  'crackle',
  'rests',
  'dtmf',
  'hard-panned',
  'pips',
] as const;
export type Negative = (typeof negatives)[number];

export async function makeNegative(kind: Negative, seconds: number, seed: number): Promise<Stereo> {
  const random = new Random(seed);
  const music = await makeSound('music', seconds, seed);
  const samples = music[0].length;
  switch (kind) {
    case 'gated-music':
      return gate(music, { period: Math.round(RATE * random.between(0.1, 0.2)), open: 0.6, ramp: 96 });
    case 'glitch-music':
      return stutter(music, random);
    case 'square-waves': {
      const out = silence(seconds);
      for (let i = 0; i < samples; i++) {
        const note = 110 * 2 ** ((Math.floor(i / RATE / 0.5) % 5) / 12);
        out[0][i] = out[1][i] = Math.floor((2 * i * note) / RATE) % 2 === 0 ? 0.5 : -0.5;
      }
      return out;
    }
    case 'plosives':
      return plosives(seconds, random);
    case 'crackle': {
      for (let at = 0; at < samples; at += random.integer(1500, 12_000)) {
        const size = random.between(0.05, 0.4);
        for (const side of music)
          for (let i = 0; i < 6; i++) side[at + i]! += size * random.normal() * 0.6 ** i;
      }
      return music;
    }
    case 'rests':
      return gate(music, { period: RATE * 2, open: 0.6, ramp: 1200 });
    case 'dtmf':
      return dtmf(seconds, random);
    case 'pips':
      return pips(seconds, seed, random);
    case 'hard-panned': {
      // Two instruments in turn, each on its side, with short fades.
      for (let i = 0; i < samples; i++) {
        const phase = (i / RATE) % 2;
        const left = Math.max(0, Math.min(1, (1 - Math.abs(phase - 0.5)) * 60 - 29));
        music[0][i]! *= left;
        music[1][i]! *= 1 - left;
      }
      return music;
    }
  }
}

function gate(sound: Stereo, { period, open, ramp }: { period: number; open: number; ramp: number }): Stereo {
  for (const side of sound) {
    for (let i = 0; i < side.length; i++) {
      const phase = i % period;
      const edge = Math.min(phase, open * period - phase);
      side[i]! *= Math.max(0, Math.min(1, edge / ramp));
    }
  }
  return sound;
}

/** Slices of a sixteenth note repeated four to eight times, as such music does all the time. */
function stutter(sound: Stereo, random: Random): Stereo {
  const slice = Math.round(RATE * 0.06);
  for (let at = 0; at + 10 * slice < sound[0].length; at += 12 * slice) {
    const times = random.integer(4, 8);
    for (const side of sound) {
      for (let n = 1; n < times; n++) side.copyWithin(at + n * slice, at, at + slice);
    }
  }
  return sound;
}

/** Bursts as of p, t and k: a closure, a burst that rings out, a vowel. */
function plosives(seconds: number, random: Random): Stereo {
  const out = silence(seconds);
  for (let at = 2000; at + RATE < out[0].length; at += random.integer(14_000, 24_000)) {
    const hz = random.between(90, 220);
    const vowel = random.integer(6000, 11_000);
    for (let i = 0; i < vowel + 2000; i++) {
      const burst = 0.25 * random.normal() * Math.exp(-i / 300);
      const t = i - 1200;
      const voiced =
        t < 0 || t > vowel
          ? 0
          : 0.25 *
            Math.sin(Math.min(1, t / 500) * 1.57) *
            Math.min(1, (vowel - t) / 900) *
            pulse((t * hz) / RATE);
      const x = burst + voiced;
      out[0][at + i]! += x;
      out[1][at + i]! += x * 0.9;
    }
  }
  for (const side of out) for (let i = 0; i < side.length; i++) side[i]! += random.normal() * 3e-4;
  return out;
}

/** A glottis-like pulse train through two formants. */
function pulse(turns: number): number {
  const t = turns % 1;
  return (
    Math.exp(-6 * t) * Math.sin(2 * Math.PI * 6 * t) + 0.5 * Math.exp(-9 * t) * Math.sin(2 * Math.PI * 14 * t)
  );
}

function dtmf(seconds: number, random: Random): Stereo {
  const out = silence(seconds);
  for (let at = 0; at + 6000 < out[0].length; at += 7200) {
    const low = random.pick([697, 770, 852, 941]);
    const high = random.pick([1209, 1336, 1477]);
    for (let i = 0; i < 4000; i++) {
      const x =
        0.25 *
        (Math.sin((2 * Math.PI * low * i) / RATE) + Math.sin((2 * Math.PI * high * i) / RATE)) *
        Math.min(1, i / 48, (4000 - i) / 48);
      out[0][at + i] = out[1][at + i] = x;
    }
  }
  return out;
}

/** A time signal, or notes that are struck hard: alone, over a tone, over hiss or over a voice. */
async function pips(seconds: number, seed: number, random: Random): Promise<Stereo> {
  const out = random.next() < 0.5 ? await makeSound('speech', seconds, seed) : silence(seconds);
  const every = Math.round(RATE * random.pick([0.25, 0.5, 0.8, 1, 1.5]));
  // With a pause after each: one that begins right where the last one ends is a cut.
  const length = Math.round(Math.min(0.8 * every, RATE * random.pick([0.03, 0.1, 0.3, 1])));
  const ramp = random.pick([1, 24, 96]);
  const decay = random.pick([0, 4, 12]) / RATE;
  const notes = Array.from({ length: random.integer(1, 3) }, () => random.between(200, 2000));
  const [level, pan] = [random.between(0.05, 0.4) / notes.length, random.between(0.5, 1)];
  const [under, hiss] = [random.pick([0, 0.05, 0.15]), random.pick([0, 1e-3])];
  const low = random.between(150, 600);
  const sine = (hz: number, i: number): number => Math.sin((2 * Math.PI * hz * i) / RATE);
  for (let i = 0; i < out[0].length; i++) {
    const n = i % every;
    const shape = n >= length ? 0 : Math.min(1, n / ramp, (length - n) / ramp) * Math.exp(-decay * n);
    const note = notes.reduce((sum, hz) => sum + sine(hz, n), 0);
    const x = level * shape * note + under * sine(low, i) + hiss * random.normal();
    out[0][i]! += x;
    out[1][i]! += x * pan;
  }
  return out;
}
