import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockMap } from '../../src/program/clock-map.js';
import { isCleanCut } from '../../src/program/cut.js';
import { GopBuffer } from '../../src/program/gop-buffer.js';
import { ProgramClock } from '../../src/program/program-clock.js';
import { TickGrid } from '../../src/program/ticker.js';
import { ProgramTimeline } from '../../src/program/timeline.js';
import type { AacUnit, VideoUnit } from '../../src/media/access-unit.js';
import { hostConfig, mixConfig, picture } from './fake-media.js';
import { expectSoundVideo, expectUnbrokenAudio } from './judge.js';

const pictureUs = 33_333;

describe('the clock map', () => {
  it('finds the offset behind any jitter, to the least delay seen', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e12, max: 1e12 }),
        fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 100, maxLength: 300 }),
        (offsetUs, jitter) => {
          const map = new ClockMap();
          jitter.forEach((lateUs, i) =>
            map.observe('video', i * pictureUs, offsetUs + i * pictureUs + lateUs),
          );
          const error = map.offsetUs! - offsetUs;
          expect(error).toBeGreaterThanOrEqual(0);
          // The least of the first two seconds, which only slewing may have moved since.
          expect(error).toBeLessThanOrEqual(Math.min(...jitter.slice(0, 60)) + 1);
        },
      ),
    );
  });

  it('never moves faster than can be heard once it has settled', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 150_000 }), { minLength: 100, maxLength: 400 }),
        (late) => {
          const map = new ClockMap();
          let before: { offset: number; atUs: number } | undefined;
          let arrivalUs = 0;
          late.forEach((lateUs, i) => {
            arrivalUs = Math.max(arrivalUs, i * pictureUs + lateUs);
            map.observe('audio', i * pictureUs, arrivalUs);
            if (before !== undefined && arrivalUs > 2_200_000) {
              const moved = Math.abs(map.offsetUs! - before.offset);
              expect(moved).toBeLessThanOrEqual(0.002 * (arrivalUs - before.atUs) + 1);
            }
            before = { offset: map.offsetUs!, atUs: arrivalUs };
          });
        },
      ),
    );
  });

  it('follows a clock that drifts by 300 ppm', () => {
    const map = new ClockMap();
    for (let i = 0; i < 10_000; i++) map.observe('audio', i * 20_000, i * 20_000 * (1 + 300e-6));
    const truth = 9_999 * 20_000 * 300e-6;
    // The window looks eight seconds back, in which the clock drifts by 2.4 ms.
    expect(Math.abs(map.offsetUs! - truth)).toBeLessThanOrEqual(2_500);
  });

  it('maps to where the slower of sound and picture has arrived', () => {
    const map = new ClockMap();
    for (let i = 0; i < 100; i++) {
      map.observe('audio', i * pictureUs, i * pictureUs + 10_000);
      map.observe('video', i * pictureUs, i * pictureUs + 70_000);
    }
    expect(map.offsetUs).toBe(70_000);
    expect(map.latenessUs('audio')).toBe(0);
  });

  it('gives up an offset at once when the path has changed for good', () => {
    const map = new ClockMap();
    for (let i = 0; i < 300; i++) map.observe('video', i * pictureUs, i * pictureUs + 5_000);
    for (let i = 300; i < 900; i++) map.observe('video', i * pictureUs, i * pictureUs + 600_000);
    expect(map.offsetUs).toBe(600_000);
  });
});

describe("the program's clock", () => {
  it('shifts sound and picture by exactly the same time, whatever the host says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e10, max: 1e10 }),
        fc.integer({ min: 0, max: 1e9 }),
        (hostTime, atUs) => {
          const clock = new ProgramClock();
          const map = new ClockMap();
          map.observe('video', Math.round((hostTime * 100) / 9), atUs);
          clock.beginHost(map, hostTime, atUs);
          for (const rate of [44_100, 48_000])
            expect(Number.isInteger((clock.hostOffset * rate) / 90_000)).toBe(true);
        },
      ),
    );
  });

  it('goes on with wall time from host to host', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ origin: fc.integer({ min: 0, max: 1e9 }), ms: fc.integer({ min: 1, max: 9_999 }) }),
          {
            minLength: 2,
            maxLength: 6,
          },
        ),
        (sessions) => {
          const clock = new ProgramClock();
          let nowUs = 1_000_000;
          let startUs: number | undefined;
          for (const { origin, ms } of sessions) {
            const map = new ClockMap();
            map.observe('video', origin * 1_000, nowUs);
            clock.beginHost(map, origin * 90, nowUs);
            startUs ??= nowUs;
            nowUs += ms * 1_000;
            clock.endHost(nowUs);
          }
          const expected = 90_000 + ((nowUs - startUs!) * 9) / 100;
          // Each host's constant is rounded up to 10 ms.
          expect(clock.now(nowUs) - expected).toBeGreaterThanOrEqual(-1);
          expect(clock.now(nowUs) - expected).toBeLessThanOrEqual(900 * sessions.length + 1);
        },
      ),
    );
  });
});

const anyUnit = fc.record({
  pts: fc.integer({ min: 0, max: 40 }).map((n) => n * 1_500),
  back: fc.integer({ min: 0, max: 4 }).map((n) => n * 1_500),
  type: fc.constantFrom('I' as const, 'P' as const, 'B' as const),
  config: fc.constantFrom(hostConfig, mixConfig),
});

