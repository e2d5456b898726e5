import type { Verdict } from './finding.js';

/**
 * How bad a defect is, and why. The lengths are those from which listeners notice: a hole in sound is heard as a tick
 * from about 3 ms and as a dropout from about 20 ms; lip-sync errors are noticed from 45 ms (sound early) and 125 ms
 * (sound late) on, ITU-R BT.1359-1.
 */
export function holeInSound(ms: number): Verdict {
  if (ms >= 20)
    return { severity: 'major', reason: `a hole of ${ms.toFixed(1)} ms is heard as a dropout (from 20 ms)` };
  if (ms >= 3)
    return { severity: 'minor', reason: `a hole of ${ms.toFixed(1)} ms is heard as a tick (3 to 20 ms)` };
  return { severity: 'info', reason: `a hole of ${ms.toFixed(1)} ms is hardly heard (under 3 ms)` };
}

/** Room noise is softer: a gate that shuts in a pause, or a mute, takes away nothing else. */
const ROOM_DB = -40;
const LONG_PAUSE_MS = 2000;

/** @param levelBeforeDb of what is cut off, where nothing else tells that it should go on */
export function silence(ms: number, levelBeforeDb = 0): Verdict {
  if (levelBeforeDb < ROOM_DB && ms < LONG_PAUSE_MS)
    return {
      severity: 'info',
      reason: 'what is cut off was as soft as room noise: a gate, or a mute in a pause',
    };
  return ms >= 1000
    ? { severity: 'major', reason: `the sound is cut off for ${(ms / 1000).toFixed(1)} s` }
    : { severity: 'minor', reason: `the sound is cut off for ${ms.toFixed(0)} ms` };
}

export function timeStep(ms: number): Verdict {
  const length = Math.abs(ms);
  if (length >= 40) {
    return {
      severity: 'major',
      reason: `players stall, skip or lose lip sync at steps of ${length.toFixed(0)} ms`,
    };
  }
  if (length >= 5)
    return { severity: 'minor', reason: `players insert or drop sound at a step of ${length.toFixed(1)} ms` };
  return { severity: 'info', reason: `a step of ${length.toFixed(1)} ms is within what players even out` };
}

export function pictureStep(ms: number): Verdict {
  const length = Math.abs(ms);
  if (length >= 500)
    return { severity: 'major', reason: `the picture stands still for ${length.toFixed(0)} ms` };
  if (length >= 100)
    return { severity: 'minor', reason: `a stutter of ${length.toFixed(0)} ms is seen in motion` };
  return { severity: 'info', reason: `${length.toFixed(0)} ms is hardly seen` };
}

export function lipSync(ms: number): Verdict {
  const length = Math.abs(ms);
  if (length >= 125)
    return { severity: 'major', reason: `${length.toFixed(0)} ms of skew is seen as bad lip sync` };
  if (length >= 45)
    return { severity: 'minor', reason: `${length.toFixed(0)} ms of skew is noticed by who attends` };
  return { severity: 'info', reason: `${length.toFixed(0)} ms of skew is not noticed (under 45 ms)` };
}

export function standStill(ms: number, isPlausible: boolean): Verdict {
  if (isPlausible) return { severity: 'info', reason: 'a still of this length may be meant' };
  return ms >= 2000
    ? { severity: 'major', reason: `nothing moves for ${(ms / 1000).toFixed(1)} s` }
    : { severity: 'minor', reason: `nothing moves for ${ms.toFixed(0)} ms` };
}

/** Sound that a reference has and the capture has not, or the other way round. */
export function lostOrInserted(ms: number, isHeard: boolean): Verdict {
  const length = `${ms.toFixed(1)} ms`;
  if (!isHeard) return { severity: 'info', reason: `${length} in silence: nothing is heard of it` };
  return ms >= 20
    ? { severity: 'major', reason: `a jump by ${length} is heard as a stumble (from 20 ms)` }
    : { severity: 'minor', reason: `a jump by ${length} is heard as a click` };
}

/** Noise over what the sound masks, above the codec's own. */
export function excessNoise(noiseToMaskDb: number, excessDb = 0): Verdict {
  if (noiseToMaskDb < 0) return { severity: 'info', reason: 'the sound masks it' };
  const own = excessDb > 0 ? `, ${excessDb.toFixed(0)} dB over the codec's own` : '';
  const reason = `its noise is ${noiseToMaskDb.toFixed(0)} dB over what the sound masks${own}`;
  return { severity: noiseToMaskDb >= 12 ? 'major' : 'minor', reason };
}
