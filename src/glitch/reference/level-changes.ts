import type { Report } from '../detector.js';
import type { Sound } from '../signal/sound.js';
import { FRAME } from './frame.js';
import type { ChannelLevels, FrameErrors } from './frame-errors.js';
import type { Change } from './change.js';
import { changePlace } from './change-place.js';
import { LevelStep } from './level-step.js';
import { MissingHighs } from './missing-highs.js';
import { reportChange } from './report-difference.js';
import type { Stretch } from './stretch.js';
import { WholeFrames } from './whole-frames.js';

/** Changes of one kind in both channels that lie so close are one; highs are missed with the next note of each side. */
const SAME_FRAMES = { 'level-jump': 10, 'bandwidth-drop': 24 };

interface Channel {
  readonly frames: WholeFrames;
  readonly finders: readonly [LevelStep, MissingHighs];
}

/** Changes of level or bandwidth of any channel: finds where they begin, and reports each once. */
export class LevelChanges {
  readonly #report: Report;
  readonly #channels: readonly Channel[];
  #told: { readonly kind: Change['kind']; readonly at: number } | undefined;

  constructor(channels: number, report: Report) {
    this.#report = report;
    this.#channels = Array.from({ length: channels }, () => ({
      frames: new WholeFrames(),
      finders: [new LevelStep(), new MissingHighs()] as const,
    }));
  }

  /** Frames from here on were compared with the wrong place of the reference. */
  forget(from: number): void {
    for (const { frames, finders } of this.#channels)
      for (const one of [frames, ...finders]) one.forget(from);
  }

  /**
   * Takes the levels of a frame, one entry per channel.
   *
   * @param options.errors are told of a gain that has changed for good
   * @param options.stretch reads so much of the capture and of the reference at its own level
   * @returns positions from which on a change holds that came to light by this frame, and whether any was of the level
   */
  watch(
    sound: Sound,
    { position, levels }: { readonly position: number; readonly levels: readonly ChannelLevels[] },
    options: {
      readonly errors: FrameErrors;
      readonly stretch: (from: number, length: number) => Stretch;
    },
  ): { readonly places: readonly number[]; readonly isTurned: boolean } {
    const places: number[] = [];
    let isTurned = false;
    for (const [channel, { frames, finders }] of this.#channels.entries()) {
      const frame = frames.next({ position, ...levels[channel]! });
      if (frame === undefined) continue;
      for (const change of finders.flatMap((finder) => finder.add(frame) ?? [])) {
        const { kind, from, to, stepDb } = change;
        const { heard, reference, sampleRate } = options.stretch(from, to - from);
        const one = { sampleRate, heard: [heard[channel]!], reference: [reference[channel]!] };
        const at = from + changePlace(one, change);
        if (kind === 'level-jump') {
          options.errors.turn(channel, stepDb);
          isTurned = true;
        }
        places.push(at);
        // Both channels change together, as a rule.
        const isTold = this.#told?.kind === kind && Math.abs(at - this.#told.at) < SAME_FRAMES[kind] * FRAME;
        if (!isTold) reportChange(sound, this.#report, at, change);
        this.#told = { kind, at };
      }
    }
    return { places, isTurned };
  }
}
