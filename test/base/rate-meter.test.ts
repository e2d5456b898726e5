import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/base/clock.js';
import { RateMeter } from '../../src/base/rate-meter.js';

test('a steady flow is measured within one arrival, at every phase of the slots', () => {
  const clock = new VirtualClock(123_456);
  const meter = new RateMeter(clock);
  for (let n = 0; n < 300; n++) {
    clock.advanceTo(clock.nowUs() + 33_333);
    meter.add(1);
    // One arrival more or less of the 52 to 60 that two seconds hold.
    if (n > 60) expect(Math.abs(meter.perSecond() - 30)).toBeLessThan(30 / 50);
  }
});

test('what has stopped for two seconds counts as nothing', () => {
  const clock = new VirtualClock();
  const meter = new RateMeter(clock);
  meter.add(1000);
  expect(meter.perSecond()).toBe(4000);
  clock.advanceTo(2_100_000);
  expect(meter.perSecond()).toBe(0);
});
