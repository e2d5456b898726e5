import { describe, expect, it } from 'vitest';
import { BLUR } from '../../src/glitch/signal/levels.js';
import { Phases } from '../../src/glitch/signal/phases.js';
import { Sound } from '../../src/glitch/signal/sound.js';
import { sine } from '../libav/signal.js';

const RATE = 48_000;
const AT = RATE;

function measured(missing: number): Readonly<Record<string, number>> {
  const whole = [220, 331, 554, 1108, 2793]
    .map((hz) => sine(3 * RATE, hz, RATE, 0.1))
    .reduce((sum, tone) => sum.map((x, i) => x + tone[i]!));
  const cut = new Float32Array(2 * RATE);
  cut.set(whole.subarray(0, AT));
  cut.set(whole.subarray(AT + missing, missing + 2 * RATE), AT);
  const sound = new Sound(RATE, 1);
  sound.append([cut], { timeMs: 0, unit: 0, byteOffset: 0 });
  return new Phases(BLUR).measure(sound, AT);
}

describe('the phases of a chord', () => {
  it('go on across a place where nothing is missing', () => {
    const { phaseKept, phaseShare, phasePartials, phaseBesideLeast } = measured(0);
    expect(phasePartials).toBe(5);
    expect(phaseShare).toBeGreaterThan(0.99);
    expect(Math.min(phaseKept!, phaseBesideLeast!)).toBeGreaterThan(0.99);
  });

  it('do not where some milliseconds are, although they do beside it', () => {
    const { phaseKept, phaseShare, phaseBesideLeast } = measured(337);
    expect(phaseShare).toBeGreaterThan(0.9);
    expect(phaseKept).toBeLessThan(0.6);
    expect(phaseBesideLeast).toBeGreaterThan(0.99);
  });
});
