import { describe, expect, it } from 'vitest';
import type { CaptureEvent } from '../../src/glitch/capture/event.js';
import { audioFrame, picture } from '../container/units.js';
import { analyseEvents, inMilliseconds, kindsOf } from './events.js';

const FRAME_MS = 1024 / 48;
/** Audio frames on their grid, each with what is added to its time in ms. */
function audio(count: number, shiftMs: (index: number) => number = () => 0): CaptureEvent[] {
  return Array.from({ length: count }, (_, i) => inMilliseconds(audioFrame(i * 1024), i, shiftMs(i)));
}

function video(count: number, shiftMs: (index: number) => number = () => 0): CaptureEvent[] {
  return Array.from({ length: count }, (_, i) =>
    inMilliseconds(picture({ dts: i * 3000, isIdr: i % 30 === 0 }), i, shiftMs(i)),
  );
}

function interleaved(...tracks: CaptureEvent[][]): CaptureEvent[] {
  const time = (event: CaptureEvent): number => ('stamp' in event ? (event.stamp?.dts ?? 0) : 0);
  return tracks.flat().sort((a, b) => time(a) - time(b));
}

/** What these frames hold is no AAC that decodes: only times are looked at here. */
const timeKinds = new Set(['pts-gap', 'pts-overlap', 'pts-backwards', 'av-skew', 'irregular-duration']);
const times = (events: CaptureEvent[]) =>
  analyseEvents(events).findings.filter(({ kind }) => timeKinds.has(kind));

describe('time stamps', () => {
  it('rounded to milliseconds are no finding, however long the capture', () => {
    expect(times(interleaved(audio(3000), video(1900)))).toEqual([]);
  });

  it('with lost audio frames show a gap of their length at their place', () => {
    const events = audio(300).filter((_, i) => i < 100 || i >= 103);
    const [gap, ...others] = times(events);
    expect(others).toEqual([]);
    expect(gap).toMatchObject({ kind: 'pts-gap', severity: 'major', unit: 103, byteOffset: 103_000 });
    expect(gap?.timeMs).toBeCloseTo(100 * FRAME_MS, -0.5);
    expect(gap?.measured['stepSamples']).toBeGreaterThan(3 * 1024 - 60);
    expect(gap?.cause).toContain('3 audio frames');
  });

  it('that begin before the frame before them ends show an overlap', () => {
    expect(times(audio(200, (i) => (i >= 100 ? -9 : 0)))).toMatchObject([
      { kind: 'pts-overlap', severity: 'minor', unit: 100 },
    ]);
  });

  it('that go back are told', () => {
    expect(times(audio(200, (i) => (i >= 100 ? -500 : 0)))).toMatchObject([
      { kind: 'pts-backwards', severity: 'major', unit: 100 },
    ]);
    expect(times(video(100, (i) => (i >= 50 ? -500 : 0)))).toMatchObject([
      { kind: 'pts-backwards', medium: 'video' },
    ]);
  });

  it('with lost pictures show a gap that says how many', () => {
    const events = video(120).filter((_, i) => i < 60 || i >= 66);
    expect(times(events)).toMatchObject([
      { kind: 'pts-gap', medium: 'video', severity: 'minor', unit: 66, measured: { missing: 6 } },
    ]);
  });

  it.each([0, 2, 4, 5])('of both tracks that part by 300 ms show a step of skew (event %i)', (later) => {
    const found = times(
      interleaved(audio(500), video(320)).map((event, i, all) => {
        const isLate = event.type === 'audio' && i > all.length / 2 + later;
        return isLate
          ? { ...event, stamp: { ...event.stamp!, pts: event.stamp!.pts + 300, dts: event.stamp!.dts + 300 } }
          : event;
      }),
    );
    expect(kindsOf(found).sort()).toEqual(['av-skew', 'pts-gap']);
    expect(found.find(({ kind }) => kind === 'av-skew')).toMatchObject({
      unit: found.find(({ kind }) => kind === 'pts-gap')?.unit,
      severity: 'major',
      measured: { shape: 'step' },
    });
  });

  it('that run at another speed than the samples show a drift', () => {
    const found = times(audio(4000, (i) => Math.round(i * FRAME_MS * 0.001)));
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ kind }) => kind === 'av-skew')).toBe(true);
    expect(Number(found[0]?.measured['ppm'])).toBeGreaterThan(900);
    expect(Number(found[0]?.measured['ppm'])).toBeLessThan(1100);
  });

  it('of pictures that come unevenly are told once, as info', () => {
    const jitter = (i: number): number => (i > 40 && i < 60 && i % 2 === 0 ? 12 : 0);
    expect(times(video(120, jitter))).toMatchObject([{ kind: 'irregular-duration', severity: 'info' }]);
  });
});
