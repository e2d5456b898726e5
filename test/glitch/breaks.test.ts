import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/glitch/finding.js';
import { BothSides } from '../../src/glitch/signal/both-sides.js';
import type { Line } from '../../src/glitch/signal/residual.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { noise, sine } from '../libav/signal.js';
import { analyseEvents, inMilliseconds, pcmEvents } from './events.js';

const RATE = 48_000;
const SECONDS = 4;
const AT = 2.1 * RATE;

/** Notes that are in no simple ratio to each other, in a little hiss. */
function chord(level = 0.1): Float32Array {
  const hiss = noise(SECONDS * RATE, 7, 0.004);
  const notes = [311, 467, 823, 1270, 2210].map((hz) => sine(SECONDS * RATE, hz, RATE, level));
  return hiss.map((x, i) => notes.reduce((sum, note) => sum + note[i]!, x));
}

/** Notes that glide, so that nothing in them repeats itself. */
function glide(): Float32Array {
  const hiss = noise(SECONDS * RATE, 5, 0.004);
  return hiss.map((x, i) => {
    const t = i / RATE;
    const turns = t + 0.35 * t * t;
    return [173, 311, 823, 1270].reduce((sum, hz) => sum + 0.1 * Math.sin(2 * Math.PI * hz * turns), x);
  });
}

function without(samples: Float32Array, count: number): Float32Array {
  const out = new Float32Array(samples.length - count);
  out.set(samples.subarray(0, AT));
  out.set(samples.subarray(AT + count), AT);
  return out;
}

function twice(samples: Float32Array, count: number): Float32Array {
  const out = new Float32Array(samples.length + count);
  out.set(samples.subarray(0, AT));
  out.set(samples.subarray(AT - count), AT);
  return out;
}

const inPcm = (samples: Float32Array): Finding[] => analyseEvents(pcmEvents([samples])).findings;

/** At a bit rate at which quantisation is heard; findings are at their places in the sound that was encoded. */
function inAac(samples: Float32Array, encoder: 'libfdk_aac' | 'aac'): Finding[] {
  const aac = AacEncoder.open({ encoder, sampleRate: RATE, channels: 1, bitrateBps: 48_000 });
  const units = [...aac.encode({ sampleRate: RATE, pts: 0, channels: [samples] }), ...aac.flush()];
  const events = units.map((unit, i) => inMilliseconds({ ...unit, pts: i * 1024 }, i));
  const delayMs = (aac.delaySamples * 1000) / RATE;
  return analyseEvents(events).findings.map((finding) => ({ ...finding, timeMs: finding.timeMs - delayMs }));
}

const codings = [
  ['PCM', inPcm],
  ['libfdk_aac', (samples: Float32Array) => inAac(samples, 'libfdk_aac')],
  ["libav's AAC", (samples: Float32Array) => inAac(samples, 'aac')],
] as const;

/** Stamps are in milliseconds, and a codec smears a break over a short block on either side. */
const NEAR_MS = 4;

describe.each(codings)('sound in %s', (_, find) => {
  it('has no break of its own', () => {
    expect(find(chord())).toEqual([]);
    expect(find(glide())).toEqual([]);
  });

  it.each([64, 333, 4097])('of which %d samples were left out has a skip', (count) => {
    const [found, ...others] = find(without(chord(), count));
    expect(others).toEqual([]);
    // Of notes, what was left out and what was put in cannot be told apart.
    expect(['skip', 'repeat']).toContain(found?.kind);
    expect(found?.severity).toBe('minor');
    expect(Math.abs(found!.timeMs - 2100)).toBeLessThan(NEAR_MS);
  });

  it('with one wrong sample has a click, not a skip', () => {
    const samples = chord();
    samples[AT]! += 0.5;
    const [found, ...others] = find(samples);
    expect(others).toEqual([]);
    expect(found?.kind).toBe('click');
    expect(Math.abs(found!.timeMs - 2100)).toBeLessThan(NEAR_MS);
  });

  it('of which 1301 samples are heard twice has a repeat of that length', () => {
    const [found, ...others] = find(twice(glide(), 1301));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ kind: 'repeat', measured: { repeatedSamples: 1301 } });
    expect(Math.abs(found!.timeMs - 2100)).toBeLessThan(NEAR_MS);
  });

  it('in which a note sets in has no break', () => {
    const note = sine(SECONDS * RATE, 597, RATE, 0.25);
    const samples = chord(0.03).map((x, i) => x + (i < AT ? 0 : Math.min(1, (i - AT) / 96) * note[i]!));
    expect(find(samples).filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it('that is noise and goes on as other noise has no break', () => {
    const samples = noise(SECONDS * RATE, 3, 0.3);
    samples.set(noise(SECONDS * RATE, 11, 0.3).subarray(AT), AT);
    expect(find(samples)).toEqual([]);
  });
});

describe('both sides of a place', () => {
  const lineOf = (samples: Float32Array): Line => ({
    first: 0,
    end: samples.length,
    samples: (from, to) => Float64Array.from(samples.subarray(from, to)),
  });
  const place = { at: AT, before: 16, after: 32, context: 1024 };

  it('heal a click when its samples are free, and no cut', () => {
    const clicked = chord();
    for (let i = 0; i < 4; i++) clicked[AT + i]! += 0.3;
    const click = BothSides.of(lineOf(clicked), place)!.healed(2, 5);
    expect(click.asIsDb).toBeGreaterThan(25);
    expect(click.healedDb).toBeLessThan(3);
    const cut = BothSides.of(lineOf(without(chord(), 333)), place)!.healed(2, 5);
    expect(cut.asIsDb).toBeGreaterThan(15);
    expect(cut.healedDb).toBeGreaterThan(10);
  });

  it('are judged only where there is enough of them', () => {
    const line = lineOf(chord());
    expect(BothSides.of(line, { ...place, at: 1000 })).toBeUndefined();
    expect(BothSides.of(line, { ...place, at: line.end - 1000 })).toBeUndefined();
  });
});
