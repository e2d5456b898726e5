import { describe, expect, it } from 'vitest';
import type { Mode, ProgramSource } from '../../src/media/program-settings.js';
import type { TimelineEntry } from '../../src/serve/room-api.js';
import { phasesOf, switchesOf } from '../../web/ui/program-phases.js';

const begin = Date.parse('2026-01-01T20:00:00Z');

function timelineOf(...entries: [seconds: number, mode: Mode, source: ProgramSource][]): TimelineEntry[] {
  return entries.map(([seconds, mode, source]) => ({
    at: new Date(begin + seconds * 1000).toISOString(),
    mode,
    source,
    tookMs: seconds,
  }));
}

const shown = (timeline: TimelineEntry[], nowSeconds: number): unknown[] =>
  phasesOf(timeline, begin + nowSeconds * 1000).map(({ kind, lengthMs }) => [kind, lengthMs / 1000]);

describe('the phases of a program', () => {
  it('are none before it begins', () => {
    expect(phasesOf([], begin)).toEqual([]);
    expect(switchesOf([])).toEqual({ count: 0, lastMs: undefined });
  });

  it('begin with a start, which is no absence of the host', () => {
    const timeline = timelineOf([0, 'live', 'slate'], [2, 'live', 'relay'], [10, 'live', 'slate']);
    expect(shown(timeline, 15)).toEqual([
      ['starting', 2],
      ['live', 8],
      ['away', 5],
    ]);
    expect(switchesOf(phasesOf(timeline, begin))).toEqual({ count: 1, lastMs: 10 });
  });

  it('take a lone host who is mixed for live: that is no switch', () => {
    const timeline = timelineOf(
      [0, 'live', 'relay'],
      [5, 'live', 'mix'],
      [6, 'live', 'relay'],
      [9, 'collab', 'mix'],
    );
    expect(shown(timeline, 12)).toEqual([
      ['live', 9],
      ['collab', 3],
    ]);
    expect(switchesOf(phasesOf(timeline, begin))).toEqual({ count: 1, lastMs: 9 });
  });

  it('are live where the relay stands in for a mixer that failed', () => {
    expect(shown(timelineOf([0, 'collab', 'mix'], [4, 'collab', 'relay']), 5)).toEqual([
      ['collab', 4],
      ['live', 1],
    ]);
  });

  it('have no negative length on a clock that is behind the server’s', () => {
    expect(shown(timelineOf([5, 'live', 'relay']), 0)).toEqual([['live', 0]]);
  });
});
