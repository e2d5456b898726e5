import { describe, expect, it } from 'vitest';
import { decibelsToGain, GainRamp } from '../../src/mix/gain-ramp.js';
import { Limiter } from '../../src/mix/limiter.js';
import { PcmTimeline } from '../../src/mix/pcm-timeline.js';
import { VariableResampler } from '../../src/mix/variable-resampler.js';
import { bestShift, block, largestStep, noise, sine } from '../libav/signal.js';

const RATE = 48_000;
const FREQUENCY = 440;
const LEVEL = 0.5;
/** The steepest step of the tone itself. */
const TONE_STEP = LEVEL * 2 * Math.PI * (FREQUENCY / RATE);
/** A fade of 10 ms adds at most level / 480 a sample; a click would be tenths. */
const NO_CLICK = TONE_STEP * 1.1 + LEVEL / 480;

const open = () => new PcmTimeline({ sampleRate: RATE, channels: 1 });

describe('PCM on the program timeline', () => {
  it('gives back bit by bit what was written without drift', () => {
    const timeline = open();
    const signal = noise(RATE);
    for (let at = 0; at < RATE; at += 960) timeline.write(block([signal.slice(at, at + 960)], 7_000 + at));
    expect(timeline.endPts).toBe(7_000 + RATE);
    expect(timeline.read(7_000, RATE)[0]).toEqual(signal);
    expect(timeline.concealedSamples).toBe(0);
  });

  it.each([200, -200, 30, -30])('follows a clock that drifts by %i ppm without a click', (ppm) => {
    const timeline = open();
    const seconds = 20;
    const signal = sine(RATE * seconds, FREQUENCY, RATE, LEVEL);
    const out = new Float32Array(RATE * (seconds - 1));
    let played = 0;
    let steepestPitch = 0;
    for (let at = 0; at < signal.length; at += 960) {
      const pts = at * (1 + ppm / 1e6);
      timeline.write(block([signal.slice(at, at + 960)], pts));
      // The error that the loop leaves: of the order of drift × correction time, far below a millisecond.
      expect(Math.abs(timeline.endPts! - (pts + 960))).toBeLessThan(48);
      while (played + 480 <= Math.min(timeline.endPts! - 100, out.length)) {
        out.set(timeline.read(played, 480)[0]!, played);
        played += 480;
      }
    }
    expect(timeline.concealedSamples).toBe(0);
    expect(largestStep(out, 1, played)).toBeLessThan(TONE_STEP * 1.01);
    for (let from = RATE; from + RATE <= played; from += RATE) {
      steepestPitch = Math.max(
        steepestPitch,
        Math.abs(frequencyOf(out.subarray(from, from + RATE)) / FREQUENCY - 1),
      );
    }
    expect(steepestPitch, 'never more than 0.2 % off pitch').toBeLessThan(0.002);
    expect(frequencyOf(out.subarray(played - 5 * RATE, played))).toBeCloseTo(FREQUENCY / (1 + ppm / 1e6), 2);
  });

  it('resamples without hiss: the tone stays 80 dB above everything else', () => {
    const resampler = new VariableResampler(1);
    const played: number[] = [];
    for (let i = 0; i < 50; i++) {
      const tone = sine(960, 1000, RATE, LEVEL).map(
        (_, k) => LEVEL * Math.sin((2 * Math.PI * 1000 * (i * 960 + k)) / RATE),
      );
      played.push(...resampler.push([tone], 1.0002)[0]!);
    }
    expect(residueDb(Float32Array.from(played.slice(100)), 1000 * 1.0002)).toBeLessThan(-80);
  });

  it('fades out and in where the stamps jump', () => {
    const timeline = open();
    const signal = sine(RATE, FREQUENCY, RATE, LEVEL);
    timeline.write(block([signal.slice(0, 9_600)], 0));
    timeline.write(block([signal.slice(9_600, 19_200)], 9_600 + 4_800));
    // Back over 100 ms of what is there.
    timeline.write(block([signal.slice(0, 9_600)], 24_000 - 4_800));
    const out = timeline.read(0, 28_800)[0]!;
    expect(largestStep(out)).toBeLessThan(2 * NO_CLICK);
    expect(Math.max(...out.slice(9_700, 14_300).map(Math.abs))).toBe(0);
    expect(bestShift(signal.subarray(1_000, 9_000), out.subarray(19_200 + 1_000, 28_200), 40).shift).toBe(0);
  });

  it('conceals what has not come with a fading echo, and takes it up again without a click', () => {
    const timeline = open();
    const signal = sine(RATE, FREQUENCY, RATE, LEVEL);
    timeline.write(block([signal.slice(0, 4_800)], 0));
    const before = timeline.read(0, 4_800)[0]!;
    const missing = timeline.read(4_800, 2_400)[0]!;
    timeline.write(block([signal.slice(4_800, 14_400)], 4_800));
    const after = timeline.read(7_200, 4_800)[0]!;
    const out = Float32Array.from([...before, ...missing, ...after]);
    expect(timeline.concealedSamples).toBe(2_400);
    expect(timeline.lateSamples).toBe(2_400);
    expect(largestStep(out)).toBeLessThan(2 * NO_CLICK);
    expect(Math.max(...missing.slice(0, 240))).toBeGreaterThan(0.2);
    expect(Math.max(...missing.slice(480).map(Math.abs))).toBe(0);
    expect(after.slice(480)).toEqual(signal.slice(7_680, 12_000));
  });

  it('holds the newest seconds only, however much is written unread', () => {
    const timeline = open();
    const tone = noise(960);
    for (let i = 0; i < 500; i++) timeline.write(block([tone], i * 960));
    expect(timeline.endPts).toBe(480_000);
    expect(timeline.read(479_040, 960)[0]).toEqual(tone);
    expect(Math.max(...timeline.read(0, 960)[0]!.slice(480).map(Math.abs))).toBe(0);
  });
});

