import { expect } from 'vitest';
import type { AacUnit, VideoUnit } from '../../src/media/access-unit.js';

/** What viewers rely on, of any stretch of a program. Times in 1/90000 s. */
export interface VideoJudgement {
  readonly maxStep: number;
  readonly dtsNotIncreasing: number;
  readonly ptsBelowDts: number;
  readonly ptsRepeated: number;
  /** Pictures whose time lies before that of an IDR that was decoded earlier. */
  readonly shownBeforeIdr: number;
  /** Changes of configuration anywhere but at an IDR. */
  readonly strayConfigs: number;
}

export function judgeVideo(units: readonly VideoUnit[]): VideoJudgement {
  // At the end of what was seen, pictures may be out whose predecessors in presentation are still to come.
  const complete = units.at(-1)?.dts ?? 0;
  const shown = units
    .map(({ pts }) => pts)
    .filter((pts) => pts <= complete)
    .sort((a, b) => a - b);
  const steps = shown.slice(1).map((pts, i) => pts - shown[i]!);
  let idr = -Infinity;
  let shownBeforeIdr = 0;
  for (const unit of units) {
    if (unit.isIdr) {
      if (units.some((other) => other !== unit && other.dts < unit.dts && other.pts >= unit.pts))
        shownBeforeIdr++;
      idr = unit.pts;
    } else if (unit.pts <= idr) shownBeforeIdr++;
  }
  return {
    maxStep: Math.max(0, ...steps),
    dtsNotIncreasing: units.filter((unit, i) => i > 0 && unit.dts <= units[i - 1]!.dts).length,
    ptsBelowDts: units.filter((unit) => unit.pts < unit.dts).length,
    ptsRepeated: steps.filter((step) => step === 0).length,
    shownBeforeIdr,
    strayConfigs: units.filter((unit, i) => i > 0 && !unit.isIdr && unit.config !== units[i - 1]!.config)
      .length,
  };
}

export function expectSoundVideo(units: readonly VideoUnit[], maxStep: number): void {
  const judgement = judgeVideo(units);
  expect(judgement).toEqual({
    maxStep: judgement.maxStep,
    dtsNotIncreasing: 0,
    ptsBelowDts: 0,
    ptsRepeated: 0,
    shownBeforeIdr: 0,
    strayConfigs: 0,
  });
  expect(judgement.maxStep).toBeLessThanOrEqual(maxStep);
}

/** Audio that advances by exactly 1024 samples from the first unit to the last. */
export function expectUnbrokenAudio(units: readonly AacUnit[]): void {
  expect(units.length).toBeGreaterThan(1);
  const first = units[0]!.pts;
  const off = units.findIndex((unit, i) => unit.pts !== first + i * 1_024);
  expect(off).toBe(-1);
}
