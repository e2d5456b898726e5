import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/glitch/finding.js';
import { noise, sine } from '../libav/signal.js';
import { analyseEvents, pcmEvents } from './events.js';

const RATE = 48_000;
const SECONDS = 4;
const AT = 2.1 * RATE;
/** Signal findings are placed on hops of 32 samples, 0.67 ms. */
const HOP_MS = 0.7;

/** Three tones and a little noise, the same on both sides. */
function tones(): Float32Array[] {
  const hiss = noise(SECONDS * RATE, 7, 0.004);
  const [a, b, c] = [440, 1234, 3100].map((hz) => sine(SECONDS * RATE, hz, RATE, 0.1));
  const mix = hiss.map((x, i) => x + a![i]! + b![i]! + c![i]!);
  return [mix, mix.slice()];
}

/** Every sample for itself. */
function white(samples: number, seed: number, level: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * level;
  });
}

function find(channels: readonly Float32Array[]): Finding[] {
  return analyseEvents(pcmEvents(channels)).findings;
}

function only(findings: readonly Finding[], kind: string): Finding {
  expect(findings.map((finding) => finding.kind)).toEqual([kind]);
  return findings[0]!;
}

describe('the signal', () => {
  it('of steady tones has no finding', () => {
    expect(find(tones())).toEqual([]);
  });

  it.each([3, 10, 50])('with a hole of %d ms has a gap of that length at its place', (ms) => {
    const channels = tones();
    for (const side of channels) side.fill(0, AT, AT + ms * 48);
    const gap = only(find(channels), 'gap');
    expect(Math.abs(gap.timeMs - 2100)).toBeLessThan(2 * HOP_MS);
    expect(Math.abs(gap.durationMs - ms)).toBeLessThan(2 * HOP_MS);
    expect(gap.severity).toBe(ms >= 20 ? 'major' : 'minor');
  });

  it('that becomes far louder soon after a hole has a gap all the same', () => {
    const channels = tones();
    for (const side of channels) {
      side.set(noise(10 * 48, 3, 0.01), AT);
      for (let i = AT + 20 * 48; i < side.length; i++) side[i]! *= 3;
    }
    const gap = find(channels).find(({ kind }) => kind === 'gap');
    expect(Math.abs(gap!.timeMs - 2100)).toBeLessThan(2 * HOP_MS);
  });

  it('that is loud has a gap although hiss is left in it, as a codec leaves', () => {
    const channels = tones();
    const hiss = noise(10 * 48, 3, 0.01);
    for (const side of channels) side.set(hiss, AT);
    const gap = only(find(channels), 'gap');
    expect(Math.abs(gap.timeMs - 2100)).toBeLessThan(2 * HOP_MS);
    expect(gap.severity).toBe('minor');
  });

  it('of a voice, soft between its pulses, has a gap where it is cut out between two samples', () => {
    const pulses = Float32Array.from({ length: SECONDS * RATE }, (_, i) => {
      const t = i % 672;
      return 0.3 * Math.exp(-t / 90) * Math.sin(t / 8);
    });
    expect(find([pulses]).filter(({ severity }) => severity !== 'info')).toEqual([]);
    const from = 150 * 672 + 60;
    pulses.fill(0, from, from + 3 * 672);
    expect(only(find([pulses]), 'gap')).toMatchObject({ severity: 'major' });
  });

  it('that is cut off between two pulses of a voice has a silence-run', () => {
    const pulses = Float32Array.from({ length: SECONDS * RATE }, (_, i) => {
      const t = i % 672;
      return 0.3 * Math.exp(-t / 350) * Math.sin(t / 8);
    });
    // Right before a pulse, where the sound is soft.
    const from = Math.round(AT / 672) * 672 - 32;
    pulses.fill(0, from, from + RATE / 2);
    const run = only(find([pulses]), 'silence-run');
    expect(run.severity).toBe('minor');
    expect(Math.abs(run.timeMs - (from * 1000) / RATE)).toBeLessThan(2 * HOP_MS);
  });

  it('that is cut off for half a second has a silence-run, not a gap', () => {
    const channels = tones();
    for (const side of channels) side.fill(0, AT, AT + RATE / 2);
    expect(only(find(channels), 'silence-run')).toMatchObject({ severity: 'minor' });
  });

  it('that is silent for longer than is remembered is found all the same', () => {
    const long = [...tones()].map((side) => {
      const whole = new Float32Array(20 * RATE);
      whole.set(side);
      whole.set(side, 16 * RATE);
      return whole;
    });
    const run = only(find(long), 'silence-run');
    expect(run.timeMs).toBeCloseTo(4000, -0.5);
    expect(run.durationMs).toBeCloseTo(12_000, -1);
    expect(run.severity).toBe('major');
  });

  it('that rests after fading out has no finding', () => {
    const channels = tones();
    for (const side of channels) {
      for (let i = 0; i < side.length; i++) {
        const phase = (i / RATE) % 1;
        side[i]! *= Math.max(0, Math.min(1, phase * 20, (0.7 - phase) * 20));
      }
    }
    expect(find(channels).filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it('that loses one side has a channel-dropout that names it', () => {
    const channels = tones();
    channels[1]!.fill(0, AT, AT + 30 * 48);
    expect(only(find(channels), 'channel-dropout')).toMatchObject({
      severity: 'major',
      measured: { channel: 2 },
    });
  });

  it('that loses one side where a voice has just set in has a channel-dropout; a side that is louder for a while is none', () => {
    const voice = Float32Array.from(noise(SECONDS * RATE, 9, 0.0005), (x, i) => {
      const t = i % 480;
      const onset = Math.max(0, Math.min(1, (i - AT + 400) / 300));
      return x + 0.3 * onset * Math.exp(-t / 120) * Math.sin(t / 10);
    });
    const one = voice.map((x, i) => (i < AT || i >= AT + 5 * 48 ? x : 0));
    const found = only(find([one, voice]), 'channel-dropout');
    expect(found).toMatchObject({ severity: 'minor', measured: { channel: 1 } });
    expect(Math.abs(found.timeMs - 2100)).toBeLessThan(4 * HOP_MS);
    const louder = voice.map((x, i) => (i < AT + 5000 || i >= AT + 5000 + 480 ? x : 5 * x));
    expect(find([voice, louder]).filter(({ kind }) => kind === 'channel-dropout')).toEqual([]);
  });

  it('that loses one side has a channel-dropout although a codec has filled its highs', () => {
    const channels = tones();
    channels[0]!.set(white(6 * 48, 3, 0.008), AT);
    expect(only(find(channels), 'channel-dropout')).toMatchObject({ severity: 'minor' });
  });

  it('with one wrong sample has a click there', () => {
    const channels = tones();
    for (const side of channels) side[AT]! += 0.5;
    const click = only(find(channels), 'click');
    expect(Math.abs(click.timeMs - 2100)).toBeLessThan(HOP_MS);
  });

  it('with a click that is far softer than the sound has it all the same', () => {
    const channels = tones();
    for (const side of channels) side[AT]! += 0.04;
    expect(only(find(channels), 'click')).toMatchObject({ medium: 'audio' });
  });

  it('with many clicks a second is crackle, which is no defect', () => {
    const channels = tones();
    for (let at = RATE; at < 3 * RATE; at += 6000) for (const side of channels) side[at]! += 0.5;
    expect(find(channels).filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it('with samples left out has a skip', () => {
    const channels = tones().map((side) => {
      const cut = new Float32Array(side.length - 333);
      cut.set(side.subarray(0, AT));
      cut.set(side.subarray(AT + 333), AT);
      return cut;
    });
    const [found, ...others] = find(channels);
    expect(others).toEqual([]);
    // From periodic sound, a cut and a repeat by the rest of the period cannot be told apart.
    expect(['skip', 'repeat']).toContain(found?.kind);
    expect(Math.abs(found!.timeMs - 2100)).toBeLessThan(HOP_MS);
  });

  it('with a burst of white noise has a noise-burst', () => {
    const channels = tones();
    const burst = Float32Array.from({ length: 20 * 48 }, (_, i) => Math.sin(i * i * 1.7) * 0.7);
    for (const side of channels) side.set(burst, AT);
    expect(only(find(channels), 'noise-burst')).toMatchObject({ severity: 'major' });
  });

  it('with a burst of noise that is soft for a moment has one noise-burst; with many alike it has a sound', () => {
    const channels = tones();
    const burst = white(100 * 48, 5, 0.7);
    for (let i = 1600; i < 1632; i++) burst[i]! /= 8;
    for (const side of channels) side.set(burst, AT);
    expect(only(find(channels), 'noise-burst').durationMs).toBeCloseTo(100, -0.5);
    const rattling = tones();
    for (let at = AT; at < AT + 12 * 3000; at += 3000)
      for (const side of rattling) side.set(burst.subarray(0, 6 * 48), at);
    const bursts = find(rattling).filter(({ kind }) => kind === 'noise-burst');
    expect(new Set(bursts.map(({ severity }) => severity))).toEqual(new Set(['info']));
  });

  it('with 5 ms of white noise in place of it has a noise-burst; a plosive after a closure is none', () => {
    const channels = tones();
    const burst = Float32Array.from({ length: 5 * 48 }, (_, i) => Math.sin(i * i * 1.7) * 0.7);
    for (const side of channels) side.set(burst, AT);
    expect(only(find(channels), 'noise-burst')).toMatchObject({ severity: 'minor' });
    for (const side of channels) side.fill(0, 0, AT);
    expect(find(channels).filter(({ kind }) => kind === 'noise-burst')).toEqual([]);
  });

  it('with single peaks at full scale before it is clipped has clipping from the first peak on', () => {
    const channels = tones();
    for (const side of channels) {
      side[AT - 60 * 48] = 1;
      for (let i = AT; i < AT + RATE / 2; i++) side[i] = Math.max(-1, Math.min(1, side[i]! * 6));
    }
    const clipping = find(channels).find(({ kind }) => kind === 'clipping');
    expect(Math.abs(clipping!.timeMs - 2040)).toBeLessThan(HOP_MS);
  });

  it('that is clipped has clipping; a square wave at full scale has none', () => {
    const loud = tones().map((side) => side.map((x) => Math.max(-1, Math.min(1, x * 5))));
    expect(find(loud).some(({ kind, severity }) => kind === 'clipping' && severity === 'major')).toBe(true);
    const square = sine(SECONDS * RATE, 220, RATE).map((x) => Math.sign(x));
    expect(find([square]).filter(({ kind }) => kind === 'clipping')).toEqual([]);
  });

  it('whose highs come with each note has a bandwidth-drop from the first dull note on', () => {
    const beat = 11_520;
    const hiss = noise(SECONDS * RATE, 11, 0.1);
    const play = (dullFrom: number): Float32Array =>
      hiss.map((x, i) => {
        const t = i % beat;
        const note = [1, 2, 3, 4].reduce(
          (sum, n) => sum + Math.sin((2 * Math.PI * 261 * n * t) / RATE) / n,
          0,
        );
        const hat = i < dullFrom ? x * Math.exp(-t / 960) : 0;
        return 0.1 * note * Math.min(1, t / 240) * Math.exp(-t / 9600) + hat;
      });
    expect(find([play(Infinity), play(Infinity)]).filter(({ kind }) => kind === 'bandwidth-drop')).toEqual(
      [],
    );
    const dull = play(9 * beat);
    const drop = find([dull, dull.slice()]).find(({ kind }) => kind === 'bandwidth-drop');
    expect(Math.abs(drop!.timeMs - (9 * beat * 1000) / RATE)).toBeLessThan(10);
  });

  it.each([160, 900])(
    'that is nothing but three tones from sample %d of a spectrum on, after air, has a bandwidth-drop there',
    (at) => {
      const edge = 50 * 1920 + at;
      const air = noise(SECONDS * RATE, 3, 0.02).fill(0, edge);
      const low = [440, 1234, 3100].map((hz) => sine(SECONDS * RATE, hz, RATE, 0.1));
      const mix = air.map((x, i) => low.reduce((sum, tone) => sum + tone[i]!, x));
      const channels = [mix, mix.slice()];
      const drop = find(channels).find(({ kind }) => kind === 'bandwidth-drop');
      expect(Math.abs(drop!.timeMs - (edge * 1000) / RATE)).toBeLessThan(3);
    },
  );

  it('that goes from one side to the other has no level-jump', () => {
    const [left, whole] = tones();
    // The same backwards, and softer.
    const right = whole!.map((_, i) => (i < AT ? 0 : whole![whole!.length - 1 - i]! / 2));
    expect(find([left!.fill(0, AT), right]).filter(({ kind }) => kind === 'level-jump')).toEqual([]);
  });

  it('of notes that ring out has a level-jump where all of them become softer; a new note is none', () => {
    const notes = Float32Array.from({ length: SECONDS * RATE }, (_, i) => {
      const t = (i % 12_000) / RATE;
      const hz = [220, 330, 275, 440][Math.floor(i / 12_000) % 4]!;
      const ring = Math.min(1, t * 200) * Math.exp(-4 * t);
      return (
        0.05 *
        ring *
        [1, 2, 3, 4, 5, 6, 7, 8, 9].reduce((sum, n) => sum + Math.sin(2 * Math.PI * hz * n * t) / n, 0)
      );
    });
    expect(find([notes, notes]).filter(({ severity }) => severity !== 'info')).toEqual([]);
    // In the middle of a note.
    const at = 8.5 * 12_000;
    const softer = notes.map((x, i) => (i < at ? x : x / 2));
    const jump = find([softer, softer.slice()]).find(({ kind }) => kind === 'level-jump');
    expect(jump).toMatchObject({ severity: 'minor' });
    expect(Math.abs(jump!.timeMs - (at * 1000) / RATE)).toBeLessThan(10);
  });

  it('of a voice has a level-jump where a vowel becomes louder between two samples; its own pulses and onsets are none', () => {
    const hiss = noise(SECONDS * RATE, 5, 0.0005);
    const voice = Float32Array.from(hiss, (x, i) => {
      const t = i % 416;
      const syllable = Math.max(0, Math.sin((2 * Math.PI * i) / 16_000));
      return x + 0.2 * syllable * Math.exp(-t / 150) * (Math.sin(t / 12) + 0.4 * Math.sin(t / 4.2));
    });
    expect(find([voice, voice]).filter(({ kind }) => kind === 'level-jump')).toEqual([]);
    const at = 237 * 416 + 100;
    const louder = voice.map((x, i) => (i < at || i > at + RATE ? x : 2 * x));
    const [jump] = find([louder, louder]).filter(({ kind }) => kind === 'level-jump');
    expect(Math.abs(jump!.timeMs - (at * 1000) / RATE)).toBeLessThan(0.1);
    expect(Number(jump!.measured['jumpDb'])).toBeCloseTo(6, 0);
  });

  it('that becomes softer by 12 dB at once has a level-jump', () => {
    const channels = tones();
    for (const side of channels) for (let i = AT; i < side.length; i++) side[i]! /= 4;
    const jump = find(channels).find(({ kind }) => kind === 'level-jump');
    expect(jump).toMatchObject({ severity: 'major' });
    expect(Number(jump?.measured['jumpDb'])).toBeCloseTo(-12, 0);
    expect(Math.abs(jump!.timeMs - 2100)).toBeLessThan(5);
  });
});