describe('gain', () => {
  it('moves along a straight line of 10 ms and is exact at both ends', () => {
    const ramp = new GainRamp(0, 480);
    ramp.moveTo(1);
    const ones = new Float32Array(960).fill(1);
    ramp.apply([ones.subarray(0, 100)]);
    ramp.apply([ones.subarray(100)]);
    expect(ones[239]).toBeCloseTo(0.5, 5);
    expect(largestStep(ones)).toBeLessThanOrEqual(1 / 480 + 1e-6);
    expect(ones.slice(480).every((sample) => sample === 1)).toBe(true);
    expect(ramp.gain).toBe(1);
  });

  it('counts decibels', () => {
    expect(decibelsToGain(0)).toBe(1);
    expect(decibelsToGain(-20)).toBeCloseTo(0.1, 12);
    expect(decibelsToGain(6)).toBeCloseTo(1.9953, 4);
  });
});

describe('the limiter', () => {
  it('does not change a bit below its threshold', () => {
    const signal = sine(RATE, FREQUENCY, RATE, 0.79);
    const limited = signal.slice();
    new Limiter(RATE).apply([limited]);
    expect(limited).toEqual(signal);
  });

  it('keeps any sum below full scale without a click, and is transparent again afterwards', () => {
    const limiter = new Limiter(RATE);
    const loud = sine(RATE, FREQUENCY, RATE, 3);
    limiter.apply([loud]);
    expect(Math.max(...loud.map(Math.abs))).toBeLessThanOrEqual(1);
    expect(largestStep(loud)).toBeLessThan(3 * 2 * Math.PI * (FREQUENCY / RATE) * 1.1);
    // After 2 ms of attack the gain carries it, not the knee: the tone stays a tone.
    expect(residueDb(loud.subarray(RATE / 2), FREQUENCY)).toBeLessThan(-26);
    limiter.apply([new Float32Array(4 * RATE)]);
    const quiet = sine(RATE, FREQUENCY, RATE, 0.5);
    const after = quiet.slice();
    limiter.apply([after]);
    expect(after).toEqual(quiet);
  });

  it('turns NaN and infinity into silence', () => {
    const bad = Float32Array.from([NaN, Infinity, -Infinity, 0.25]);
    new Limiter(RATE).apply([bad]);
    expect([...bad]).toEqual([0, 0, 0, 0.25]);
  });

  it('moves both channels by one gain', () => {
    const left = sine(RATE, FREQUENCY, RATE, 2);
    const right = left.map((sample) => sample / 10);
    new Limiter(RATE).apply([left, right]);
    expect(right[RATE - 100]! / left[RATE - 100]!).toBeCloseTo(0.1, 1);
  });
});

/** By its zero crossings, interpolated. */
function frequencyOf(signal: Float32Array): number {
  let first: number | undefined;
  let last = 0;
  let count = -1;
  for (let i = 1; i < signal.length; i++) {
    const a = signal[i - 1]!;
    const b = signal[i]!;
    if (a < 0 && b >= 0) {
      last = i - 1 + a / (a - b);
      first ??= last;
      count++;
    }
  }
  return (count * RATE) / (last - first!);
}

/** Energy beside one tone, against the tone's, in dB. */
function residueDb(signal: Float32Array, frequency: number): number {
  const w = (2 * Math.PI * frequency) / RATE;
  let [cc, cs, ss, cx, sx, xx] = [0, 0, 0, 0, 0, 0];
  signal.forEach((x, i) => {
    const c = Math.cos(w * i);
    const s = Math.sin(w * i);
    cc += c * c;
    cs += c * s;
    ss += s * s;
    cx += c * x;
    sx += s * x;
    xx += x * x;
  });
  const det = cc * ss - cs * cs;
  const a = (cx * ss - sx * cs) / det;
  const b = (sx * cc - cx * cs) / det;
  const tone = a * cx + b * sx;
  return 10 * Math.log10(Math.max(1e-20, xx - tone) / tone);
}