describe('the timeline', () => {
  it('lets nothing out that would break the order of the program, whatever comes in', () => {
    fc.assert(
      fc.property(fc.array(anyUnit, { maxLength: 200 }), (inputs) => {
        const out: VideoUnit[] = [];
        const timeline = new ProgramTimeline((unit) => unit.kind === 'video' && out.push(unit));
        const accepted = inputs.filter(({ pts, back, type, config }) =>
          timeline.video(picture({ pts, dts: pts - back, type, config }), 'relay'),
        );
        expect(accepted.length).toBe(out.length);
        expect(timeline.stats.droppedUnits).toBe(inputs.length - out.length);
        expectSoundVideo(out, Infinity);
      }),
    );
  });

  it('lets everything of a regular stream out, reordered or not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 20 }), (bPictures, groups) => {
        const out: VideoUnit[] = [];
        const timeline = new ProgramTimeline((unit) => unit.kind === 'video' && out.push(unit));
        const stream = reordered(bPictures, groups);
        for (const unit of stream) expect(timeline.video(unit, 'relay')).toBe(true);
        expect(out).toEqual(stream);
      }),
    );
  });

  it('advances audio by exactly one frame, whatever the units say', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 2 }), (times) => {
        const out: AacUnit[] = [];
        const timeline = new ProgramTimeline((unit) => unit.kind === 'audio' && out.push(unit));
        const config = {
          codec: 'aac' as const,
          asc: Buffer.from([0x11, 0x90]),
          sampleRate: 48_000,
          channels: 2,
        };
        timeline.startAudio(4_096);
        for (const pts of times) {
          timeline.audio(
            { kind: 'audio', config, pts, durationSamples: 1_024, data: Buffer.alloc(1) },
            'mix',
          );
        }
        expect(out[0]?.pts).toBe(4_096);
        expectUnbrokenAudio(out);
      }),
    );
  });
});

/** I, then groups of a P with `bPictures` before it in presentation. */
function reordered(bPictures: number, groups: number): VideoUnit[] {
  const tick = 3_000;
  const ahead = bPictures === 0 ? 0 : 1;
  const units = [picture({ pts: (10 + ahead) * tick, dts: 10 * tick, type: 'I' })];
  for (let group = 0; group < groups; group++) {
    const first = 11 + group * (bPictures + 1);
    units.push(picture({ pts: (first + bPictures + ahead) * tick, dts: first * tick }));
    for (let b = 1; b <= bPictures; b++) {
      units.push(picture({ pts: (first + b - 1 + ahead) * tick, dts: (first + b) * tick, type: 'B' }));
    }
  }
  return units;
}

describe('a clean cut', () => {
  it('leaves no hole in presentation, wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 8 }), (bPictures, groups) => {
        const stream = reordered(bPictures, groups);
        stream.forEach((unit, i) => {
          if (i === 0 || !isCleanCut(unit)) return;
          expectSoundVideo(stream.slice(0, i), 3_000);
          const shown = stream.slice(0, i).map(({ pts }) => pts);
          expect(Math.max(...shown) - Math.min(...shown)).toBe((shown.length - 1) * 3_000);
        });
        expect(stream.filter((unit) => !isCleanCut(unit))).toHaveLength(bPictures * groups);
      }),
    );
  });

  it('is found in anything, damaged or not, without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(typeof isCleanCut({ ...picture({ pts: 0 }), data: Buffer.from(bytes) })).toBe('boolean');
      }),
    );
  });
});

describe('the GOP buffer', () => {
  it('gives a decoder each picture once, from an IDR on', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('I' as const, 'P' as const, 'take' as const)), (steps) => {
        const buffer = new GopBuffer();
        const given: VideoUnit[] = [];
        let pts = 0;
        for (const step of steps) {
          if (step === 'take') given.push(...buffer.takeNew());
          else buffer.push(picture({ pts: pts++, type: step }));
        }
        given.push(...buffer.takeNew());
        expect(new Set(given).size).toBe(given.length);
        if (given.length > 0) expect(given[0]!.isIdr).toBe(true);
        given.forEach((unit, i) => {
          if (i > 0 && !unit.isIdr) expect(unit.pts).toBe(given[i - 1]!.pts + 1);
        });
      }),
    );
  });

  it('lets go of a GOP without end', () => {
    const buffer = new GopBuffer();
    buffer.push(picture({ pts: 0, type: 'I' }));
    for (let i = 1; i < 1_000; i++) buffer.push(picture({ pts: i }));
    expect(buffer.decodable).toBe(false);
    expect(buffer.takeNew()).toEqual([]);
  });
});

describe('the tick grid', () => {
  it('never skips more than one picture, and does not drift', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(15, 24, 25, 30, 50, 60),
        fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 300 }),
        (fps, lateness) => {
          const grid = new TickGrid(1_234, fps);
          let last = grid.next;
          for (const late of lateness) {
            grid.advance(late);
            expect(grid.next - last).toBeLessThanOrEqual(2 * grid.duration);
            last = grid.next;
          }
          const index = Math.round(((last - 1_234) * fps) / 90_000);
          expect(last).toBe(1_234 + Math.round((index * 90_000) / fps));
        },
      ),
    );
  });
});
