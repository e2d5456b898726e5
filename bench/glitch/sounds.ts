import { Mp4Reader } from '../../src/container/mp4/reader.js';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import { Random } from './random.js';

export const RATE = 48_000;
/** Left and right. */
export type Stereo = readonly [Float32Array, Float32Array];
export const materials = ['speech', 'music', 'tones', 'noise'] as const;
export type Material = (typeof materials)[number];

export async function makeSound(material: Material, seconds: number, seed: number): Promise<Stereo> {
  const random = new Random(seed);
  if (material === 'speech') return speech(seconds, random);
  if (material === 'music') return music(seconds, random);
  if (material === 'tones') return tones(seconds, random);
  return noise(seconds, random);
}

let voice: Promise<Float32Array> | undefined;

/** The sample's voice from another place each time, at its own pitch or a little off, in a little room noise. */
async function speech(seconds: number, random: Random): Promise<Stereo> {
  voice ??= decodeVoice();
  const source = await voice;
  const out = silence(seconds);
  const speed = random.between(0.9, 1.1);
  const start = random.integer(0, source.length - 1);
  const pan = random.between(0.6, 1);
  for (let i = 0; i < out[0].length; i++) {
    const at = start + i * speed;
    const whole = Math.floor(at);
    const a = source[whole % source.length]!;
    const b = source[(whole + 1) % source.length]!;
    const x = a + (b - a) * (at - whole);
    out[0][i] = x + random.normal() * 4e-4;
    out[1][i] = x * pan + random.normal() * 4e-4;
  }
  return out;
}

async function decodeVoice(): Promise<Float32Array> {
  const reader = await Mp4Reader.open(new URL('../../samples/voice.m4a', import.meta.url).pathname);
  const decoder = AudioDecoder.open({ sampleRate: RATE, channels: 1 });
  const parts: Float32Array[] = [];
  for await (const unit of reader.units()) {
    if (unit.kind === 'audio') parts.push(decoder.decode(unit)?.channels[0] ?? new Float32Array(0));
  }
  decoder.close();
  await reader.close();
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  // The encoder's priming at its head.
  return all.subarray(4096);
}

/** Plucked chords, a bass, and a drum with a hi-hat. */
function music(seconds: number, random: Random): Stereo {
  const out = silence(seconds);
  const beat = Math.round(RATE * random.between(0.22, 0.34));
  const root = random.between(90, 140);
  const scale = [1, 9 / 8, 5 / 4, 4 / 3, 3 / 2, 5 / 3, 2];
  for (let start = 0, n = 0; start < out[0].length; start += beat, n++) {
    const chord = n % 4 === 0 ? 3 : 1;
    for (let note = 0; note < chord; note++) {
      pluck(out, start, { hz: root * random.pick(scale) * random.pick([1, 2, 4]), level: 0.09, random });
    }
    if (n % 2 === 0) pluck(out, start, { hz: root / 2, level: 0.16, random });
    drum(out, start, { tone: n % 4 === 0 ? 55 : 0, level: n % 4 === 0 ? 0.3 : 0.05, random });
  }
  return out;
}

function pluck(
  out: Stereo,
  start: number,
  { hz, level, random }: { hz: number; level: number; random: Random },
): void {
  const length = Math.min(out[0].length - start, Math.round(RATE * 1.4));
  const pan = random.between(0.3, 0.7);
  for (let harmonic = 1; harmonic <= 8; harmonic++) {
    const step = (2 * Math.PI * hz * harmonic * (1 + 0.0003 * harmonic * harmonic)) / RATE;
    if (step > 2.6) break;
    const decay = Math.exp(-(1.5 + harmonic) / RATE);
    const phase = random.between(0, 2 * Math.PI);
    let amplitude = level / harmonic;
    for (let i = 0; i < length; i++, amplitude *= decay) {
      const x = amplitude * Math.min(1, i / 240) * Math.sin(phase + step * i);
      out[0][start + i]! += x * (1 - pan);
      out[1][start + i]! += x * pan;
    }
  }
}

function drum(
  out: Stereo,
  start: number,
  { tone, level, random }: { tone: number; level: number; random: Random },
): void {
  const length = Math.min(out[0].length - start, Math.round(RATE * 0.25));
  let last = 0;
  for (let i = 0; i < length; i++) {
    const attack = Math.min(1, i / 96);
    const white = random.normal();
    const hiss = (white - last) * 0.25 * attack * Math.exp(-i / (RATE * 0.02));
    last = white;
    const thump =
      tone === 0 ? 0 : attack * Math.sin((2 * Math.PI * tone * i) / RATE) * Math.exp(-i / (RATE * 0.07));
    const x = level * (thump + hiss);
    out[0][start + i]! += x;
    out[1][start + i]! += x;
  }
}

/** Steady tones, some of them in beats. */
function tones(seconds: number, random: Random): Stereo {
  const out = silence(seconds);
  for (let n = 0; n < 6; n++) {
    const step = (2 * Math.PI * random.between(120, n === 5 ? 9000 : 2500)) / RATE;
    const [left, right] = [random.between(0.02, 0.1), random.between(0.02, 0.1)];
    const phase = random.between(0, 6);
    for (let i = 0; i < out[0].length; i++) {
      const x = Math.sin(phase + step * i);
      out[0][i]! += left * x;
      out[1][i]! += right * x;
    }
  }
  return out;
}

/** Pink-like noise, half of it common to both sides. */
function noise(seconds: number, random: Random): Stereo {
  const out = silence(seconds);
  const states = [0, 0, 0];
  for (let i = 0; i < out[0].length; i++) {
    for (let n = 0; n < 3; n++) states[n] = 0.93 * states[n]! + 0.07 * random.normal();
    const white = random.normal();
    out[0][i] = 0.25 * (states[0]! + states[1]! + 0.15 * white);
    out[1][i] = 0.25 * (states[0]! + states[2]! + 0.15 * random.normal());
  }
  return out;
}

export function silence(seconds: number): [Float32Array, Float32Array] {
  const samples = Math.round(seconds * RATE);
  return [new Float32Array(samples), new Float32Array(samples)];
}
