import { describe, expect, it } from 'vitest';
import { CaptureClock } from '../../src/rtp/capture-clock.js';

/** 2 ms, the most that a picture may be moved. */
const MAX_SLEW_TICKS = 180;
/** 8 ms, while sound and picture are further apart than 40 ms. */
const MAX_GROSS_SLEW_TICKS = 720;
/** What is left of an alignment by sender reports once it has settled. */
const SETTLED_BY_REPORTS_MS = 1.5;
/** By arrival alone, jitter hides more. */
const SETTLED_BY_ARRIVAL_MS = 8;

interface Publisher {
  /** Fixed delays from capture to arrival, in microseconds. */
  readonly videoDelayUs: number;
  readonly audioDelayUs: number;
  /** Video clock against audio clock. */
  readonly videoDriftPpm?: number;
  readonly reportsFromUs?: number;
  readonly jitterUs?: number;
  readonly seconds: number;
}

const VIDEO_BASE = 3_000_000_000;
const AUDIO_BASE = 77_777;

/** Plays a publisher against a CaptureClock; the truth is that capture time of both tracks is one clock. */
function run(publisher: Publisher): { skewMs: number[]; steps: number[]; audioSteps: number[] } {
  const clock = new CaptureClock();
  const { videoDelayUs, audioDelayUs, videoDriftPpm = 0, jitterUs = 0, seconds } = publisher;
  let random = 1;
  const jitter = (): number => (random = (random * 48_271) % 2_147_483_647) % (jitterUs + 1);
  const videoTs = (us: number): number =>
    VIDEO_BASE + Math.round((us * (1 + videoDriftPpm / 1e6) * 90_000) / 1e6);
  const audioTs = (us: number): number => AUDIO_BASE + Math.round((us * 48_000) / 1e6);
  const events: { at: number; run: () => void }[] = [];
  const audio: number[] = [];
  const video: number[] = [];
  const skewMs: number[] = [];
  for (let us = 0; us < seconds * 1e6; us += 20_000) {
    const at = us + audioDelayUs + jitter();
    events.push({
      at,
      run: () => {
        clock.arrived('audio', audioTs(us), at);
        audio.push(clock.audioPts(audioTs(us)));
      },
    });
  }
  for (let i = 0; i < seconds * 30; i++) {
    const us = Math.round((i * 1e6) / 30);
    const at = us + videoDelayUs + jitter();
    events.push({
      at,
      run: () => {
        clock.arrived('video', videoTs(us), at);
        const pts = clock.videoPts(videoTs(us));
        video.push(pts);
        skewMs.push(pts / 90 - clock.audioPts(audioTs(us)) / 48);
      },
    });
  }
  if (publisher.reportsFromUs !== undefined) {
    for (let us = publisher.reportsFromUs; us < seconds * 1e6; us += 1_000_000) {
      events.push({
        at: us + 1,
        run: () => {
          clock.senderReport('audio', 5e15 + us, audioTs(us));
          clock.senderReport('video', 5e15 + us, videoTs(us));
        },
      });
    }
  }
  for (const event of events.sort((a, b) => a.at - b.at)) event.run();
  const stepsOf = (list: number[]): number[] => list.slice(1).map((pts, i) => pts - list[i]!);
  // Jitter lets packets overtake each other; what counts is where each one is put.
  return { skewMs, steps: stepsOf(video), audioSteps: stepsOf(audio.sort((a, b) => a - b)) };
}

describe('CaptureClock', () => {
  it('keeps audio sample-exact whatever the arrival times and reports are', () => {
    const { audioSteps } = run({
      videoDelayUs: 60_000,
      audioDelayUs: 5_000,
      jitterUs: 50_000,
      reportsFromUs: 900_000,
      seconds: 10,
    });
    expect(new Set(audioSteps)).toEqual(new Set([960]));
  });

  it('brings the picture to the sound by sender reports, at most 2 ms a picture, and never back', () => {
    const { skewMs, steps } = run({
      videoDelayUs: 48_000,
      audioDelayUs: 10_000,
      reportsFromUs: 2_000_000,
      seconds: 10,
    });
    expect(skewMs[0]).toBeGreaterThan(30);
    expect(Math.abs(skewMs.at(-1)!)).toBeLessThan(SETTLED_BY_REPORTS_MS);
    for (const step of steps) {
      expect(step).toBeGreaterThanOrEqual(3_000 - MAX_SLEW_TICKS - 1);
      expect(step).toBeLessThanOrEqual(3_000 + MAX_SLEW_TICKS + 1);
    }
  });

  it('makes up half a second between sound and picture in two, without a step that is seen', () => {
    const { skewMs, steps } = run({
      videoDelayUs: 10_000,
      audioDelayUs: 460_000,
      reportsFromUs: 1_000_000,
      seconds: 6,
    });
    expect(skewMs[0]).toBeLessThan(-400);
    const noticed = skewMs.slice(30).filter((skew) => Math.abs(skew) > 45);
    expect(noticed.length).toBeLessThan(60);
    expect(Math.abs(skewMs.at(-1)!)).toBeLessThan(SETTLED_BY_REPORTS_MS);
    for (const step of steps) {
      expect(step).toBeGreaterThanOrEqual(3_000 - MAX_GROSS_SLEW_TICKS - 1);
      expect(step).toBeLessThanOrEqual(3_000 + MAX_GROSS_SLEW_TICKS + 1);
    }
  });

  it('follows a drift between the two clocks', () => {
    const { skewMs } = run({
      videoDelayUs: 20_000,
      audioDelayUs: 20_000,
      videoDriftPpm: 200,
      reportsFromUs: 1_000_000,
      seconds: 120,
    });
    const settled = skewMs.slice(300);
    expect(Math.max(...settled.map(Math.abs))).toBeLessThan(SETTLED_BY_REPORTS_MS);
  });

  it('goes by arrival where no reports come, through jitter and drift', () => {
    const { skewMs, steps } = run({
      videoDelayUs: 20_000,
      audioDelayUs: 20_000,
      videoDriftPpm: 100,
      jitterUs: 30_000,
      seconds: 120,
    });
    const settled = skewMs.slice(600);
    expect(Math.max(...settled.map(Math.abs))).toBeLessThan(SETTLED_BY_ARRIVAL_MS);
    expect(Math.min(...steps)).toBeGreaterThan(0);
  });

  it('goes on by arrival time when a track restarts its numbering', () => {
    const clock = new CaptureClock();
    clock.arrived('video', 1_000, 0);
    const before = clock.videoPts(1_000);
    clock.arrived('video', 900_000_000, 100_000);
    expect(clock.videoPts(900_000_000) - before).toBe(9_000);
    clock.arrived('video', 900_003_000, 133_333);
    expect(clock.videoPts(900_003_000) - before).toBe(12_000);
  });

  it('does not believe reports that contradict the arrival times by seconds', () => {
    const clock = new CaptureClock();
    clock.arrived('audio', 0, 0);
    clock.arrived('video', 0, 0);
    clock.senderReport('audio', 5e15, 0);
    clock.senderReport('video', 5e15 + 60_000_000, 0);
    for (let i = 1; i < 100; i++) {
      clock.arrived('audio', i * 1_600, i * 33_333);
      clock.arrived('video', i * 3_000, i * 33_333);
      expect(Math.abs(clock.videoPts(i * 3_000) - i * 3_000)).toBeLessThan(900);
    }
  });
});
